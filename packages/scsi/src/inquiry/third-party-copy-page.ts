import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { buildVpdPage, VpdPage } from './vpd-page.ts';

/** THIRD-PARTY COPY DESCRIPTOR TYPE (SPC-4 table 645). */
export const ThirdPartyCopyDescriptorType = {
  BLOCK_DEVICE_ROD_LIMITS: 0x0000,
  SUPPORTED_COMMANDS: 0x0001,
  PARAMETER_DATA: 0x0004,
  SUPPORTED_DESCRIPTORS: 0x0008,
  SUPPORTED_CSCD_IDS: 0x000c,
  ROD_TOKEN_FEATURES: 0x0106,
  SUPPORTED_ROD_TYPES: 0x0108,
  GENERAL_COPY_OPERATIONS: 0x8001,
} as const;

interface DescriptorHeader {
  THIRD_PARTY_COPY_DESCRIPTOR_TYPE: number;
  THIRD_PARTY_COPY_DESCRIPTOR_LENGTH: number;
}

/** Third-party copy descriptor header (SPC-4 table 644). */
const descriptorHeader: Structure<DescriptorHeader> = structure(4, [
  u16be('THIRD_PARTY_COPY_DESCRIPTOR_TYPE'),
  u16be('THIRD_PARTY_COPY_DESCRIPTOR_LENGTH'),
]);

/** Block Device ROD Limits (SBC-3 6.6.9.3). Sizes are in logical blocks. */
export interface BlockDeviceRodLimits {
  MAXIMUM_RANGE_DESCRIPTORS: number;
  /** Seconds. */
  MAXIMUM_INACTIVITY_TIMEOUT: number;
  DEFAULT_INACTIVITY_TIMEOUT: number;
  MAXIMUM_TOKEN_TRANSFER_SIZE: number;
  OPTIMAL_TRANSFER_COUNT: number;
}

const rodLimits: Structure<BlockDeviceRodLimits> = structure(32, [
  bytes(6),
  u16be('MAXIMUM_RANGE_DESCRIPTORS'),
  u32be('MAXIMUM_INACTIVITY_TIMEOUT'),
  u32be('DEFAULT_INACTIVITY_TIMEOUT'),
  nu64be('MAXIMUM_TOKEN_TRANSFER_SIZE'),
  nu64be('OPTIMAL_TRANSFER_COUNT'),
]);

interface ParameterData {
  MAXIMUM_CSCD_DESCRIPTOR_COUNT: number;
  MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: number;
  MAXIMUM_DESCRIPTOR_LIST_LENGTH: number;
  MAXIMUM_INLINE_DATA_LENGTH: number;
}

/** Parameter Data (SPC-4 table 648). */
const parameterData: Structure<ParameterData> = structure(28, [
  bytes(4),
  u16be('MAXIMUM_CSCD_DESCRIPTOR_COUNT'),
  u16be('MAXIMUM_SEGMENT_DESCRIPTOR_COUNT'),
  u32be('MAXIMUM_DESCRIPTOR_LIST_LENGTH'),
  u32be('MAXIMUM_INLINE_DATA_LENGTH'),
  bytes(12),
]);

interface RodTokenFeatures {
  REMOTE_TOKENS: number;
  MINIMUM_TOKEN_LIFETIME: number;
  MAXIMUM_TOKEN_LIFETIME: number;
  MAXIMUM_TOKEN_INACTIVITY_TIMEOUT: number;
  ROD_DEVICE_TYPE_SPECIFIC_FEATURES_DESCRIPTORS_LENGTH: number;
}

/** ROD Token Features up to the device types (SPC-4 table 651). */
const rodTokenFeatures: Structure<RodTokenFeatures> = structure(44, [
  flags('RESERVED:4', 'REMOTE_TOKENS:4'),
  bytes(11),
  u32be('MINIMUM_TOKEN_LIFETIME'),
  u32be('MAXIMUM_TOKEN_LIFETIME'),
  u32be('MAXIMUM_TOKEN_INACTIVITY_TIMEOUT'),
  bytes(18),
  u16be('ROD_DEVICE_TYPE_SPECIFIC_FEATURES_DESCRIPTORS_LENGTH'),
]);

interface BlockRodFeatures {
  PERIPHERAL_DEVICE_TYPE: number;
  DESCRIPTOR_LENGTH: number;
  OPTIMAL_BLOCK_ROD_LENGTH_GRANULARITY: number;
  MAXIMUM_BYTES_IN_BLOCK_ROD: number;
  OPTIMAL_BYTES_IN_BLOCK_ROD_TRANSFER: number;
  OPTIMAL_BYTES_TO_TOKEN_PER_SEGMENT: number;
  OPTIMAL_BYTES_FROM_TOKEN_PER_SEGMENT: number;
}

