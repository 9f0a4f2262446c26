import { u16be, u32be } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** TIMESTAMP ORIGIN (SPC-4 table 68): where a time comes from. */
export const TimestampOrigin = { POWER_ON: 0b000, SET_TIMESTAMP: 0b010, OTHER: 0b011 } as const;

/** A time of the device server. */
export interface Timestamp {
  /** Milliseconds since 1970, 48 bits of them. */
  readonly unixMs: number;
  /** One of `TimestampOrigin`. */
  readonly origin: number;
}

interface TimestampData {
  TIMESTAMP_PARAMETER_DATA_LENGTH: number;
  TIMESTAMP_ORIGIN: number;
  TIMESTAMP_HIGH: number;
  TIMESTAMP_LOW: number;
}

/** REPORT TIMESTAMP parameter data and, apart from its first bytes, SET TIMESTAMP list (SPC-4 tables 292, 303). */
const timestampData: Structure<TimestampData> = structure(12, [
  u16be('TIMESTAMP_PARAMETER_DATA_LENGTH'),
  flags('RESERVED:5', 'TIMESTAMP_ORIGIN:3'),
  bytes(1),
  u16be('TIMESTAMP_HIGH'),
  u32be('TIMESTAMP_LOW'),
  bytes(2),
]);

/** Length of the parameter data and of the parameter list. */
export const TIMESTAMP_BYTES = 12;

const LOW = 2 ** 32;
const TIMESTAMPS = 2 ** 48;

/** REPORT TIMESTAMP parameter data. */
export function buildTimestamp({ unixMs, origin }: Timestamp): Uint8Array<ArrayBuffer> {
  const time = Math.floor(unixMs) % TIMESTAMPS;
  return timestampData.encode({
    TIMESTAMP_PARAMETER_DATA_LENGTH: TIMESTAMP_BYTES - 2,
    TIMESTAMP_ORIGIN: origin,
    TIMESTAMP_HIGH: Math.floor(time / LOW),
    TIMESTAMP_LOW: time % LOW,
  });
}

/** A SET TIMESTAMP parameter list. */
export function buildTimestampList(unixMs: number): Uint8Array<ArrayBuffer> {
  return timestampData.encode({
    TIMESTAMP_HIGH: Math.floor(unixMs / LOW) % 2 ** 16,
    TIMESTAMP_LOW: unixMs % LOW,
  });
}

/** Reads REPORT TIMESTAMP parameter data, or a SET TIMESTAMP parameter list, which has no origin. */
export function parseTimestamp(data: Uint8Array): Timestamp {
  const fields = timestampData.decode(data);
  return {
    unixMs: fields.TIMESTAMP_HIGH * LOW + fields.TIMESTAMP_LOW,
    origin: fields.TIMESTAMP_ORIGIN,
  };
}
