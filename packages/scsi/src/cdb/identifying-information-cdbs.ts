import { u32be } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

/** Fields of REPORT IDENTIFYING INFORMATION. */
export interface ReportIdentifyingInformationCdb {
  ALLOCATION_LENGTH: number;
  /** One of `InformationType`. */
  INFORMATION_TYPE: number;
  CONTROL: number;
}

/** REPORT IDENTIFYING INFORMATION (SPC-4 6.32). */
export const REPORT_IDENTIFYING_INFORMATION: CdbDefinition<ReportIdentifyingInformationCdb> = defineCdb(
  'REPORT IDENTIFYING INFORMATION',
  { operationCode: 0xa3, serviceAction: 0x05 },
  12,
  [opcode, action, bytes(4), u32be('ALLOCATION_LENGTH'), flags('INFORMATION_TYPE:7', 'RESERVED'), control],
);

/** Fields of SET IDENTIFYING INFORMATION. */
export interface SetIdentifyingInformationCdb {
  PARAMETER_LIST_LENGTH: number;
  /** One of `InformationType`. */
  INFORMATION_TYPE: number;
  CONTROL: number;
}

/** SET IDENTIFYING INFORMATION (SPC-4 6.43). */
export const SET_IDENTIFYING_INFORMATION: CdbDefinition<SetIdentifyingInformationCdb> = defineCdb(
  'SET IDENTIFYING INFORMATION',
  { operationCode: 0xa4, serviceAction: 0x06 },
  12,
  [
    opcode,
    action,
    bytes(4),
    u32be('PARAMETER_LIST_LENGTH'),
    flags('INFORMATION_TYPE:7', 'RESERVED'),
    control,
  ],
);