/** Block ROD device type specific features (SPC-4 table 653). */
const blockRodFeatures: Structure<BlockRodFeatures> = structure(48, [
  flags('DESCRIPTOR_FORMAT:3', 'PERIPHERAL_DEVICE_TYPE:5'),
  bytes(1),
  u16be('DESCRIPTOR_LENGTH'),
  bytes(2),
  u16be('OPTIMAL_BLOCK_ROD_LENGTH_GRANULARITY'),
  nu64be('MAXIMUM_BYTES_IN_BLOCK_ROD'),
  nu64be('OPTIMAL_BYTES_IN_BLOCK_ROD_TRANSFER'),
  nu64be('OPTIMAL_BYTES_TO_TOKEN_PER_SEGMENT'),
  nu64be('OPTIMAL_BYTES_FROM_TOKEN_PER_SEGMENT'),
  bytes(8),
]);

interface RodTypeDescriptor {
  ROD_TYPE: number;
  TOKEN_IN: number;
  TOKEN_OUT: number;
}

/** ROD type descriptor (SPC-4 table 657). */
const rodTypeDescriptor: Structure<RodTypeDescriptor> = structure(64, [
  u32be('ROD_TYPE'),
  flags('ECPY_INT', 'RESERVED:5', 'TOKEN_IN', 'TOKEN_OUT'),
  bytes(1),
  u16be('PREFERENCE_INDICATION'),
  bytes(56),
]);

interface GeneralCopyOperations {
  TOTAL_CONCURRENT_COPIES: number;
  MAXIMUM_IDENTIFIED_CONCURRENT_COPIES: number;
  MAXIMUM_SEGMENT_LENGTH: number;
  DATA_SEGMENT_GRANULARITY: number;
}

/** General Copy Operations (SPC-4 7.8.17.10). */
const generalCopyOperations: Structure<GeneralCopyOperations> = structure(32, [
  u32be('TOTAL_CONCURRENT_COPIES'),
  u32be('MAXIMUM_IDENTIFIED_CONCURRENT_COPIES'),
  u32be('MAXIMUM_SEGMENT_LENGTH'),
  u8('DATA_SEGMENT_GRANULARITY'),
  u8('INLINE_DATA_GRANULARITY'),
  bytes(18),
]);

/** What a copy manager says of itself. */
export interface ThirdPartyCopyOptions {
  readonly rodLimits: Partial<BlockDeviceRodLimits>;
  /** Service actions by operation code; both ascend. */
  readonly commands: ReadonlyMap<number, readonly number[]>;
  readonly maxCscdDescriptors: number;
  readonly maxSegmentDescriptors: number;
  readonly maxDescriptorListBytes: number;
  /** Type codes of segment and CSCD descriptors, ascending. */
  readonly descriptorTypes: Uint8Array;
  /** CSCD descriptor IDs beyond 07FFh, ascending. */
  readonly cscdIds: readonly number[];
  readonly tokenLifetimeSeconds: number;
  readonly maxRodBytes: number;
  readonly optimalRodBytes: number;
  readonly optimalRodGranularityBlocks: number;
  /** ROD types, ascending: whether tokens of the type are taken and made. */
  readonly rodTypes: readonly {
    readonly rodType: number;
    readonly tokenIn: boolean;
    readonly tokenOut: boolean;
  }[];
  readonly totalConcurrentCopies: number;
  readonly maxIdentifiedCopies: number;
}

/** VPD page 8Fh, Third-party Copy (SPC-4 7.8.17). The first descriptor is the one that Windows looks for. */
export function buildThirdPartyCopy(options: ThirdPartyCopyOptions): Uint8Array<ArrayBuffer> {
  const type = ThirdPartyCopyDescriptorType;
  const commands = [...options.commands].map(([operationCode, actions]) =>
    Uint8Array.of(operationCode, actions.length, ...actions),
  );
  const ids = options.cscdIds.flatMap((id) => [id >> 8, id & 0xff]);
  const body = [
    descriptor(type.BLOCK_DEVICE_ROD_LIMITS, rodLimits.encode(options.rodLimits)),
    descriptor(type.SUPPORTED_COMMANDS, counted(concatBytes(commands))),
    descriptor(
      type.PARAMETER_DATA,
      parameterData.encode({
        MAXIMUM_CSCD_DESCRIPTOR_COUNT: options.maxCscdDescriptors,
        MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: options.maxSegmentDescriptors,
        MAXIMUM_DESCRIPTOR_LIST_LENGTH: options.maxDescriptorListBytes,
      }),
    ),
    descriptor(type.SUPPORTED_DESCRIPTORS, counted(options.descriptorTypes)),
    descriptor(type.SUPPORTED_CSCD_IDS, Uint8Array.of(ids.length >> 8, ids.length & 0xff, ...ids)),
    descriptor(type.ROD_TOKEN_FEATURES, features(options)),
    descriptor(type.SUPPORTED_ROD_TYPES, rodTypes(options)),
    descriptor(
      type.GENERAL_COPY_OPERATIONS,
      generalCopyOperations.encode({
        TOTAL_CONCURRENT_COPIES: options.totalConcurrentCopies,
        MAXIMUM_IDENTIFIED_CONCURRENT_COPIES: options.maxIdentifiedCopies,
      }),
    ),
  ];
  return buildVpdPage(VpdPage.THIRD_PARTY_COPY, concatBytes(body));
}

