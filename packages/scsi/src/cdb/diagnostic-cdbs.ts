import { u16be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';

const opcode = u8('OPERATION_CODE');
const control = u8('CONTROL');

/** Fields of LOG SELECT. */
export interface LogSelectCdb {
  /** 1: every counter is set to zero; there is no parameter list then. */
  PCR: number;
  /** 1: save the counters; refused, they are not saved. */
  SP: number;
  /** 00b, 01b: what the list sets; 10b, 11b: the default values. */
  PC: number;
  PAGE_CODE: number;
  SUBPAGE_CODE: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** LOG SELECT (SPC-4 6.7). */
export const LOG_SELECT: CdbDefinition<LogSelectCdb> = defineCdb('LOG SELECT', { operationCode: 0x4c }, 10, [
  opcode,
  flags('RESERVED:6', 'PCR', 'SP'),
  flags('PC:2', 'PAGE_CODE:6'),
  u8('SUBPAGE_CODE'),
  bytes(3),
  u16be('PARAMETER_LIST_LENGTH'),
  control,
]);

/** Fields of LOG SENSE. */
export interface LogSenseCdb {
  /** Obsolete since SPC-4; refused. */
  PPC: number;
  /** 1: save the counters; refused, they are not saved. */
  SP: number;
  /** Page control; the pages hold lists, for which it means nothing. */
  PC: number;
  PAGE_CODE: number;
  SUBPAGE_CODE: number;
  /** The code of the first log parameter to return. */
  PARAMETER_POINTER: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** LOG SENSE (SPC-4 6.8). */
export const LOG_SENSE: CdbDefinition<LogSenseCdb> = defineCdb('LOG SENSE', { operationCode: 0x4d }, 10, [
  opcode,
  flags('RESERVED:6', 'PPC', 'SP'),
  flags('PC:2', 'PAGE_CODE:6'),
  u8('SUBPAGE_CODE'),
  bytes(1),
  u16be('PARAMETER_POINTER'),
  u16be('ALLOCATION_LENGTH'),
  control,
]);
