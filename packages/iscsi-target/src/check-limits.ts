import { TargetError } from './errors.ts';
import { DEFAULT_LIMITS, type TargetLimits } from './limits.ts';

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

/**
 * Checks names and values of limits, which may come from a configuration.
 *
 * @throws TargetError `LIMIT_INVALID`.
 */
export function checkLimits(limits: Partial<TargetLimits>): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      const known = Object.keys(DEFAULT_LIMITS).join(', ');
      const reason = `there is no limit ${name}; there are ${known}`;
      throw new TargetError({ code: 'LIMIT_INVALID', limit: name, reason });
    }
    const wanted = wantedOf(name as keyof TargetLimits, value);
    if (wanted === undefined) continue;
    const reason = `the limit ${name} is ${wanted}, not ${value}`;
    throw new TargetError({ code: 'LIMIT_INVALID', limit: name, reason });
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
