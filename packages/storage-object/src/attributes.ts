import { ATTRIBUTES_LIMIT_BYTES } from './format.ts';

/** Anything that JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** What a user may do with an object, and how much of it they may fill. */
export interface UserAttribute {
  name: string;
  permission: 'read' | 'write' | 'admin';
  quotaBytes?: number;
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
  users?: UserAttribute[];
  /** Where a host sees the object. */
  location?: { bus?: number; target?: number; lun?: number };
  /** A hint for placement: how the object is laid out inside. */
  organisation?: { raidLevel?: number; stripeBytes?: number };
  [key: string]: unknown;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const shaped =
  (shape: Record<string, Check>): Check =>
  (value) =>
    isRecord(value) && Object.entries(shape).every(([key, check]) => check(value[key]));

const isUser = shaped({
  name: isText,
  permission: (value) => value === 'read' || value === 'write' || value === 'admin',
  quotaBytes: optional(isCount),
});

const SHAPES: Readonly<Record<string, Check>> = {
  name: optional(isText),
  description: optional(isText),
  createdAt: optional(isText),
  users: optional((value) => Array.isArray(value) && value.every(isUser)),
  location: optional(shaped({ bus: optional(isCount), target: optional(isCount), lun: optional(isCount) })),
  organisation: optional(shaped({ raidLevel: optional(isCount), stripeBytes: optional(isCount) })),
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

/** Says in words what is wrong with attributes that somebody wants to store; undefined when nothing is. */
export function findAttributesFault(attributes: Attributes): string | undefined {
  for (const [key, check] of Object.entries(SHAPES)) {
    if (!check(attributes[key])) return `attribute "${key}" does not have the shape that it must have`;
  }
  const lengthBytes = serializeAttributes(attributes).length;
  if (lengthBytes > ATTRIBUTES_LIMIT_BYTES) {
    return `the attributes take ${lengthBytes} bytes of ${String(ATTRIBUTES_LIMIT_BYTES)}`;
  }
  return undefined;
}