function features(options: ThirdPartyCopyOptions): Uint8Array {
  const block = blockRodFeatures.encode({
    DESCRIPTOR_LENGTH: blockRodFeatures.spanBytes - 4,
    OPTIMAL_BLOCK_ROD_LENGTH_GRANULARITY: options.optimalRodGranularityBlocks,
    MAXIMUM_BYTES_IN_BLOCK_ROD: options.maxRodBytes,
    OPTIMAL_BYTES_IN_BLOCK_ROD_TRANSFER: options.optimalRodBytes,
    OPTIMAL_BYTES_TO_TOKEN_PER_SEGMENT: options.maxRodBytes,
    OPTIMAL_BYTES_FROM_TOKEN_PER_SEGMENT: options.optimalRodBytes,
  });
  const fixed = rodTokenFeatures.encode({
    MINIMUM_TOKEN_LIFETIME: options.tokenLifetimeSeconds,
    MAXIMUM_TOKEN_LIFETIME: options.tokenLifetimeSeconds,
    MAXIMUM_TOKEN_INACTIVITY_TIMEOUT: options.rodLimits.MAXIMUM_INACTIVITY_TIMEOUT ?? 0,
    ROD_DEVICE_TYPE_SPECIFIC_FEATURES_DESCRIPTORS_LENGTH: block.length,
  });
  return concatBytes([fixed, block]);
}

function rodTypes({ rodTypes: types }: ThirdPartyCopyOptions): Uint8Array {
  const descriptors = types.map(({ rodType, tokenIn, tokenOut }) =>
    rodTypeDescriptor.encode({
      ROD_TYPE: rodType,
      TOKEN_IN: tokenIn ? 1 : 0,
      TOKEN_OUT: tokenOut ? 1 : 0,
    }),
  );
  const lengthBytes = descriptors.length * rodTypeDescriptor.spanBytes;
  return concatBytes([Uint8Array.of(0, 0, lengthBytes >> 8, lengthBytes & 0xff), ...descriptors]);
}

/** A list after a byte with its length. */
function counted(list: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(list.length), list]);
}

/** A descriptor, filled up to a multiple of four bytes. */
function descriptor(type: number, body: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil(body.length / 4) * 4);
  padded.set(body);
  const header = descriptorHeader.encode({
    THIRD_PARTY_COPY_DESCRIPTOR_TYPE: type,
    THIRD_PARTY_COPY_DESCRIPTOR_LENGTH: padded.length,
  });
  return concatBytes([header, padded]);
}

/** The service actions of an operation code that a copy manager carries out. */
export interface ThirdPartyCopyCommands {
  readonly operationCode: number;
  readonly serviceActions: readonly number[];
}

/** What an initiator wants to know of a copy manager before it copies. */
export interface ThirdPartyCopy {
  /** Absent without ODX. */
  readonly rodLimits?: BlockDeviceRodLimits;
  /** The commands that there are. */
  readonly commands: readonly ThirdPartyCopyCommands[];
  /** Types of all descriptors that were found, in their order. */
  readonly types: readonly number[];
}

/** Reads the body of VPD page 8Fh; a descriptor that was cut off is left out. */
export function parseThirdPartyCopy(body: Uint8Array): ThirdPartyCopy {
  let limits: BlockDeviceRodLimits | undefined;
  let commands: ThirdPartyCopyCommands[] = [];
  const types: number[] = [];
  for (let at = 0; at + descriptorHeader.spanBytes <= body.length;) {
    const header = descriptorHeader.decode(body, at);
    const start = at + descriptorHeader.spanBytes;
    const end = start + header.THIRD_PARTY_COPY_DESCRIPTOR_LENGTH;
    if (end > body.length) break;
    const type = header.THIRD_PARTY_COPY_DESCRIPTOR_TYPE;
    types.push(type);
    const content = body.subarray(start, end);
    if (type === ThirdPartyCopyDescriptorType.BLOCK_DEVICE_ROD_LIMITS) limits = rodLimits.decode(content);
    if (type === ThirdPartyCopyDescriptorType.SUPPORTED_COMMANDS) commands = parseCommands(content);
    at = end;
  }
  return { ...(limits === undefined ? {} : { rodLimits: limits }), commands, types };
}

function parseCommands(content: Uint8Array): ThirdPartyCopyCommands[] {
  const commands: ThirdPartyCopyCommands[] = [];
  const end = Math.min(content.length, 1 + (content[0] ?? 0));
  for (let at = 1; at + 2 <= end;) {
    const next = at + 2 + content[at + 1]!;
    if (next > end) break;
    commands.push({ operationCode: content[at]!, serviceActions: [...content.subarray(at + 2, next)] });
    at = next;
  }
  return commands;
}
