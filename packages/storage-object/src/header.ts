import { crc32 } from 'node:zlib';
import { parseAttributes, serializeAttributes, type Attributes } from './attributes.ts';
import type { FileStamp } from './file-stamp.ts';
import { FORMAT_VERSION, HEADER_BYTES, HEADER_SLOT_BYTES, HEADER_SLOTS, type HeaderSlot } from './format.ts';
import { REGION_LIMIT } from './format.ts';
import { headerLayout, HOST_NAME_BYTES, type HeaderFields } from './header-layout.ts';
import { formatUuid, parseUuid } from './uuid.ts';

/** A part of the file set aside for something. */
export interface Region {
  /** One of the region types of the format; unknown ones are kept. */
  readonly type: number;
  readonly flags: number;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The process that wrote a header. */
export interface Opener {
  readonly host: string;
  /** Identifier of one run of an operating system kernel, in UUID form; the nil UUID where there is none. */
  readonly bootId: string;
  readonly pid: number;
}

/** Bits that tell older software what it may do with a newer file (see `docs/container-format.md`). */
export interface FeatureMasks {
  readonly incompatible: number;
  readonly compatible: number;
  readonly autoclear: number;
}

/** One header with its attributes, decoded. */
export interface ContainerHeader {
  readonly sequence: number;
  readonly features: FeatureMasks;
  readonly role: number;
  /** 16 random bytes that serial number, NAA and every other identifier are made from. */
  readonly identity: Uint8Array;
  /** Identity of the object that this one was copied from; zeroes when it is nobody's copy. */
  readonly origin: Uint8Array;
  readonly generation: Uint8Array;
  readonly writeSession: Uint8Array;
  readonly capacityBytes: number;
  readonly dataOffset: number;
  readonly blockSize: number;
  readonly openState: 'clean' | 'open';
  readonly stamp: FileStamp;
  readonly updatedAtMs: number;
  readonly opener: Opener;
  readonly regions: readonly Region[];
  readonly attributes: Attributes;
  /** The 4 KiB as they were read, so that fields of later minor versions survive a rewrite. */
  readonly raw: Uint8Array;
}

const OPEN_STATE_CLEAN = 1;
const OPEN_STATE_OPEN = 2;

/** Incompatible feature bits: who does not know them must not open the disk. */
export const IncompatibleFeature = {
  /** There is room for protection information of the blocks, which every write has to keep up to date. */
  PROTECTION: 1,
  /** The disk is not in this file: the attribute `layout` says which parts it is made of. */
  LAYOUT: 2,
  /** There are snapshots, so what is about to be overwritten has to be saved; see the attribute `snapshots`. */
  SNAPSHOTS: 4,
} as const;

/** Incompatible feature bits that this version understands. */
export const KNOWN_INCOMPATIBLE_FEATURES: number =
  IncompatibleFeature.PROTECTION | IncompatibleFeature.LAYOUT | IncompatibleFeature.SNAPSHOTS;

/** Autoclear feature bits that this version keeps up to date, and therefore does not clear: none. */
export const KNOWN_AUTOCLEAR_FEATURES = 0;

/** An object that stands for itself. */
export const ROLE_PRODUCTION = 1;
/** A part of an object that is put together from several. */
export const ROLE_PART = 2;

/** Why a header slot cannot be used, in words for the error message. */
export interface BadHeader {
  readonly kind: 'bad';
  readonly reason: string;
}

/** A header that checks out but needs a reader that knows more. */
export interface UnsupportedHeader {
  readonly kind: 'unsupported';
  readonly sequence: number;
  readonly reason: string;
  readonly unknownFeatures: number;
}

/** A header that checks out. */
export interface GoodHeader {
  readonly kind: 'good';
  readonly sequence: number;
  readonly header: ContainerHeader;
}

/** What a header slot holds. */
export type HeaderReading = BadHeader | UnsupportedHeader | GoodHeader;

const bad = (reason: string): BadHeader => ({ kind: 'bad', reason });

const CRC_OFFSET = headerLayout.offsetOf('headerCrc') as number;

/** CRC-32 (ISO-HDLC, as zlib, PNG and Ethernet have it) over the header with its own field taken as zero. */
function headerCrc(header: Uint8Array): number {
  const zero = new Uint8Array(4);
  const tail = header.subarray(CRC_OFFSET + zero.length, HEADER_BYTES);
  return crc32(tail, crc32(zero, crc32(header.subarray(0, CRC_OFFSET))));
}

/** Reads one 128 KiB slot. Never throws: whatever bytes are there, the answer is a reading. */
export function decodeHeader(slotBytes: Buffer, slot: HeaderSlot): HeaderReading {
  const fields = headerLayout.decode(slotBytes);
  const place = HEADER_SLOTS[slot];
  if (fields.magic.toString('latin1') !== place.magic) return bad('its magic number is wrong');
  if (fields.headerLength !== HEADER_BYTES) return bad('its length is wrong');
  if (fields.ownOffset !== place.offset) return bad('it belongs somewhere else in the file');
  if (fields.headerCrc !== headerCrc(slotBytes)) return bad('its checksum does not match');
  const unsupported = findUnsupported(fields);
  if (unsupported) return unsupported;
  if (fields.attributesLength > HEADER_SLOT_BYTES - HEADER_BYTES) return bad('its attributes are too long');
  const text = slotBytes.subarray(HEADER_BYTES, HEADER_BYTES + fields.attributesLength);
  if (crc32(text) !== fields.attributesCrc) return bad('the checksum of its attributes does not match');
  const attributes = parseAttributes(text.toString('utf8'));
  if (!attributes) return bad('its attributes are not a JSON object');
  if (fields.regionCount > REGION_LIMIT) return bad('its region table is too long');
  return { kind: 'good', sequence: fields.sequence, header: toHeader(fields, attributes, slotBytes) };
}

function findUnsupported(fields: HeaderFields): UnsupportedHeader | undefined {
  const unknownFeatures = (fields.incompatibleFeatures & ~KNOWN_INCOMPATIBLE_FEATURES) >>> 0;
  const { sequence } = fields;
  if (fields.formatVersion !== FORMAT_VERSION) {
    const reason = `it has format version ${fields.formatVersion}`;
    return { kind: 'unsupported', sequence, reason, unknownFeatures };
  }
  if (unknownFeatures !== 0) {
    const reason = `it needs features 0x${unknownFeatures.toString(16)}`;
    return { kind: 'unsupported', sequence, reason, unknownFeatures };
  }
  if (fields.role !== ROLE_PRODUCTION && fields.role !== ROLE_PART) {
    const reason = `it has role ${fields.role}`;
    return { kind: 'unsupported', sequence, reason, unknownFeatures };
  }
  return undefined;
}

function toHeader(fields: HeaderFields, attributes: Attributes, slotBytes: Buffer): ContainerHeader {
  return {
    sequence: fields.sequence,
    features: {
      incompatible: fields.incompatibleFeatures,
      compatible: fields.compatibleFeatures,
      autoclear: fields.autoclearFeatures,
    },
    role: fields.role,
    identity: new Uint8Array(fields.identity),
    origin: new Uint8Array(fields.origin),
    generation: new Uint8Array(fields.generation),
    writeSession: new Uint8Array(fields.writeSession),
    capacityBytes: fields.capacity,
    dataOffset: fields.dataOffset,
    blockSize: fields.blockSize,
    // Any value but "clean" counts as open: the careful reading.
    openState: fields.openState === OPEN_STATE_CLEAN ? 'clean' : 'open',
    stamp: {
      sizeBytes: fields.stampSize,
      modifiedAtNs: fields.stampModifiedNs,
      inode: fields.stampInode,
      bornAtNs: fields.stampBornNs,
    },
    updatedAtMs: fields.updatedMs,
    opener: {
      host: fields.openerHost.toString('utf8').replace(/\0.*$/s, ''),
      bootId: formatUuid(fields.openerBootId),
      pid: fields.openerPid,
    },
    regions: fields.regions
      .slice(0, fields.regionCount)
      .map(({ type, flags, offset, length }) => ({ type, flags, offset, lengthBytes: length })),
    attributes,
    raw: new Uint8Array(slotBytes.subarray(0, HEADER_BYTES)),
  };
}

/**
 * Writes a header and its attributes as the bytes of `slot`, padded with zeroes to a multiple of 4 KiB.
 * The caller has made sure that the attributes fit into the slot.
 */
export function encodeHeader(header: ContainerHeader, slot: HeaderSlot): Buffer {
  const text = serializeAttributes(header.attributes);
  const paddedBytes = Math.ceil(text.length / HEADER_BYTES) * HEADER_BYTES;
  const bytes = Buffer.alloc(HEADER_BYTES + paddedBytes);
  bytes.set(header.raw);
  bytes.set(text, HEADER_BYTES);
  headerLayout.encode(toFields(header, slot, text), bytes);
  bytes.writeUInt32BE(headerCrc(bytes), CRC_OFFSET);
  return bytes;
}

function toFields(header: ContainerHeader, slot: HeaderSlot, text: Buffer): HeaderFields {
  const old = headerLayout.decode(Buffer.from(header.raw));
  return {
    ...old,
    magic: Buffer.from(HEADER_SLOTS[slot].magic, 'latin1'),
    formatVersion: FORMAT_VERSION,
    headerLength: HEADER_BYTES,
    ownOffset: HEADER_SLOTS[slot].offset,
    sequence: header.sequence,
    headerCrc: 0,
    attributesLength: text.length,
    attributesCrc: crc32(text),
    incompatibleFeatures: header.features.incompatible,
    compatibleFeatures: header.features.compatible,
    autoclearFeatures: header.features.autoclear,
    role: header.role,
    identity: Buffer.from(header.identity),
    origin: Buffer.from(header.origin),
    generation: Buffer.from(header.generation),
    writeSession: Buffer.from(header.writeSession),
    capacity: header.capacityBytes,
    dataOffset: header.dataOffset,
    blockSize: header.blockSize,
    openState: header.openState === 'clean' ? OPEN_STATE_CLEAN : OPEN_STATE_OPEN,
    stampSize: header.stamp.sizeBytes,
    stampModifiedNs: header.stamp.modifiedAtNs,
    stampInode: header.stamp.inode,
    stampBornNs: header.stamp.bornAtNs,
    updatedMs: header.updatedAtMs,
    openerPid: header.opener.pid,
    openerBootId: Buffer.from(parseUuid(header.opener.bootId)),
    openerHost: hostBytes(header.opener.host),
    regionCount: header.regions.length,
    regions: old.regions.map((before, index) => {
      const region = header.regions[index];
      if (!region) return before;
      return {
        ...before,
        type: region.type,
        flags: region.flags,
        offset: region.offset,
        length: region.lengthBytes,
      };
    }),
  };
}

function hostBytes(host: string): Buffer {
  const padded = Buffer.alloc(HOST_NAME_BYTES);
  padded.write(host, 0, HOST_NAME_BYTES, 'utf8');
  return padded;
}
