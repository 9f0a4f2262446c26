import { u16be, u24be, u32be, u8 } from 'buffer-layout';
import { bytes, flags } from '../structure.ts';
import {
  definePage,
  ModePageCode,
  pageLayout,
  type DiskGeometry,
  type ModePageDefinition,
  type ModePageHeader,
} from './mode-page-definition.ts';

/** The geometry that is told to those who still ask for one: every disk has these tracks, and enough of them. */
const HEADS = 255;
const SECTORS_PER_TRACK = 63;
const MAX_CYLINDERS = 0xff_ffff;

/** Disconnect-Reconnect mode page (SPC-4 7.5.10). Bursts are negotiated by iSCSI's text keys: 0 says so. */
const disconnectReconnectPage = pageLayout(16, [
  u8('BUFFER_FULL_RATIO'),
  u8('BUFFER_EMPTY_RATIO'),
  u16be('BUS_INACTIVITY_LIMIT'),
  u16be('DISCONNECT_TIME_LIMIT'),
  u16be('CONNECT_TIME_LIMIT'),
  u16be('MAXIMUM_BURST_SIZE'),
  flags('EMDP', 'FAIR_ARBITRATION:3', 'DIMM', 'DTDC:3'),
  bytes(1),
  u16be('FIRST_BURST_SIZE'),
]);

/** Format Device mode page (SCSI-2 9.3.3.3), which Solaris still asks for (T-N7). */
export interface FormatDevicePage extends ModePageHeader {
  SECTORS_PER_TRACK: number;
  DATA_BYTES_PER_PHYSICAL_SECTOR: number;
  /** 1: the medium can be taken out. */
  RMB: number;
}

const formatDevicePage = pageLayout<FormatDevicePage>(24, [
  u16be('TRACKS_PER_ZONE'),
  u16be('ALTERNATE_SECTORS_PER_ZONE'),
  u16be('ALTERNATE_TRACKS_PER_ZONE'),
  u16be('ALTERNATE_TRACKS_PER_LOGICAL_UNIT'),
  u16be('SECTORS_PER_TRACK'),
  u16be('DATA_BYTES_PER_PHYSICAL_SECTOR'),
  u16be('INTERLEAVE'),
  u16be('TRACK_SKEW_FACTOR'),
  u16be('CYLINDER_SKEW_FACTOR'),
  flags('SSEC', 'HSEC', 'RMB', 'SURF', 'RESERVED:4'),
  bytes(3),
]);

/** Rigid Disk Geometry mode page (SCSI-2 9.3.3.7). */
export interface RigidDiskGeometryPage extends ModePageHeader {
  NUMBER_OF_CYLINDERS: number;
  NUMBER_OF_HEADS: number;
}

const rigidDiskGeometryPage = pageLayout<RigidDiskGeometryPage>(24, [
  u24be('NUMBER_OF_CYLINDERS'),
  u8('NUMBER_OF_HEADS'),
  u24be('STARTING_CYLINDER_WRITE_PRECOMPENSATION'),
  u24be('STARTING_CYLINDER_REDUCED_WRITE_CURRENT'),
  u16be('DEVICE_STEP_RATE'),
  u24be('LANDING_ZONE_CYLINDER'),
  flags('RESERVED:6', 'RPL:2'),
  u8('ROTATIONAL_OFFSET'),
  bytes(1),
  u16be('MEDIUM_ROTATION_RATE'),
  bytes(2),
]);

/** Verify Error Recovery mode page (SBC-3 6.5.9): what is read is right or an error, so nothing is set. */
const verifyErrorRecoveryPage = pageLayout(12, [
  flags('RESERVED:4', 'EER', 'PER', 'DTE', 'DCR'),
  u8('VERIFY_RETRY_COUNT'),
  bytes(6),
  u16be('VERIFY_RECOVERY_TIME_LIMIT'),
]);

/** XOR Control mode page (SBC-2 6.3.6). */
export interface XorControlPage extends ModePageHeader {
  /** 1: the XOR commands are disabled. */
  XORDIS: number;
}

const xorControlPage = pageLayout<XorControlPage>(24, [
  flags('RESERVED:6', 'XORDIS', 'RESERVED'),
  bytes(1),
  u32be('MAXIMUM_XOR_WRITE_SIZE'),
  bytes(14),
  u16be('REBUILD_DELAY'),
]);

/** Power Condition mode page (SPC-4 7.5.13): there are none, so every timer is off. */
const powerConditionPage = pageLayout(40, [
  flags('PM_BG_PRECEDENCE:2', 'RESERVED:5', 'STANDBY_Y'),
  flags('RESERVED:4', 'IDLE_C', 'IDLE_B', 'IDLE_A', 'STANDBY_Z'),
  u32be('IDLE_A_CONDITION_TIMER'),
  u32be('STANDBY_Z_CONDITION_TIMER'),
  u32be('IDLE_B_CONDITION_TIMER'),
  u32be('IDLE_C_CONDITION_TIMER'),
  u32be('STANDBY_Y_CONDITION_TIMER'),
  bytes(15),
  flags('CCF_IDLE:2', 'CCF_STANDBY:2', 'CCF_STOPPED:2', 'RESERVED:2'),
]);

function cylinders({ blockCount }: DiskGeometry): number {
  return Math.min(MAX_CYLINDERS, Math.ceil(blockCount / (HEADS * SECTORS_PER_TRACK)));
}

/** Disconnect-Reconnect, Format Device, Rigid Disk Geometry. */
export const GEOMETRY_PAGES: readonly ModePageDefinition[] = [
  definePage(disconnectReconnectPage, ModePageCode.DISCONNECT_RECONNECT),
  definePage(formatDevicePage, ModePageCode.FORMAT_DEVICE, {
    geometry: ({ blockSize, removable }) => ({
      SECTORS_PER_TRACK,
      DATA_BYTES_PER_PHYSICAL_SECTOR: blockSize,
      RMB: removable ? 1 : 0,
    }),
  }),
  definePage(rigidDiskGeometryPage, ModePageCode.RIGID_DISK_GEOMETRY, {
    geometry: (disk) => ({ NUMBER_OF_CYLINDERS: cylinders(disk), NUMBER_OF_HEADS: HEADS }),
  }),
];

/** Verify Error Recovery. */
export const VERIFY_PAGE: ModePageDefinition = definePage(
  verifyErrorRecoveryPage,
  ModePageCode.VERIFY_ERROR_RECOVERY,
);

/** XOR Control and Power Condition. */
export const XOR_AND_POWER_PAGES: readonly ModePageDefinition[] = [
  definePage(xorControlPage, ModePageCode.XOR_CONTROL, { defaults: { XORDIS: 1 } }),
  definePage(powerConditionPage, ModePageCode.POWER_CONDITION),
];
