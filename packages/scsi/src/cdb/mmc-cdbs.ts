import { u16be, u24be, u32be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import { defineCdb, type CdbDefinition } from './cdb-definition.ts';
import { control, opcode } from './common-fields.ts';

const allocation = u16be('ALLOCATION_LENGTH');

/** PERIPHERAL DEVICE TYPE of a CD/DVD drive. */
const deviceType = 0x05;

/** Fields of READ TOC/PMA/ATIP. */
export interface ReadTocCdb {
  /** 1: addresses as minute, second and frame. */
  MSF: number;
  /** 0: TOC, 1: session information, 2: full TOC; others are refused. */
  FORMAT: number;
  /** First track of format 0, first session of format 2. */
  TRACK_SESSION_NUMBER: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** READ TOC/PMA/ATIP (MMC-6 6.25). */
export const READ_TOC_PMA_ATIP: CdbDefinition<ReadTocCdb> = defineCdb(
  'READ TOC/PMA/ATIP',
  { operationCode: 0x43, deviceType },
  10,
  [
    opcode,
    flags('RESERVED:6', 'MSF', 'RESERVED'),
    flags('RESERVED:4', 'FORMAT:4'),
    bytes(3),
    u8('TRACK_SESSION_NUMBER'),
    allocation,
    control,
  ],
);

/** Fields of GET CONFIGURATION. */
export interface GetConfigurationCdb {
  /** 0: all features, 1: those that are current, 2: one feature. */
  RT: number;
  STARTING_FEATURE_NUMBER: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** GET CONFIGURATION (MMC-6 6.5). */
export const GET_CONFIGURATION: CdbDefinition<GetConfigurationCdb> = defineCdb(
  'GET CONFIGURATION',
  { operationCode: 0x46, deviceType },
  10,
  [opcode, flags('RESERVED:6', 'RT:2'), u16be('STARTING_FEATURE_NUMBER'), bytes(3), allocation, control],
);

/** Fields of GET EVENT STATUS NOTIFICATION. */
export interface GetEventStatusCdb {
  /** 1: answer at once; 0, to be told later, is refused. */
  POLLED: number;
  /** A bit for each class of events. */
  NOTIFICATION_CLASS_REQUEST: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** GET EVENT STATUS NOTIFICATION (MMC-6 6.6). */
export const GET_EVENT_STATUS_NOTIFICATION: CdbDefinition<GetEventStatusCdb> = defineCdb(
  'GET EVENT STATUS NOTIFICATION',
  { operationCode: 0x4a, deviceType },
  10,
  [
    opcode,
    flags('RESERVED:7', 'POLLED'),
    bytes(2),
    u8('NOTIFICATION_CLASS_REQUEST'),
    bytes(2),
    allocation,
    control,
  ],
);

/** Fields of READ DISC INFORMATION. */
export interface ReadDiscInformationCdb {
  /** 0: standard disc information; others are refused. */
  DATA_TYPE: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** READ DISC INFORMATION (MMC-6 6.21). */
export const READ_DISC_INFORMATION: CdbDefinition<ReadDiscInformationCdb> = defineCdb(
  'READ DISC INFORMATION',
  { operationCode: 0x51, deviceType },
  10,
  [opcode, flags('RESERVED:5', 'DATA_TYPE:3'), bytes(5), allocation, control],
);

/** Fields of READ TRACK INFORMATION. */
export interface ReadTrackInformationCdb {
  /** 1: tracks that are open; there are none, refused. */
  OPEN: number;
  /** What the address is: 0 an LBA, 1 a track, 2 a session. */
  ADDRESS_NUMBER_TYPE: number;
  LOGICAL_BLOCK_ADDRESS: number;
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** READ TRACK INFORMATION (MMC-6 6.26). */
export const READ_TRACK_INFORMATION: CdbDefinition<ReadTrackInformationCdb> = defineCdb(
  'READ TRACK INFORMATION',
  { operationCode: 0x52, deviceType },
  10,
  [
    opcode,
    flags('RESERVED:5', 'OPEN', 'ADDRESS_NUMBER_TYPE:2'),
    u32be('LOGICAL_BLOCK_ADDRESS'),
    bytes(1),
    allocation,
    control,
  ],
);

/** Fields of READ DISC STRUCTURE. */
export interface ReadDiscStructureCdb {
  /** 0: DVD; others are refused. */
  MEDIA_TYPE: number;
  ADDRESS: number;
  /** 0 is the only one. */
  LAYER_NUMBER: number;
  /** 00h physical format, 01h copyright, 04h manufacturing, FFh which there are. */
  FORMAT: number;
  ALLOCATION_LENGTH: number;
  AGID: number;
  CONTROL: number;
}

/** READ DISC STRUCTURE, also known as READ DVD STRUCTURE (MMC-6 6.22). */
export const READ_DISC_STRUCTURE: CdbDefinition<ReadDiscStructureCdb> = defineCdb(
  'READ DISC STRUCTURE',
  { operationCode: 0xad, deviceType },
  12,
  [
    opcode,
    flags('RESERVED:4', 'MEDIA_TYPE:4'),
    u32be('ADDRESS'),
    u8('LAYER_NUMBER'),
    u8('FORMAT'),
    allocation,
    flags('AGID:2', 'RESERVED:6'),
    control,
  ],
);

/** Fields of MECHANISM STATUS. */
export interface MechanismStatusCdb {
  ALLOCATION_LENGTH: number;
  CONTROL: number;
}

/** MECHANISM STATUS (MMC-6 6.9). */
export const MECHANISM_STATUS: CdbDefinition<MechanismStatusCdb> = defineCdb(
  'MECHANISM STATUS',
  { operationCode: 0xbd, deviceType },
  12,
  [opcode, bytes(7), allocation, bytes(1), control],
);

/** Fields of READ CD. */
export interface ReadCdCdb {
  /** 0: any, 2: mode 1; other sectors are not on the disc. */
  EXPECTED_SECTOR_TYPE: number;
  /** Of audio only. */
  DAP: number;
  STARTING_LOGICAL_BLOCK_ADDRESS: number;
  /** In blocks. */
  TRANSFER_LENGTH: number;
  /** What of a sector is wanted: these four, and C2 error bits, are refused. */
  SYNC: number;
  HEADER_CODES: number;
  /** 1: the 2048 bytes of user data. */
  USER_DATA: number;
  EDC_AND_ECC: number;
  C2_ERROR_INFORMATION: number;
  /** Other than 0: sub-channel data; refused. */
  SUB_CHANNEL_SELECTION: number;
  CONTROL: number;
}

/** READ CD (MMC-6 6.19). */
export const READ_CD: CdbDefinition<ReadCdCdb> = defineCdb(
  'READ CD',
  { operationCode: 0xbe, deviceType },
  12,
  [
    opcode,
    flags('RESERVED:3', 'EXPECTED_SECTOR_TYPE:3', 'DAP', 'RESERVED'),
    u32be('STARTING_LOGICAL_BLOCK_ADDRESS'),
    u24be('TRANSFER_LENGTH'),
    flags('SYNC', 'HEADER_CODES:2', 'USER_DATA', 'EDC_AND_ECC', 'C2_ERROR_INFORMATION:2', 'RESERVED'),
    flags('RESERVED:5', 'SUB_CHANNEL_SELECTION:3'),
    control,
  ],
);
