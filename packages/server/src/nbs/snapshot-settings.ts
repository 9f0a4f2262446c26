import { NbsRefusal, type Fields, type PruneWish, type SettingsWish } from '@lunbox/nbs';
import {
  isRetentionGrid,
  isSchedule,
  lastRunMs,
  nextRunMs,
  type RetentionGrid,
  type SnapshotMethod,
  type SnapshotSchedule,
  type SnapshotSet,
  type SpacePolicy,
  type Verdict,
} from '@lunbox/snapshot';
import type { PruneOptions } from '../prune-snapshots.ts';

const WHEN_FULL: readonly string[] = ['drop-oldest', 'refuse'] satisfies SpacePolicy['whenFull'][];
const METHODS: readonly string[] = ['auto', 'log', 'reflink'] satisfies SnapshotMethod[];

/** How the snapshots of a disk are kept, as clients are told of it. */
export function settingsFields(set: SnapshotSet, nowMs: number): Fields {
  const { limitBytes, whenFull, method } = set.policy;
  const { schedule } = set;
  return {
    whenFull,
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(method === undefined ? {} : { method }),
    ...(schedule === undefined
      ? {}
      : {
          schedule: scheduleFields(schedule),
          nextRunMs: nextRunMs(schedule, lastRunMs(set.list(), nowMs), nowMs),
        }),
  };
}

/** Changes what is given. Throws a NbsRefusal `INVAL`, and then nothing is changed. */
export async function applySettings(set: SnapshotSet, wish: SettingsWish): Promise<void> {
  const { schedule } = wish;
  const wanted = schedule === undefined ? undefined : readSchedule(schedule);
  const policy = readPolicy(set.policy, wish);
  if (policy !== undefined) await set.setPolicy(policy);
  if (schedule !== undefined) await set.setSchedule(wanted);
}

/** Reads what SNAPSHOT_PRUNE asks for. Throws a NbsRefusal `INVAL`. */
export function pruneOptions({ keep, prefix, label, dryRun }: PruneWish): PruneOptions {
  return {
    keep: readGrid(keep),
    dryRun: dryRun === true,
    ...(prefix === undefined ? {} : { prefix }),
    ...(label === undefined ? {} : { labels: readLabels(label) }),
  };
}

/** What becomes of a snapshot, as clients are told of it. */
export function verdictFields({ id, name, createdAtMs, keep, reasons }: Verdict): Fields {
  const reason = reasons.join(', ');
  return { uuid: id, name, createdMs: createdAtMs, ...(keep ? { kept: true } : {}), reason };
}

/** Undefined when nothing is to be changed. */
function readPolicy(
  before: SpacePolicy,
  { limitBytes = before.limitBytes ?? 0, whenFull = before.whenFull, method = before.method }: SettingsWish,
): SpacePolicy | undefined {
  if (!WHEN_FULL.includes(whenFull) || (method !== undefined && !METHODS.includes(method)))
    throw new NbsRefusal(
      'INVAL',
      `whenFull is one of ${WHEN_FULL.join(', ')}, a method one of ${METHODS.join(', ')}`,
    );
  const isSame =
    limitBytes === (before.limitBytes ?? 0) && whenFull === before.whenFull && method === before.method;
  if (isSame) return undefined;
  return {
    whenFull: whenFull as SpacePolicy['whenFull'],
    ...(limitBytes === 0 ? {} : { limitBytes }),
    ...(method === undefined ? {} : { method: method as SnapshotMethod }),
  };
}

function scheduleFields({ everyMs, offsetMs, keep, level, labels = {} }: SnapshotSchedule): Fields {
  const label = Object.entries(labels).map(([key, value]) => ({ key, value }));
  const rules = Object.entries(keep ?? {}).map(([rule, count]) => ({ rule, count: count as number }));
  return {
    everyMs,
    ...(offsetMs === undefined ? {} : { offsetMs }),
    ...(rules.length === 0 ? {} : { keep: rules }),
    ...(level === undefined ? {} : { level }),
    ...(label.length === 0 ? {} : { label }),
  };
}

/** Undefined is none. */
function readSchedule({ everyMs, offsetMs, keep, level, label }: Fields): SnapshotSchedule | undefined {
  if (everyMs === 0) return undefined;
  const schedule: unknown = {
    everyMs,
    ...(offsetMs === undefined ? {} : { offsetMs }),
    ...(keep === undefined ? {} : { keep: readGrid(keep) }),
    ...(level === undefined ? {} : { level }),
    ...(label === undefined ? {} : { labels: readLabels(label) }),
  };
  if (isSchedule(schedule)) return schedule;
  throw new NbsRefusal('INVAL', 'everyMs is 1000 at least, offsetMs less than that, and something is kept');
}

function readGrid(keep: readonly Fields[] = []): RetentionGrid {
  const grid: unknown = Object.fromEntries(keep.map(({ rule = '', count = 0 }) => [rule, count]));
  if (isRetentionGrid(grid)) return grid;
  throw new NbsRefusal('INVAL', 'a rule is last, hourly, daily, weekly, monthly, yearly, or olderThanMs');
}

function readLabels(label: readonly Fields[]): Record<string, string> {
  return Object.fromEntries(label.map(({ key = '', value = '' }) => [key, value]));
}
