import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes, readU16 } from '../bytes.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';
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

/** Most descriptors of an EXTENDED COPY, and the most bytes of them (SPC-4 table 648). */
export interface CopyParameterData {
  MAXIMUM_CSCD_DESCRIPTOR_COUNT: number;
  MAXIMUM_SEGMENT_DESCRIPTOR_COUNT: number;
  MAXIMUM_DESCRIPTOR_LIST_LENGTH: number;
  MAXIMUM_INLINE_DATA_LENGTH: number;
}

const parameterData: Structure<CopyParameterData> = structure(28, [
  bytes(4),
  u16be('MAXIMUM_CSCD_DESCRIPTOR_COUNT'),
  u16be('MAXIMUM_SEGMENT_DESCRIPTOR_COUNT'),
  u32be('MAXIMUM_DESCRIPTOR_LIST_LENGTH'),
  u32be('MAXIMUM_INLINE_DATA_LENGTH'),
  bytes(12),
]);

/** What tokens there are, and how long (SPC-4 table 651). */
export interface RodTokenFeatures {
  REMOTE_TOKENS: number;
  /** Seconds, as the two after it. */
  MINIMUM_TOKEN_LIFETIME: number;
  MAXIMUM_TOKEN_LIFETIME: number;
  MAXIMUM_TOKEN_INACTIVITY_TIMEOUT: number;
  ROD_DEVICE_TYPE_SPECIFIC_FEATURES_DESCRIPTORS_LENGTH: number;
}

/** Up to the features of device types. */
const rodTokenFeatures: Structure<RodTokenFeatures> = structure(44, [
  flags('RESERVED:4', 'REMOTE_TOKENS:4'),
  bytes(11),
  u32be('MINIMUM_TOKEN_LIFETIME'),
  u32be('MAXIMUM_TOKEN_LIFETIME'),
  u32be('MAXIMUM_TOKEN_INACTIVITY_TIMEOUT'),
  bytes(18),
  u16be('ROD_DEVICE_TYPE_SPECIFIC_FEATURES_DESCRIPTORS_LENGTH'),
]);

/** What goes for tokens of block devices (SPC-4 table 653). */
export interface BlockRodFeatures {
  DESCRIPTOR_FORMAT: number;
  PERIPHERAL_DEVICE_TYPE: number;
  DESCRIPTOR_LENGTH: number;
  OPTIMAL_BLOCK_ROD_LENGTH_GRANULARITY: number;
  MAXIMUM_BYTES_IN_BLOCK_ROD: number;
  OPTIMAL_BYTES_IN_BLOCK_ROD_TRANSFER: number;
  OPTIMAL_BYTES_TO_TOKEN_PER_SEGMENT: number;
  OPTIMAL_BYTES_FROM_TOKEN_PER_SEGMENT: number;
}

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

/** Where tokens of a type are taken and made (SPC-4 table 657). */
export interface RodTypeDescriptor {
  ROD_TYPE: number;
  /** 1: EXTENDED COPY may make RODs of the type for itself. */
  ECPY_INT: number;
  TOKEN_IN: number;
  TOKEN_OUT: number;
  PREFERENCE_INDICATION: number;
}

const rodTypeDescriptor: Structure<RodTypeDescriptor> = structure(64, [
  u32be('ROD_TYPE'),
  flags('ECPY_INT', 'RESERVED:5', 'TOKEN_IN', 'TOKEN_OUT'),
  bytes(1),
  u16be('PREFERENCE_INDICATION'),
  bytes(56),
]);

/** How many copies there may be, and of what (SPC-4 7.8.17.10); granularities are exponents of 2, in bytes. */
export interface GeneralCopyOperations {
  TOTAL_CONCURRENT_COPIES: number;
  MAXIMUM_IDENTIFIED_CONCURRENT_COPIES: number;
  MAXIMUM_SEGMENT_LENGTH: number;
  DATA_SEGMENT_GRANULARITY: number;
  INLINE_DATA_GRANULARITY: number;
}

const generalCopyOperations: Structure<GeneralCopyOperations> = structure(32, [
  u32be('TOTAL_CONCURRENT_COPIES'),
  u32be('MAXIMUM_IDENTIFIED_CONCURRENT_COPIES'),
  u32be('MAXIMUM_SEGMENT_LENGTH'),
  u8('DATA_SEGMENT_GRANULARITY'),
  u8('INLINE_DATA_GRANULARITY'),
  bytes(18),
]);

