import { SenseKey, Status, type SenseData } from '../../../src/index.ts';
import type { Answer } from '../../support/harness.ts';

/** How a command must end. */
export interface Expected {
  /** Undefined: anything but RESERVATION CONFLICT. */
  readonly status: number | undefined;
  /** What the sense data must say, where the status is CHECK CONDITION. */
  readonly sense?: Partial<SenseData>;
  /** Looks at the Data-In and tells what is wrong with it. */
  readonly complaint?: (data: Uint8Array) => string | undefined;
}

export const GOOD: Expected = { status: Status.GOOD };
export const CONDITION_MET: Expected = { status: Status.CONDITION_MET };
export const NO_CONFLICT: Expected = { status: undefined };
export const CONFLICT: Expected = { status: Status.RESERVATION_CONFLICT };

/** CHECK CONDITION with `key/asc/ascq`, as SPC-4 annex F.2 has them. */
export function check(senseKey: number, asc: number, ascq: number, more: Partial<SenseData> = {}): Expected {
  return { status: Status.CHECK_CONDITION, sense: { senseKey, asc, ascq, ...more } };
}

export const INVALID_CDB: Expected = check(SenseKey.ILLEGAL_REQUEST, 0x24, 0x00);
export const INVALID_LIST: Expected = check(SenseKey.ILLEGAL_REQUEST, 0x26, 0x00);
export const OUT_OF_RANGE: Expected = check(SenseKey.ILLEGAL_REQUEST, 0x21, 0x00);
export const NO_UNIT: Expected = check(SenseKey.ILLEGAL_REQUEST, 0x25, 0x00);
export const WRITE_PROTECTED: Expected = check(SenseKey.DATA_PROTECT, 0x27, 0x00);
export const NOT_STARTED: Expected = check(SenseKey.NOT_READY, 0x04, 0x02);

/** GOOD with this Data-In. */
export function goodData(bytes: Uint8Array): Expected {
  return {
    status: Status.GOOD,
    complaint: (data) => (Buffer.compare(data, bytes) === 0 ? undefined : 'another Data-In'),
  };
}

/** GOOD with Data-In of which a parsed form must be the same as `wanted`. */
export function goodParsed(parse: (data: Uint8Array) => unknown, wanted: unknown): Expected {
  const text = JSON.stringify(wanted);
  const complaint = (data: Uint8Array): string | undefined => {
    const found = JSON.stringify(parse(data));
    return found === text ? undefined : `found ${found}, wanted ${text}`;
  };
  return { status: Status.GOOD, complaint };
}

/** What is wrong with an answer; undefined when nothing is. */
export function complaintAbout(answer: Answer, expected: Expected): string | undefined {
  const { sense } = answer;
  if (expected.status === undefined)
    return answer.status === Status.RESERVATION_CONFLICT ? 'a conflict' : undefined;
  const heard = sense === undefined ? '' : ` ${JSON.stringify(sense)}`;
  const wanted = expected.sense === undefined ? '' : ` ${JSON.stringify(expected.sense)}`;
  const both = `status ${answer.status}${heard}, wanted ${expected.status}${wanted}`;
  if (answer.status !== expected.status) return both;
  if ((sense === undefined) !== (expected.sense === undefined)) return both;
  for (const [name, value] of Object.entries(expected.sense ?? {})) {
    if (JSON.stringify(sense?.[name as keyof SenseData]) !== JSON.stringify(value)) return both;
  }
  if (sense !== undefined && (sense.deferred === true) !== (expected.sense?.deferred === true)) return both;
  return expected.complaint?.(answer.data);
}
