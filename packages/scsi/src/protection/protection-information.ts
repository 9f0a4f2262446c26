import { u16be, u32be } from 'buffer-layout';
import { readU16, readU32 } from '../bytes.ts';
import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import { structure, type Structure } from '../structure.ts';
import { blockGuard } from './guard.ts';

/** Protection of a logical unit: 0 is none, the others are the types of SBC-3 4.22.2. */
export type ProtectionType = 0 | 1 | 2 | 3;

/** Protection information of one logical block (SBC-3 4.22.3). */
export interface ProtectionInformation {
  /** CRC of the user data. */
  LOGICAL_BLOCK_GUARD: number;
  /** FFFFh: nothing is checked; with type 3, when the reference tag is FFFFFFFFh, too. */
  LOGICAL_BLOCK_APPLICATION_TAG: number;
  /** With type 1 the least significant 32 bits of the LBA. */
  LOGICAL_BLOCK_REFERENCE_TAG: number;
}

/** The 8 bytes of protection information. */
const protectionInformation: Structure<ProtectionInformation> = structure(8, [
  u16be('LOGICAL_BLOCK_GUARD'),
  u16be('LOGICAL_BLOCK_APPLICATION_TAG'),
  u32be('LOGICAL_BLOCK_REFERENCE_TAG'),
]);

/** Bytes of protection information that follow the user data of a block. */
export const PROTECTION_BYTES = 8;

const APPLICATION_TAG = 2;
const REFERENCE_TAG = 4;
const NO_CHECK_APPLICATION_TAG = 0xffff;
const NO_CHECK_REFERENCE_TAG = 0xffff_ffff;

/** Builds the 8 bytes of protection information. */
export function buildProtectionInformation(fields: Partial<ProtectionInformation>): Uint8Array<ArrayBuffer> {
  return protectionInformation.encode(fields);
}

/** Reads the protection information at `offset`. */
export function parseProtectionInformation(bytes: Uint8Array, offset = 0): ProtectionInformation {
  return protectionInformation.decode(bytes, offset);
}

/** User data of consecutive blocks, and their protection information: 8 bytes for each. */
export interface ProtectedBlocks {
  readonly data: Uint8Array;
  readonly tags: Uint8Array;
}

/** Which fields of the protection information are looked at. */
export interface ProtectionFields {
  readonly guard: boolean;
  readonly application: boolean;
  readonly reference: boolean;
}

/** What the tags of consecutive blocks have to be. */
export interface TagExpectation {
  /** Of the first block, modulo 2^32, each next block has one more; undefined: not known, so not checked. */
  readonly referenceTag: number | undefined;
  /** Undefined: not known, so not checked. */
  readonly applicationTag: { readonly value: number; readonly mask: number } | undefined;
}

/** The sense of each field that is wrong. */
export const FIELD_SENSE: Readonly<Record<keyof ProtectionFields, AdditionalSense>> = {
  guard: AdditionalSenseCode.LOGICAL_BLOCK_GUARD_CHECK_FAILED,
  application: AdditionalSenseCode.LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED,
  reference: AdditionalSenseCode.LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED,
};

/** True when nothing of this protection information may be checked (SBC-3 4.22.3). */
export function isUnchecked(type: ProtectionType, tags: Uint8Array, at: number): boolean {
  if (readU16(tags, at + APPLICATION_TAG) !== NO_CHECK_APPLICATION_TAG) return false;
  return type !== 3 || readU32(tags, at + REFERENCE_TAG) === NO_CHECK_REFERENCE_TAG;
}

/**
 * Checks consecutive blocks from `lba` on. Throws ABORTED COMMAND with the first LBA that is wrong (SBC-3 table 57):
 * the guard is looked at before the application tag, and that before the reference tag.
 */
export function checkBlocks(
  blocks: ProtectedBlocks,
  type: ProtectionType,
  lba: number,
  fields: ProtectionFields,
  expected: TagExpectation,
): void {
  const { data, tags } = blocks;
  const blockSize = (data.length / tags.length) * PROTECTION_BYTES;
  for (let index = 0, at = 0; at < tags.length; index++, at += PROTECTION_BYTES) {
    if (isUnchecked(type, tags, at)) continue;
    const user = data.subarray(index * blockSize, (index + 1) * blockSize);
    const wrong = wrongField(user, tags, at, index, fields, expected);
    if (wrong === undefined) continue;
    const sense = { senseKey: SenseKey.ABORTED_COMMAND, ...FIELD_SENSE[wrong], information: lba + index };
    throw new CheckConditionError(sense);
  }
}

