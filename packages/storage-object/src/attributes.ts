import { ATTRIBUTES_LIMIT_BYTES } from './format.ts';
import { isUser, type UserAttribute } from './user-rights.ts';

/** Anything that JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** What INQUIRY says of a disk. */
export interface InquiryAttribute {
  /** T10 VENDOR IDENTIFICATION, up to 8 characters. */
  vendor?: string;
  /** PRODUCT IDENTIFICATION, up to 16 characters. */
  product?: string;
  /** PRODUCT REVISION LEVEL, up to 4 characters. */
  revision?: string;
  /** PRODUCT SERIAL NUMBER, 1 to 32 characters. It belongs to one disk: a copy that gets a new identity loses it. */
  serialNumber?: string;
}

/** Which snapshots a disk has; they lie beside the container. */
export interface SnapshotsAttribute {
  /** Identity of the set of snapshots, in UUID form. */
  set: string;
  /** True until the first snapshot is there: where none is found, there never was one. */
  pending?: boolean;
}

/**
 * The attributes of a storage object. The named ones have a fixed shape; others are kept as they are, so that
 * a version which does not know them never loses them.
 */
export interface Attributes {
  /** A name for people. */
  name?: string;
  description?: string;
  /** When the object was created, ISO 8601. */
  createdAt?: string;
  /** Who may do what; for others the object does not exist. Without a list everybody may do everything. */
  users?: UserAttribute[];
  /** Where a host sees the object; `lun`, 0 to 16383, is the one that a server gives it. */
  location?: { bus?: number; target?: number; lun?: number };
  /** What was asked for: how the object is laid out inside. */
  organisation?: { raidLevel?: number; stripeBytes?: number };
  /** Names of profiles by what they are for, such as how the object is brought to rest before a snapshot. */
  profiles?: Record<string, string>;
  /**
   * The physical block that initiators are told to align to: a power of two from the block size on, at most 2^15
   * blocks.
   */
  physicalBlockBytes?: number;
  /** What INQUIRY says of the disk where it is not the usual: printable ASCII. */
  inquiry?: InquiryAttribute;
  /** Persistent reservations that survive a loss of power; the SCSI side knows their shape. */
  reservations?: unknown;
  /** Saved mode pages; the same. */
  modePages?: unknown;
  /** What SET IDENTIFYING INFORMATION set; the same. */
  identifyingInformation?: unknown;
  /** Which FORMAT UNIT or SANITIZE was begun and has not ended well; the same. */
  unfinishedOperations?: unknown;
  /** The parts that the disk is made of, where it is not in the container itself. */
  layout?: unknown;
  /** The set of snapshots of the disk, while it has any. */
  snapshots?: SnapshotsAttribute;
  /** The disk that this file is a part of. */
  part?: unknown;
  /** True while the disk and its parts are being deleted: nobody opens it any more. */
  deleting?: unknown;
  [key: string]: unknown;
}

/** Logical blocks in a physical block, at most: its exponent has four bits (READ CAPACITY (16)). */
const PHYSICAL_BLOCK_LIMIT = 2 ** 15;

/** Greatest LUN that a host can be told of in one level (SAM-5 4.7.7.3). */
const MAX_LUN = 16_383;

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isLun: Check = (value) => isCount(value) && (value as number) <= MAX_LUN;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isAscii =
  (least: number, most: number): Check =>
  (value) =>
    typeof value === 'string' &&
    value.length >= least &&
    value.length <= most &&
    /^[\x20-\x7e]*$/.test(value);

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const shaped =
  (shape: Record<string, Check>): Check =>
  (value) =>
    isRecord(value) && Object.entries(shape).every(([key, check]) => check(value[key]));

const SHAPES: Readonly<Record<string, Check>> = {
  name: optional(isText),
  description: optional(isText),
  createdAt: optional(isText),
  users: optional((value) => Array.isArray(value) && value.every(isUser)),
  location: optional(shaped({ bus: optional(isCount), target: optional(isCount), lun: optional(isLun) })),
  organisation: optional(shaped({ raidLevel: optional(isCount), stripeBytes: optional(isCount) })),
  profiles: optional((value) => isRecord(value) && Object.values(value).every(isText)),
  physicalBlockBytes: optional((value) => isCount(value) && Number.isInteger(Math.log2(value as number))),
  inquiry: optional(
    shaped({
      vendor: optional(isAscii(0, 8)),
      product: optional(isAscii(0, 16)),
      revision: optional(isAscii(0, 4)),
      serialNumber: optional(isAscii(1, 32)),
    }),
  ),
  snapshots: optional(shaped({ set: isText, pending: optional((value) => typeof value === 'boolean') })),
};

/** Attributes as the bytes that go into a header: JSON, UTF-8, no byte order mark. */
export function serializeAttributes(attributes: Attributes): Buffer {
  return Buffer.from(JSON.stringify(attributes), 'utf8');
}

/** Reads attributes; undefined when the text is not a JSON object. */
export function parseAttributes(text: string): Attributes | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

/** What is wrong with attributes: their shape, or that they are too long. */
export interface AttributesFault {
  readonly code: 'CONTAINER_BAD_ATTRIBUTES' | 'CONTAINER_ATTRIBUTES_FULL';
  readonly reason: string;
}

/** Says what is wrong with attributes that somebody wants to store; undefined when nothing is. */
export function findAttributesFault(attributes: Attributes, blockSize: number): AttributesFault | undefined {
  for (const [key, check] of Object.entries(SHAPES)) {
    if (!check(attributes[key])) return bad(`attribute "${key}" does not have the shape that it must have`);
  }
  const names = attributes.users?.map(({ name }) => name) ?? [];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return bad(`attribute "users" names ${twice} twice`);
  const { physicalBlockBytes = blockSize } = attributes;
  if (physicalBlockBytes < blockSize || physicalBlockBytes > blockSize * PHYSICAL_BLOCK_LIMIT)
    return bad(`physical blocks of ${physicalBlockBytes} bytes do not go with blocks of ${blockSize}`);
  const lengthBytes = serializeAttributes(attributes).length;
  if (lengthBytes <= ATTRIBUTES_LIMIT_BYTES) return undefined;
  const reason = `the attributes take ${lengthBytes} bytes of ${String(ATTRIBUTES_LIMIT_BYTES)}`;
  return { code: 'CONTAINER_ATTRIBUTES_FULL', reason };
}

const bad = (reason: string): AttributesFault => ({ code: 'CONTAINER_BAD_ATTRIBUTES', reason });

/** The attributes of a copy that is another disk now: without what belonged to the original alone. */
export function attributesOfCopy(attributes: Attributes): Attributes {
  const copy = structuredClone(attributes);
  delete copy.inquiry?.serialNumber;
  // They are the original's: nobody has saved what was overwritten in the copy.
  delete copy.snapshots;
  return copy;
}
