import { u16be, u32be, u8 } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** Standard disc information (MMC-6 table 369), the fields that mean something for a disc that is complete. */
export interface DiscInformation {
  DISC_INFORMATION_LENGTH: number;
  ERASABLE: number;
  /** 3: complete. */
  STATE_OF_LAST_SESSION: number;
  /** 2: finalized. */
  DISC_STATUS: number;
  NUMBER_OF_FIRST_TRACK: number;
  NUMBER_OF_SESSIONS: number;
  FIRST_TRACK_IN_LAST_SESSION: number;
  LAST_TRACK_IN_LAST_SESSION: number;
  /** 1: for unrestricted use. */
  URU: number;
  LAST_SESSION_LEAD_IN_START: number;
  LAST_POSSIBLE_LEAD_OUT_START: number;
}

const discInformation: Structure<DiscInformation> = structure(34, [
  u16be('DISC_INFORMATION_LENGTH'),
  flags('DATA_TYPE:3', 'ERASABLE', 'STATE_OF_LAST_SESSION:2', 'DISC_STATUS:2'),
  u8('NUMBER_OF_FIRST_TRACK'),
  u8('NUMBER_OF_SESSIONS'),
  u8('FIRST_TRACK_IN_LAST_SESSION'),
  u8('LAST_TRACK_IN_LAST_SESSION'),
  flags('DID_V', 'DBC_V', 'URU', 'DAC_V', 'RESERVED', 'DBIT', 'BG_FORMAT_STATUS:2'),
  bytes(8),
  u32be('LAST_SESSION_LEAD_IN_START'),
  u32be('LAST_POSSIBLE_LEAD_OUT_START'),
  bytes(10),
]);

/** Nothing more can be written, so there is no such address. */
const NOWHERE = 0xffff_ffff;

/** READ DISC INFORMATION of a disc of one session and one track. */
export function buildDiscInformation(): Uint8Array<ArrayBuffer> {
  return discInformation.encode({
    DISC_INFORMATION_LENGTH: discInformation.spanBytes - 2,
    STATE_OF_LAST_SESSION: 3,
    DISC_STATUS: 2,
    NUMBER_OF_FIRST_TRACK: 1,
    NUMBER_OF_SESSIONS: 1,
    FIRST_TRACK_IN_LAST_SESSION: 1,
    LAST_TRACK_IN_LAST_SESSION: 1,
    URU: 1,
    LAST_SESSION_LEAD_IN_START: NOWHERE,
    LAST_POSSIBLE_LEAD_OUT_START: NOWHERE,
  });
}

/** Reads standard disc information. */
export function parseDiscInformation(data: Uint8Array): DiscInformation {
  return discInformation.decode(data);
}

/** Track information (MMC-6 table 499), the fields that mean something for a track that is complete. */
export interface TrackInformation {
  TRACK_INFORMATION_LENGTH: number;
  TRACK_NUMBER: number;
  SESSION_NUMBER: number;
  /** 4: data. */
  TRACK_MODE: number;
  /** 1: mode 1, 2048 bytes of user data. */
  DATA_MODE: number;
  TRACK_START_ADDRESS: number;
  /** In blocks. */
  TRACK_SIZE: number;
}

const trackInformation: Structure<TrackInformation> = structure(36, [
  u16be('TRACK_INFORMATION_LENGTH'),
  u8('TRACK_NUMBER'),
  u8('SESSION_NUMBER'),
  bytes(1),
  flags('LJRS:2', 'DAMAGE', 'COPY', 'TRACK_MODE:4'),
  flags('RT', 'BLANK', 'PACKET', 'FP', 'DATA_MODE:4'),
  flags('RESERVED:6', 'LRA_V', 'NWA_V'),
  u32be('TRACK_START_ADDRESS'),
  bytes(12),
  u32be('TRACK_SIZE'),
  bytes(8),
]);

/** READ TRACK INFORMATION of the only track of a disc. */
export function buildTrackInformation(blockCount: number): Uint8Array<ArrayBuffer> {
  return trackInformation.encode({
    TRACK_INFORMATION_LENGTH: trackInformation.spanBytes - 2,
    TRACK_NUMBER: 1,
    SESSION_NUMBER: 1,
    TRACK_MODE: 4,
    DATA_MODE: 1,
    TRACK_SIZE: blockCount,
  });
}

/** Reads track information. */
export function parseTrackInformation(data: Uint8Array): TrackInformation {
  return trackInformation.decode(data);
}

/** Mechanism status (MMC-6 table 343) of a drive without a changer. */
export interface MechanismStatus {
  DOOR_OPEN: number;
  NUMBER_OF_SLOTS: number;
}

const mechanismStatus: Structure<MechanismStatus> = structure(8, [
  flags('FAULT', 'CHANGER_STATE:2', 'CURRENT_SLOT:5'),
  flags('MECHANISM_STATE:3', 'DOOR_OPEN', 'RESERVED:4'),
  bytes(3),
  u8('NUMBER_OF_SLOTS'),
  u16be('SLOT_TABLES_LENGTH'),
]);

/** MECHANISM STATUS. */
export function buildMechanismStatus(open: boolean): Uint8Array<ArrayBuffer> {
  return mechanismStatus.encode({ DOOR_OPEN: open ? 1 : 0, NUMBER_OF_SLOTS: 1 });
}

/** Reads mechanism status. */
export function parseMechanismStatus(data: Uint8Array): MechanismStatus {
  return mechanismStatus.decode(data);
}
