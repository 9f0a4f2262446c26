import { DEFAULT_LIMITS, type TargetLimits } from '@lunbox/iscsi-target';
import { ServerError } from './server-error.ts';

type Range = readonly [least: number, most: number];

/** RFC 7143 §13.12–13.14: what data segments and bursts may be declared to be. */
const SEGMENT: Range = [512, 2 ** 24 - 1];
/** RFC 7143 §13.2, §13.17. */
const COUNT: Range = [1, 0xffff];
const ANY: Range = [1, Number.MAX_SAFE_INTEGER];

/** Limits that the protocol bounds; the others are at least 1. */
const RANGES: Readonly<Record<string, Range>> = {
  errorRecoveryLevel: [0, DEFAULT_LIMITS.errorRecoveryLevel],
  evictionPingMs: [0, Number.MAX_SAFE_INTEGER],
  maxReceiveSegmentBytes: SEGMENT,
  maxSendSegmentBytes: SEGMENT,
  maxBurstBytes: SEGMENT,
  firstBurstBytes: SEGMENT,
  maxOutstandingR2t: COUNT,
  maxSessionConnections: COUNT,
};

/** Checks names and values of limits. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function checkLimits(limits: Partial<TargetLimits>): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      const known = Object.keys(DEFAULT_LIMITS).join(', ');
      throw new ServerError('SERVER_BAD_OPTIONS', `there is no limit ${name}; there are ${known}`);
    }
    const wanted = wantedOf(name as keyof TargetLimits, value);
    if (wanted === undefined) continue;
    throw new ServerError('SERVER_BAD_OPTIONS', `the limit ${name} is ${wanted}, not ${value}`);
  }
}

/** What a value should be; undefined when it is that. */
function wantedOf(name: keyof TargetLimits, value: number | boolean): string | undefined {
  if (typeof DEFAULT_LIMITS[name] === 'boolean') {
    return typeof value === 'boolean' ? undefined : 'true or false';
  }
  const [least, most] = RANGES[name] ?? ANY;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most)
    return undefined;
  const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
  return `a whole number ${range}`;
}
