import { u16be, u32be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { action, control, opcode } from './common-fields.ts';

/** Fields of a CDB that has none but CONTROL. */
export interface PlainCdb {
  CONTROL: number;
}

/** TEST UNIT READY (SPC-4 6.47). */
export const TEST_UNIT_READY: CdbDefinition<PlainCdb> = defineCdb(
  'TEST UNIT READY',
  { operationCode: 0x00 },
  6,
  [opcode, bytes(4), control],
);

/** Fields of REQUEST SENSE. */
export interface RequestSenseCdb {
  /** 1: descriptor format sense data. */
  DESC: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** REQUEST SENSE (SPC-4 6.39). */
export const REQUEST_SENSE: CdbDefinition<RequestSenseCdb> = defineCdb(
  'REQUEST SENSE',
  { operationCode: 0x03 },
  6,
  [opcode, flags('RESERVED:7', 'DESC'), bytes(2), u8('ALLOCATION_LENGTH'), control],
);

/** Fields of INQUIRY. */
export interface InquiryCdb {
  /** Obsolete since SPC-3; refused. */
  CMDDT: number;
  /** 1: the vital product data page PAGE_CODE. */
  EVPD: number;
  PAGE_CODE: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** INQUIRY (SPC-4 6.6). */
export const INQUIRY: CdbDefinition<InquiryCdb> = defineCdb('INQUIRY', { operationCode: 0x12 }, 6, [
  opcode,
  flags('RESERVED:6', 'CMDDT', 'EVPD'),
  u8('PAGE_CODE'),
  u16be('ALLOCATION_LENGTH'),
  control,
]);

/** Fields of MODE SELECT (6) and (10). */
export interface ModeSelectCdb {
  /** Page format: 1 says that the parameters are mode pages. */
  PF: number;
  /** 1: save the pages too; refused where there is nowhere to save them. */
  SP: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** MODE SELECT(6) (SPC-4 6.11). */
export const MODE_SELECT_6: CdbDefinition<ModeSelectCdb> = defineCdb(
  'MODE SELECT (6)',
  { operationCode: 0x15 },
  6,
  [opcode, flags('RESERVED:3', 'PF', 'RESERVED:3', 'SP'), bytes(2), u8('PARAMETER_LIST_LENGTH'), control],
);

/** MODE SELECT(10) (SPC-4 6.12). */
export const MODE_SELECT_10: CdbDefinition<ModeSelectCdb> = defineCdb(
  'MODE SELECT (10)',
  { operationCode: 0x55 },
  10,
  [opcode, flags('RESERVED:3', 'PF', 'RESERVED:3', 'SP'), bytes(5), u16be('PARAMETER_LIST_LENGTH'), control],
);

/** Fields of MODE SENSE(6). */
export interface ModeSenseCdb {
  /** 1: no block descriptor in the answer. */
  DBD: number;
  /** Page control: 0 current, 1 changeable, 2 default, 3 saved values. */
  PC: number;
  PAGE_CODE: number;
  SUBPAGE_CODE: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** MODE SENSE(6) (SPC-4 6.13). */
export const MODE_SENSE_6: CdbDefinition<ModeSenseCdb> = defineCdb(
  'MODE SENSE (6)',
  { operationCode: 0x1a },
  6,
  [
    opcode,
    flags('RESERVED:4', 'DBD', 'RESERVED:3'),
    flags('PC:2', 'PAGE_CODE:6'),
    u8('SUBPAGE_CODE'),
    u8('ALLOCATION_LENGTH'),
    control,
  ],
);

/** Fields of MODE SENSE(10). */
export interface ModeSense10Cdb extends ModeSenseCdb {
  /** 1: the initiator takes the long block descriptor. */
  LLBAA: number;
}

/** MODE SENSE(10) (SPC-4 6.14). */
export const MODE_SENSE_10: CdbDefinition<ModeSense10Cdb> = defineCdb(
  'MODE SENSE (10)',
  { operationCode: 0x5a },
  10,
  [
    opcode,
    flags('RESERVED:3', 'LLBAA', 'DBD', 'RESERVED:3'),
    flags('PC:2', 'PAGE_CODE:6'),
    u8('SUBPAGE_CODE'),
    bytes(3),
    u16be('ALLOCATION_LENGTH'),
    control,
  ],
);

/** Fields of RESERVE(6) and RELEASE(6). */
export interface Reserve6Cdb {
  /** 1: for another initiator; refused. */
  THIRD_PARTY: number;
  /** 1: of a part of the unit; refused. */
  EXTENT: number;
  CONTROL: number;
}

const reserve6Fields = [
  opcode,
  flags('RESERVED:3', 'THIRD_PARTY', 'RESERVED:3', 'EXTENT'),
  bytes(3),
  control,
];

/** RESERVE(6) (SPC-2 7.21). */
export const RESERVE_6: CdbDefinition<Reserve6Cdb> = defineCdb(
  'RESERVE (6)',
  { operationCode: 0x16 },
  6,
  reserve6Fields,
);

/** RELEASE(6) (SPC-2 7.17). */
export const RELEASE_6: CdbDefinition<Reserve6Cdb> = defineCdb(
  'RELEASE (6)',
  { operationCode: 0x17 },
  6,
  reserve6Fields,
);

/** Fields of RESERVE(10) and RELEASE(10). */
export interface Reserve10Cdb extends Reserve6Cdb {
  /** 1: the third party is named in the parameter list; refused. */
  LONGID: number;
  PARAMETER_LIST_LENGTH: number;
}

const reserve10Fields = [
  opcode,
  flags('RESERVED:3', 'THIRD_PARTY', 'RESERVED:2', 'LONGID', 'EXTENT'),
  bytes(5),
  u16be('PARAMETER_LIST_LENGTH'),
  control,
];

/** RESERVE(10) (SPC-2 7.20). */
export const RESERVE_10: CdbDefinition<Reserve10Cdb> = defineCdb(
  'RESERVE (10)',
  { operationCode: 0x56 },
  10,
  reserve10Fields,
);

/** RELEASE(10) (SPC-2 7.16). */
export const RELEASE_10: CdbDefinition<Reserve10Cdb> = defineCdb(
  'RELEASE (10)',
  { operationCode: 0x57 },
  10,
  reserve10Fields,
);

/** Fields of REPORT LUNS. */
export interface ReportLunsCdb {
  /** 0: ordinary units, 1: well-known units, 2: both. */
  SELECT_REPORT: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** REPORT LUNS (SPC-4 6.33). */
export const REPORT_LUNS: CdbDefinition<ReportLunsCdb> = defineCdb(
  'REPORT LUNS',
  { operationCode: 0xa0 },
  12,
  [opcode, bytes(1), u8('SELECT_REPORT'), bytes(3), u32be('ALLOCATION_LENGTH'), bytes(1), control],
);

/** Fields of REPORT SUPPORTED OPERATION CODES. */
export interface ReportSupportedOperationCodesCdb {
  /** 1: with command timeouts descriptors. */
  RCTD: number;
  /** 0: all commands, 1: one operation code, 2: one operation code with its service action. */
  REPORTING_OPTIONS: number;
  REQUESTED_OPERATION_CODE: number;
  REQUESTED_SERVICE_ACTION: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** REPORT SUPPORTED OPERATION CODES (SPC-4 6.35). */
export const REPORT_SUPPORTED_OPERATION_CODES: CdbDefinition<ReportSupportedOperationCodesCdb> = defineCdb(
  'REPORT SUPPORTED OPERATION CODES',
  { operationCode: 0xa3, serviceAction: 0x0c },
  12,
  [
    opcode,
    action,
    flags('RCTD', 'RESERVED:4', 'REPORTING_OPTIONS:3'),
    u8('REQUESTED_OPERATION_CODE'),
    u16be('REQUESTED_SERVICE_ACTION'),
    u32be('ALLOCATION_LENGTH'),
    bytes(1),
    control,
  ],
);

/** Fields of START STOP UNIT. */
export interface StartStopUnitCdb {
  /** 1: answer as soon as the CDB is checked. */
  IMMED: number;
  POWER_CONDITION_MODIFIER: number;
  /** Other than 0: a power condition; refused. */
  POWER_CONDITION: number;
  /** 1: stop without writing the cache to the medium first. */
  NO_FLUSH: number;
  /** 1: load (START 1) or eject (START 0); refused where the medium is not removable. */
  LOEJ: number;
  START: number;
  CONTROL: number;
}

/** START STOP UNIT (SBC-3 5.25). */
export const START_STOP_UNIT: CdbDefinition<StartStopUnitCdb> = defineCdb(
  'START STOP UNIT',
  { operationCode: 0x1b },
  6,
  [
    opcode,
    flags('RESERVED:7', 'IMMED'),
    bytes(1),
    flags('RESERVED:4', 'POWER_CONDITION_MODIFIER:4'),
    flags('POWER_CONDITION:4', 'RESERVED', 'NO_FLUSH', 'LOEJ', 'START'),
    control,
  ],
);

/** Fields of PREVENT ALLOW MEDIUM REMOVAL. */
export interface PreventAllowCdb {
  /** 1: a prevention that outlives resets (MMC); refused. */
  PERSISTENT: number;
  /** 1: nobody may eject the medium, until this initiator says 0 or is gone. */
  PREVENT: number;
  CONTROL: number;
}

/** PREVENT ALLOW MEDIUM REMOVAL (SPC-3 6.13, MMC-6 6.13). */
export const PREVENT_ALLOW_MEDIUM_REMOVAL: CdbDefinition<PreventAllowCdb> = defineCdb(
  'PREVENT ALLOW MEDIUM REMOVAL',
  { operationCode: 0x1e },
  6,
  [opcode, bytes(3), flags('RESERVED:6', 'PERSISTENT', 'PREVENT'), control],
);

/** Fields of UNMAP. */
export interface UnmapCdb {
  /** 1: anchor the blocks; refused. */
  ANCHOR: number;
  GROUP_NUMBER: number;
  PARAMETER_LIST_LENGTH: number;
  CONTROL: number;
}

/** UNMAP (SBC-3 5.28). */
export const UNMAP: CdbDefinition<UnmapCdb> = defineCdb('UNMAP', { operationCode: 0x42 }, 10, [
  opcode,
  flags('RESERVED:7', 'ANCHOR'),
  bytes(4),
  flags('RESERVED:3', 'GROUP_NUMBER:5'),
  u16be('PARAMETER_LIST_LENGTH'),
  control,
]);

/** Fields of READ CAPACITY(10). */
export interface ReadCapacity10Cdb {
  /** Obsolete since SBC-3; ignored, as PMI is. */
  LOGICAL_BLOCK_ADDRESS: number;
  PMI: number;
  CONTROL: number;
}

/** READ CAPACITY(10) (SBC-3 5.15). */
export const READ_CAPACITY_10: CdbDefinition<ReadCapacity10Cdb> = defineCdb(
  'READ CAPACITY (10)',
  { operationCode: 0x25 },
  10,
  [opcode, bytes(1), u32be('LOGICAL_BLOCK_ADDRESS'), bytes(2), flags('RESERVED:7', 'PMI'), control],
);