function wrongField(
  user: Uint8Array,
  tags: Uint8Array,
  at: number,
  index: number,
  fields: ProtectionFields,
  { applicationTag, referenceTag }: TagExpectation,
): keyof ProtectionFields | undefined {
  if (fields.guard && readU16(tags, at) !== blockGuard(user)) return 'guard';
  if (fields.application && applicationTag !== undefined) {
    const { value, mask } = applicationTag;
    if (((readU16(tags, at + APPLICATION_TAG) ^ value) & mask) !== 0) return 'application';
  }
  if (!fields.reference || referenceTag === undefined) return undefined;
  return readU32(tags, at + REFERENCE_TAG) === (referenceTag + index) >>> 0 ? undefined : 'reference';
}

/**
 * Protection information of blocks that came without (WRPROTECT 000b): the guard of each, the reference tag that the
 * type has, and the application tag that is given.
 */
export function generateTags(
  data: Uint8Array,
  blockSize: number,
  type: ProtectionType,
  lba: number,
  applicationTag: number,
): Uint8Array {
  const tags = new Uint8Array((data.length / blockSize) * PROTECTION_BYTES);
  const view = new DataView(tags.buffer);
  for (let index = 0, at = 0; at < tags.length; index++, at += PROTECTION_BYTES) {
    view.setUint16(at, blockGuard(data.subarray(index * blockSize, (index + 1) * blockSize)));
    view.setUint16(at + APPLICATION_TAG, applicationTag);
    view.setUint32(at + REFERENCE_TAG, type === 1 ? (lba + index) >>> 0 : NO_CHECK_REFERENCE_TAG);
  }
  return tags;
}

/** The same with guards that fit other data. */
export function withGuards({ data, tags }: ProtectedBlocks): Uint8Array {
  const blockSize = (data.length / tags.length) * PROTECTION_BYTES;
  const fitting = Uint8Array.from(tags);
  const view = new DataView(fitting.buffer);
  for (let index = 0; index * PROTECTION_BYTES < tags.length; index++) {
    const user = data.subarray(index * blockSize, (index + 1) * blockSize);
    view.setUint16(index * PROTECTION_BYTES, blockGuard(user));
  }
  return fitting;
}

/**
 * Protection information of `blockCount` blocks, of which the one block of a WRITE SAME is block `index` − those
 * before it: reference tags go up by one, except with type 3 and when it is all FFh (SBC-3 5.42).
 */
export function repeatTags(
  one: Uint8Array,
  type: ProtectionType,
  index: number,
  blockCount: number,
): Uint8Array {
  const tags = new Uint8Array(blockCount * PROTECTION_BYTES);
  const view = new DataView(tags.buffer);
  const same = type === 3 || isAllOnes(one);
  const first = readU32(one, REFERENCE_TAG);
  for (let block = 0; block < blockCount; block++) {
    tags.set(one, block * PROTECTION_BYTES);
    if (!same) view.setUint32(block * PROTECTION_BYTES + REFERENCE_TAG, (first + index + block) >>> 0);
  }
  return tags;
}

/** True for the protection information of a block that nobody has written. */
export function isAllOnes(tags: Uint8Array): boolean {
  return tags.every((byte) => byte === 0xff);
}

/** Blocks as they travel: each with its protection information after it. */
export function joinBlocks({ data, tags }: ProtectedBlocks): Uint8Array {
  const blockCount = tags.length / PROTECTION_BYTES;
  const blockSize = data.length / blockCount;
  const wire = new Uint8Array(data.length + tags.length);
  for (let index = 0; index < blockCount; index++) {
    const at = index * (blockSize + PROTECTION_BYTES);
    wire.set(data.subarray(index * blockSize, (index + 1) * blockSize), at);
    wire.set(tags.subarray(index * PROTECTION_BYTES, (index + 1) * PROTECTION_BYTES), at + blockSize);
  }
  return wire;
}

/** The reverse of {@link joinBlocks}, for whole blocks of `blockSize` bytes of user data. */
export function splitBlocks(wire: Uint8Array, blockSize: number): ProtectedBlocks {
  const unitBytes = blockSize + PROTECTION_BYTES;
  const blockCount = wire.length / unitBytes;
  const data = new Uint8Array(blockCount * blockSize);
  const tags = new Uint8Array(blockCount * PROTECTION_BYTES);
  for (let index = 0; index < blockCount; index++) {
    const at = index * unitBytes;
    data.set(wire.subarray(at, at + blockSize), index * blockSize);
    tags.set(wire.subarray(at + blockSize, at + unitBytes), index * PROTECTION_BYTES);
  }
  return { data, tags };
}
