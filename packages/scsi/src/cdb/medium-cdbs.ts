import { u16be, u24be, u32be } from 'buffer-layout';
import { bitFields, bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { control, opcode } from './common-fields.ts';
import type { PlainCdb } from './primary-cdbs.ts';

/** Fields of FORMAT UNIT. */
export interface FormatUnitCdb {
  /** Other than 0: format with protection information; refused. */
  FMTPINFO: number;
  /** 1: the parameter list has the long header. */
  LONGLIST: number;
  /** 1: there is a parameter list. */
  FMTDATA: number;
  /** 1: the list has all defects; there are none. */
  CMPLST: number;
  DEFECT_LIST_FORMAT: number;
  CONTROL: number;
}

/** FORMAT UNIT (SBC-3 5.3). */
export const FORMAT_UNIT: CdbDefinition<FormatUnitCdb> = defineCdb(
  'FORMAT UNIT',
  { operationCode: 0x04 },
  6,
  [opcode, flags('FMTPINFO:2', 'LONGLIST', 'FMTDATA', 'CMPLST', 'DEFECT_LIST_FORMAT:3'), bytes(3), control],
);

/** Fields of SANITIZE. */
export interface SanitizeCdb {
  /** 1: answer as soon as the CDB and the parameter list are checked. */
  IMMED: number;
  /** 1: zones are not reset; refused, there are none. */
  ZNR: number;
  /** 1: after a failure EXIT FAILURE MODE makes the unit usable again. */
  AUSE: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

function sanitize(name: string, serviceAction: number): CdbDefinition<SanitizeCdb> {
  return defineCdb(`SANITIZE, ${name}`, { operationCode: 0x48, serviceAction }, 10, [
    opcode,
    flags('IMMED', 'ZNR', 'AUSE', 'SERVICE_ACTION:5'),
    bytes(5),
    u16be('PARAMETER_LIST_LENGTH'),
    control,
  ]);
}

/** SANITIZE, OVERWRITE (SBC-3 5.24.2.2). */
export const SANITIZE_OVERWRITE: CdbDefinition<SanitizeCdb> = sanitize('OVERWRITE', 0x01);
/** SANITIZE, BLOCK ERASE (SBC-3 5.24.2.3). */
export const SANITIZE_BLOCK_ERASE: CdbDefinition<SanitizeCdb> = sanitize('BLOCK ERASE', 0x02);
/** SANITIZE, EXIT FAILURE MODE (SBC-3 5.24.2.5). */
export const SANITIZE_EXIT_FAILURE_MODE: CdbDefinition<SanitizeCdb> = sanitize('EXIT FAILURE MODE', 0x1f);

/** REZERO UNIT (SCSI-2 9.2.13). */
export const REZERO_UNIT: CdbDefinition<PlainCdb> = defineCdb('REZERO UNIT', { operationCode: 0x01 }, 6, [
  opcode,
  bytes(4),
  control,
]);

/** Fields of SEEK(6) and (10). */
export interface SeekCdb {
  LOGICAL_BLOCK_ADDRESS: number;
  CONTROL: number;
}

/** SEEK(6) (SCSI-2 9.2.15). */
export const SEEK_6: CdbDefinition<SeekCdb> = defineCdb('SEEK (6)', { operationCode: 0x0b }, 6, [
  opcode,
  bitFields(u24be(), 'RESERVED:3', 'LOGICAL_BLOCK_ADDRESS:21'),
  bytes(1),
  control,
]);

/** SEEK(10) (SCSI-2 9.2.15). */
export const SEEK_10: CdbDefinition<SeekCdb> = defineCdb('SEEK (10)', { operationCode: 0x2b }, 10, [
  opcode,
  bytes(1),
  u32be('LOGICAL_BLOCK_ADDRESS'),
  bytes(3),
  control,
]);
