import { readU16 } from '../bytes.ts';
import type { DescribedField } from '../description/description.ts';
import { SenseKey } from './additional-sense.ts';

/** Length of the sense-key specific bytes. */
export const SENSE_KEY_SPECIFIC_BYTES = 3;

/** Progress is told in this many parts. */
const PROGRESS_PARTS = 0x1_0000;

type Explain = (flags: number, value: number) => DescribedField[];

/** A field pointer (SPC-5 table 35), or a segment pointer of a copy (table 40). */
function pointer(place: string): Explain {
  return (flags, value) => [
    {
      name: 'FIELD POINTER',
      value,
      meaning: place === '' ? ((flags & 0x40) === 0 ? 'parameter list' : 'CDB') : place,
    },
    ...((flags & 0x08) === 0 ? [] : [{ name: 'BIT POINTER', value: flags & 0x07 }]),
  ];
}

const progress: Explain = (_flags, value) => [
  { name: 'PROGRESS INDICATION', value, meaning: `${Math.floor((value * 100) / PROGRESS_PARTS)} % done` },
];

const retries: Explain = (_flags, value) => [{ name: 'ACTUAL RETRY COUNT', value }];

const overflow: Explain = (flags) => [{ name: 'OVERFLOW', value: flags & 0x01 }];

/** What the bytes mean for each sense key (SPC-5 table 33). */
const BY_SENSE_KEY: ReadonlyMap<number, Explain> = new Map([
  [SenseKey.NO_SENSE, progress],
  [SenseKey.NOT_READY, progress],
  [SenseKey.ILLEGAL_REQUEST, pointer('')],
  [SenseKey.HARDWARE_ERROR, retries],
  [SenseKey.MEDIUM_ERROR, retries],
  [SenseKey.RECOVERED_ERROR, retries],
  [SenseKey.COPY_ABORTED, pointer('segment')],
  [SenseKey.UNIT_ATTENTION, overflow],
]);

/** What sense-key specific bytes say; nothing when SKSV is 0 or they were cut off. */
export function explainSenseKeySpecific(senseKey: number, bytes: Uint8Array): DescribedField[] {
  const flags = bytes[0] ?? 0;
  if ((flags & 0x80) === 0 || bytes.length < SENSE_KEY_SPECIFIC_BYTES) return [];
  const value = readU16(bytes, 1);
  return BY_SENSE_KEY.get(senseKey)?.(flags, value) ?? [{ name: 'SENSE-KEY SPECIFIC', value }];
}
