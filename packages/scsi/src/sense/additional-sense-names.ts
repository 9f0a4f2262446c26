import { NAMES_00_TO_1F } from './additional-sense-00-1f.ts';
import { NAMES_20_TO_3A } from './additional-sense-20-3a.ts';
import { NAMES_3B_TO_7F } from './additional-sense-3b-7f.ts';

/** What 5Dh/10h to 5Dh/6Ch foretell: a part by the first digit of the qualifier, a sign by the second. */
const FAILING_PARTS = ['HARDWARE', 'CONTROLLER', 'DATA CHANNEL', 'SERVO', 'SPINDLE', 'FIRMWARE'];
const FAILURE_SIGNS = [
  'GENERAL HARD DRIVE FAILURE',
  'DRIVE ERROR RATE TOO HIGH',
  'DATA ERROR RATE TOO HIGH',
  'SEEK ERROR RATE TOO HIGH',
  'TOO MANY BLOCK REASSIGNS',
  'ACCESS TIMES TOO HIGH',
  'START UNIT TIMES TOO HIGH',
  'CHANNEL PARAMETRICS',
  'CONTROLLER DETECTED',
  'THROUGHPUT PERFORMANCE',
  'SEEK TIME PERFORMANCE',
  'SPIN-UP RETRY COUNT',
  'DRIVE CALIBRATION RETRY COUNT',
];

const IMPENDING_FAILURES = FAILING_PARTS.flatMap((part, high) =>
  FAILURE_SIGNS.map((sign, low): [number, string] => [
    0x5d10 + 0x10 * high + low,
    `${part} IMPENDING FAILURE ${sign}`,
  ]),
);

const NAMES: ReadonlyMap<number, string> = new Map([
  ...[NAMES_00_TO_1F, NAMES_20_TO_3A, NAMES_3B_TO_7F].flatMap((names) =>
    Object.entries(names).map(([code, name]): [number, string] => [Number(code), name]),
  ),
  ...IMPENDING_FAILURES,
]);

/** Codes whose qualifier is a number by itself, from the least such qualifier on. */
const NUMBERED: ReadonlyMap<number, { readonly from: number; readonly name: string }> = new Map([
  [0x40, { from: 0x80, name: 'DIAGNOSTIC FAILURE ON COMPONENT' }],
  [0x4d, { from: 0x00, name: 'TAGGED OVERLAPPED COMMANDS, TASK TAG' }],
  [0x70, { from: 0x00, name: 'DECOMPRESSION EXCEPTION SHORT ALGORITHM ID OF' }],
]);

/** The least additional sense code, and qualifier, that vendors give a meaning (SPC-5 4.4.2.1). */
const VENDOR_SPECIFIC = 0x80;

/** T10's name of an additional sense code with its qualifier, else `XXh/XXh`. */
export function additionalSenseName(asc: number, ascq: number): string {
  const name = NAMES.get((asc << 8) | ascq);
  if (name !== undefined) return name;
  const numbered = NUMBERED.get(asc);
  if (numbered !== undefined && ascq >= numbered.from) return `${numbered.name} ${hexByte(ascq)}`;
  const code = `${hexByte(asc)}/${hexByte(ascq)}`;
  return asc >= VENDOR_SPECIFIC || ascq >= VENDOR_SPECIFIC ? `vendor specific ${code}` : code;
}

function hexByte(value: number): string {
  return `${value.toString(16).toUpperCase().padStart(2, '0')}h`;
}
