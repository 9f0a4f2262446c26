import { u16be, u24be, u32be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { control, opcode } from './common-fields.ts';

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

/** Fields of READ DEFECT DATA(10). */
export interface ReadDefectDataCdb {
  /** 1: the defects that the disk was made with. */
  REQ_PLIST: number;
  /** 1: the defects that it got later. */
  REQ_GLIST: number;
  DEFECT_LIST_FORMAT: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

const defectListFlags = flags('RESERVED:3', 'REQ_PLIST', 'REQ_GLIST', 'DEFECT_LIST_FORMAT:3');

/** READ DEFECT DATA(10) (SBC-3 5.17). */
export const READ_DEFECT_DATA_10: CdbDefinition<ReadDefectDataCdb> = defineCdb(
  'READ DEFECT DATA (10)',
  { operationCode: 0x37 },
  10,
  [opcode, bytes(1), defectListFlags, bytes(4), u16be('ALLOCATION_LENGTH'), control],
);

/** Fields of READ DEFECT DATA(12). */
export interface ReadDefectData12Cdb extends ReadDefectDataCdb {
  /** The first descriptor to return; in a list without any it means nothing. */
  ADDRESS_DESCRIPTOR_INDEX: number;
}

/** READ DEFECT DATA(12) (SBC-3 5.18). */
export const READ_DEFECT_DATA_12: CdbDefinition<ReadDefectData12Cdb> = defineCdb(
  'READ DEFECT DATA (12)',
  { operationCode: 0xb7 },
  12,
  [opcode, defectListFlags, u32be('ADDRESS_DESCRIPTOR_INDEX'), u32be('ALLOCATION_LENGTH'), bytes(1), control],
);

/** Fields of RECEIVE DIAGNOSTIC RESULTS. */
export interface ReceiveDiagnosticResultsCdb {
  /** 1: the page PAGE_CODE; 0: the page that SEND DIAGNOSTIC asked for last. */
  PCV: number;
  PAGE_CODE: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.27). */
export const RECEIVE_DIAGNOSTIC_RESULTS: CdbDefinition<ReceiveDiagnosticResultsCdb> = defineCdb(
  'RECEIVE DIAGNOSTIC RESULTS',
  { operationCode: 0x1c },
  6,
  [opcode, flags('RESERVED:7', 'PCV'), u8('PAGE_CODE'), u16be('ALLOCATION_LENGTH'), control],
);

/** Fields of SEND DIAGNOSTIC. */
export interface SendDiagnosticCdb {
  /** 5: foreground short, 6: foreground extended self-test; background ones are refused. */
  SELF_TEST_CODE: number;
  /** 1: the parameter list is a diagnostic page. */
  PF: number;
  /** 1: the default self-test. */
  SELFTEST: number;
  /** 1: the test may disturb other units; it never does. */
  DEVOFFL: number;
  /** 1: the test may disturb this unit; it never does. */
  UNITOFFL: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** SEND DIAGNOSTIC (SPC-4 6.42). */
export const SEND_DIAGNOSTIC: CdbDefinition<SendDiagnosticCdb> = defineCdb(
  'SEND DIAGNOSTIC',
  { operationCode: 0x1d },
  6,
  [
    opcode,
    flags('SELF_TEST_CODE:3', 'PF', 'RESERVED', 'SELFTEST', 'DEVOFFL', 'UNITOFFL'),
    bytes(1),
    u16be('PARAMETER_LIST_LENGTH'),
    control,
  ],
);

/** Fields of WRITE BUFFER. */
export interface WriteBufferCdb {
  /** 02h: data, 0Ah: echo; others are refused. */
  MODE: number;
  BUFFER_ID: number;
  BUFFER_OFFSET: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** Fields of READ BUFFER(10). */
export interface ReadBufferCdb {
  /** 02h: data, 03h: descriptor, 0Ah: echo, 0Bh: echo descriptor, 1Ch: error history; others are refused. */
  MODE: number;
  BUFFER_ID: number;
  BUFFER_OFFSET: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

const bufferMode = flags('MODE_SPECIFIC:3', 'MODE:5');

/** WRITE BUFFER (SPC-4 6.49). */
export const WRITE_BUFFER: CdbDefinition<WriteBufferCdb> = defineCdb(
  'WRITE BUFFER',
  { operationCode: 0x3b },
  10,
  [opcode, bufferMode, u8('BUFFER_ID'), u24be('BUFFER_OFFSET'), u24be('PARAMETER_LIST_LENGTH'), control],
);

/** READ BUFFER(10) (SPC-4 6.18). */
export const READ_BUFFER: CdbDefinition<ReadBufferCdb> = defineCdb(
  'READ BUFFER',
  { operationCode: 0x3c },
  10,
  [opcode, bufferMode, u8('BUFFER_ID'), u24be('BUFFER_OFFSET'), u24be('ALLOCATION_LENGTH'), control],
);