interface CscdId {
  CSCD_DESCRIPTOR_ID: number;
}

const cscdId: Structure<CscdId> = structure(2, [u16be('CSCD_DESCRIPTOR_ID')]);

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

/** What a copy manager says of itself; absent is what it has no descriptor for. */
export interface ThirdPartyCopy {
  /** Types of all descriptors that were found, in their order. */
  readonly types: readonly number[];
  /** Absent without ODX. */
  readonly rodLimits?: BlockDeviceRodLimits;
  /** The commands that there are. */
  readonly commands: readonly ThirdPartyCopyCommands[];
  readonly parameters?: CopyParameterData;
  /** Type codes of segment and CSCD descriptors. */
  readonly descriptorTypes?: readonly number[];
  /** CSCD descriptor IDs beyond 07FFh. */
  readonly cscdIds?: readonly number[];
  readonly tokenFeatures?: RodTokenFeatures;
  /** Absent unless it is the first of the features of device types. */
  readonly blockFeatures?: BlockRodFeatures;
  readonly rodTypes?: readonly RodTypeDescriptor[];
  readonly copyOperations?: GeneralCopyOperations;
}

/** Reads what a descriptor holds, by its type; types that are not here are told by their code only. */
const READERS: Readonly<Record<number, (content: Uint8Array) => Partial<ThirdPartyCopy>>> = {
  [ThirdPartyCopyDescriptorType.BLOCK_DEVICE_ROD_LIMITS]: (content) => ({
    rodLimits: rodLimits.decode(content),
  }),
  [ThirdPartyCopyDescriptorType.SUPPORTED_COMMANDS]: (content) => ({ commands: parseCommands(content) }),
  [ThirdPartyCopyDescriptorType.PARAMETER_DATA]: (content) => ({ parameters: parameterData.decode(content) }),
  [ThirdPartyCopyDescriptorType.SUPPORTED_DESCRIPTORS]: (content) => ({
    descriptorTypes: [...content.subarray(1, 1 + (content[0] ?? 0))],
  }),
  [ThirdPartyCopyDescriptorType.SUPPORTED_CSCD_IDS]: (content) => ({ cscdIds: parseCscdIds(content) }),
  [ThirdPartyCopyDescriptorType.ROD_TOKEN_FEATURES]: parseFeatures,
  [ThirdPartyCopyDescriptorType.SUPPORTED_ROD_TYPES]: (content) => ({ rodTypes: parseRodTypes(content) }),
  [ThirdPartyCopyDescriptorType.GENERAL_COPY_OPERATIONS]: (content) => ({
    copyOperations: generalCopyOperations.decode(content),
  }),
};

/** Reads the body of VPD page 8Fh; a descriptor that was cut off is left out. */
export function parseThirdPartyCopy(body: Uint8Array): ThirdPartyCopy {
  const types: number[] = [];
  let found: Partial<ThirdPartyCopy> = {};
  for (let at = 0; at + descriptorHeader.spanBytes <= body.length;) {
    const header = descriptorHeader.decode(body, at);
    const start = at + descriptorHeader.spanBytes;
    const end = start + header.THIRD_PARTY_COPY_DESCRIPTOR_LENGTH;
    if (end > body.length) break;
    const type = header.THIRD_PARTY_COPY_DESCRIPTOR_TYPE;
    types.push(type);
    found = { ...found, ...READERS[type]?.(body.subarray(start, end)) };
    at = end;
  }
  return { types, commands: [], ...found };
}

function parseCscdIds(content: Uint8Array): number[] {
  return decodeList(cscdId, content, 2, 2 + readU16(content, 0)).map(
    ({ CSCD_DESCRIPTOR_ID }) => CSCD_DESCRIPTOR_ID,
  );
}

function parseFeatures(content: Uint8Array): Partial<ThirdPartyCopy> {
  const tokenFeatures = rodTokenFeatures.decode(content);
  const block = content.subarray(rodTokenFeatures.spanBytes);
  const blockFeatures = blockRodFeatures.decode(block);
  const isBlock =
    block.length >= blockRodFeatures.spanBytes &&
    blockFeatures.DESCRIPTOR_FORMAT === 0 &&
    blockFeatures.PERIPHERAL_DEVICE_TYPE === 0;
  return isBlock ? { tokenFeatures, blockFeatures } : { tokenFeatures };
}

function parseRodTypes(content: Uint8Array): RodTypeDescriptor[] {
  return decodeList(rodTypeDescriptor, content, 4, 4 + readU16(content, 2));
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
