import { u32be } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

/** Operation codes of MAINTENANCE IN and OUT, whose service actions are the commands. */
const MAINTENANCE_IN = 0xa3;
const MAINTENANCE_OUT = 0xa4;

/** Fields of REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS. */
export interface ReportSupportedTmfCdb {
  /** 1: the extended form of the answer, with timeouts. */
  REPD: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.36). */
export const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS: CdbDefinition<ReportSupportedTmfCdb> = defineCdb(
  'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  { operationCode: MAINTENANCE_IN, serviceAction: 0x0d },
  12,
  [opcode, action, flags('REPD', 'RESERVED:7'), bytes(3), u32be('ALLOCATION_LENGTH'), bytes(1), control],
);

/** Fields of REPORT TIMESTAMP. */
export interface ReportTimestampCdb {
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** REPORT TIMESTAMP (SPC-4 6.38). */
export const REPORT_TIMESTAMP: CdbDefinition<ReportTimestampCdb> = defineCdb(
  'REPORT TIMESTAMP',
  { operationCode: MAINTENANCE_IN, serviceAction: 0x0f },
  12,
  [opcode, action, bytes(4), u32be('ALLOCATION_LENGTH'), bytes(1), control],
);

/** Fields of SET TIMESTAMP. */
export interface SetTimestampCdb {
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** SET TIMESTAMP (SPC-4 6.46). */
export const SET_TIMESTAMP: CdbDefinition<SetTimestampCdb> = defineCdb(
  'SET TIMESTAMP',
  { operationCode: MAINTENANCE_OUT, serviceAction: 0x0f },
  12,
  [opcode, action, bytes(4), u32be('PARAMETER_LIST_LENGTH'), bytes(1), control],
);
