import { u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { CD_BLOCK_BYTES, DiscProfile } from './disc-address.ts';

/** RT of GET CONFIGURATION: which features are asked for (MMC-6 table 298). */
export const RequestedFeatures = { ALL: 0b00, CURRENT: 0b01, ONE: 0b10 } as const;

/** Feature codes (MMC-6 table 90). */
export const FeatureCode = {
  PROFILE_LIST: 0x0000,
  CORE: 0x0001,
  MORPHING: 0x0002,
  REMOVABLE_MEDIUM: 0x0003,
  RANDOM_READABLE: 0x0010,
  CD_READ: 0x001e,
  DVD_READ: 0x001f,
} as const;

interface FeatureHeader {
  DATA_LENGTH: number;
  CURRENT_PROFILE: number;
}

const featureHeader: Structure<FeatureHeader> = structure(8, [
  u32be('DATA_LENGTH'),
  bytes(2),
  u16be('CURRENT_PROFILE'),
]);

/** A feature of a drive, as GET CONFIGURATION tells it (MMC-6 table 89). */
export interface DriveFeature {
  FEATURE_CODE: number;
  VERSION: number;
  /** 1: always current. */
  PERSISTENT: number;
  /** 1: can be used now. */
  CURRENT: number;
  ADDITIONAL_LENGTH: number;
}

const featureDescriptor: Structure<DriveFeature> = structure(4, [
  u16be('FEATURE_CODE'),
  flags('RESERVED:2', 'VERSION:4', 'PERSISTENT', 'CURRENT'),
  u8('ADDITIONAL_LENGTH'),
]);

const profileDescriptor = structure<{ PROFILE_NUMBER: number; CURRENTP: number }>(4, [
  u16be('PROFILE_NUMBER'),
  flags('RESERVED:7', 'CURRENTP'),
  bytes(1),
]);

/** Core (MMC-6 5.3.2); the drive is reached by SCSI. */
const core = structure<{ PHYSICAL_INTERFACE_STANDARD: number; DBE: number }>(8, [
  u32be('PHYSICAL_INTERFACE_STANDARD'),
  flags('RESERVED:6', 'INQ2', 'DBE'),
  bytes(3),
]);

/** Morphing (MMC-6 5.3.3): the drive is another one with another kind of disc, and tells nothing of that by itself. */
const morphing = structure<object>(4, [flags('RESERVED:6', 'OCEVENT', 'ASYNC'), bytes(3)]);

/** Removable Medium (MMC-6 5.3.4). */
const removableMedium = structure<{
  LOADING_MECHANISM_TYPE: number;
  LOAD: number;
  EJECT: number;
  LOCK: number;
}>(4, [flags('LOADING_MECHANISM_TYPE:3', 'LOAD', 'EJECT', 'PREVENT_JUMPER', 'DBML', 'LOCK'), bytes(3)]);

/** Random Readable (MMC-6 5.3.6). */
const randomReadable = structure<{ LOGICAL_BLOCK_SIZE: number; BLOCKING: number; PP: number }>(8, [
  u32be('LOGICAL_BLOCK_SIZE'),
  u16be('BLOCKING'),
  flags('RESERVED:7', 'PP'),
  bytes(1),
]);

/** CD Read (MMC-6 5.3.14). */
const cdRead = structure<object>(4, [flags('DAP', 'RESERVED:5', 'C2_FLAGS', 'CD_TEXT'), bytes(3)]);

const SCSI_FAMILY = 0x0000_0001;
const TRAY = 0b001;

interface Feature {
  readonly code: number;
  readonly version: number;
  /** The profiles with which it is current; all, and no disc, where this is left out. */
  readonly profiles?: readonly number[];
  readonly data: (profile: number) => Uint8Array;
}

/** What a drive of ours is, in ascending order. */
const FEATURES: readonly Feature[] = [
  {
    code: FeatureCode.PROFILE_LIST,
    version: 0,
    data: (profile) =>
      concatBytes(
        [DiscProfile.DVD_ROM, DiscProfile.CD_ROM].map((known) =>
          profileDescriptor.encode({ PROFILE_NUMBER: known, CURRENTP: known === profile ? 1 : 0 }),
        ),
      ),
  },
  {
    code: FeatureCode.CORE,
    version: 1,
    data: () => core.encode({ PHYSICAL_INTERFACE_STANDARD: SCSI_FAMILY }),
  },
  { code: FeatureCode.MORPHING, version: 1, data: () => morphing.encode({}) },
  {
    code: FeatureCode.REMOVABLE_MEDIUM,
    version: 2,
    data: () => removableMedium.encode({ LOADING_MECHANISM_TYPE: TRAY, LOAD: 1, EJECT: 1, LOCK: 1 }),
  },
  {
    code: FeatureCode.RANDOM_READABLE,
    version: 0,
    profiles: [DiscProfile.CD_ROM, DiscProfile.DVD_ROM],
    data: () => randomReadable.encode({ LOGICAL_BLOCK_SIZE: CD_BLOCK_BYTES, BLOCKING: 1 }),
  },
  { code: FeatureCode.CD_READ, version: 2, profiles: [DiscProfile.CD_ROM], data: () => cdRead.encode({}) },
  { code: FeatureCode.DVD_READ, version: 0, profiles: [DiscProfile.DVD_ROM], data: () => new Uint8Array(0) },
];

/**
 * The answer of GET CONFIGURATION.
 *
 * @param requested one of {@link RequestedFeatures}
 * @param starting the lowest feature code, or the one
 */
export function buildDriveFeatures(
  profile: number,
  requested: number,
  starting: number,
): Uint8Array<ArrayBuffer> {
  const wanted = FEATURES.filter((feature) => {
    if (requested === RequestedFeatures.ONE) return feature.code === starting;
    if (requested === RequestedFeatures.CURRENT && !isCurrent(feature, profile)) return false;
    return feature.code >= starting;
  });
  const body = concatBytes(wanted.flatMap((feature) => encodeFeature(feature, profile)));
  const length = featureHeader.spanBytes - 4 + body.length;
  return concatBytes([featureHeader.encode({ DATA_LENGTH: length, CURRENT_PROFILE: profile }), body]);
}

/** Reads the answer of GET CONFIGURATION: the current profile, and the features that were not cut off. */
export function parseDriveFeatures(data: Uint8Array): { profile: number; features: DriveFeature[] } {
  const header = featureHeader.decode(data);
  const end = Math.min(data.length, 4 + header.DATA_LENGTH);
  const features: DriveFeature[] = [];
  for (let at = featureHeader.spanBytes; at + featureDescriptor.spanBytes <= end;) {
    const feature = featureDescriptor.decode(data, at);
    features.push(feature);
    at += featureDescriptor.spanBytes + feature.ADDITIONAL_LENGTH;
  }
  return { profile: header.CURRENT_PROFILE, features };
}

function isCurrent({ profiles }: Feature, profile: number): boolean {
  return profiles?.includes(profile) ?? true;
}

function encodeFeature(feature: Feature, profile: number): Uint8Array[] {
  const data = feature.data(profile);
  const descriptor = featureDescriptor.encode({
    FEATURE_CODE: feature.code,
    VERSION: feature.version,
    PERSISTENT: feature.profiles === undefined ? 1 : 0,
    CURRENT: isCurrent(feature, profile) ? 1 : 0,
    ADDITIONAL_LENGTH: data.length,
  });
  return [descriptor, data];
}
