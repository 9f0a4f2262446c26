import { LEVELS, type ConsistencyLevel } from './consistency-level.ts';
import type { SnapshotInfo } from './snapshot-info.ts';
import { keepsAny, RETENTION_RULES, type RetentionGrid } from './retain.ts';

/** When snapshots of a disk are taken by themselves, and which of those are kept. */
export interface SnapshotSchedule {
  /** One for each so long, at least 1 s: time is cut into pieces of it, from Monday, 29 December 1969, 0:00 UTC on. */
  readonly everyMs: number;
  /** How long after the beginning of each piece. Default 0. */
  readonly offsetMs?: number;
  /** Which of them are kept. Without it all are. */
  readonly keep?: RetentionGrid;
  /** What was done before. Default `crash`: nothing. */
  readonly level?: ConsistencyLevel;
  readonly labels?: Readonly<Record<string, string>>;
}

/** How the names of snapshots begin that a schedule has taken. */
export const SCHEDULED_PREFIX = 'auto-';

const MONDAY_MS = -3 * 86_400_000;
const LEAST_MS = 1000;

/** Whether a value is a schedule. */
export function isSchedule(value: unknown): value is SnapshotSchedule {
  const schedule = value as Partial<SnapshotSchedule> | null;
  if (typeof schedule !== 'object' || schedule === null) return false;
  const { everyMs, offsetMs = 0, keep, level, labels = {} } = schedule;
  if (!isWhole(everyMs) || everyMs < LEAST_MS || !isWhole(offsetMs) || offsetMs >= everyMs) return false;
  if (level !== undefined && !LEVELS.includes(level)) return false;
  if (typeof labels !== 'object' || labels === null) return false;
  return (
    (keep === undefined || (isRetentionGrid(keep) && keepsAny(keep))) &&
    Object.values(labels).every((text) => typeof text === 'string')
  );
}

/** Whether a value is a grid: whole numbers, of its rules only. */
export function isRetentionGrid(value: unknown): value is RetentionGrid {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys: readonly string[] = [...RETENTION_RULES, 'olderThanMs'];
  return Object.entries(value).every(([key, number]) => keys.includes(key) && isWhole(number));
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * When the last snapshot was taken that a schedule has taken; undefined when there is none. Those from a time to come
 * do not count: the clock went backwards, and none would be taken until then.
 *
 * @param snapshots - oldest first
 */
export function lastRunMs(
  snapshots: readonly Pick<SnapshotInfo, 'name' | 'createdAtMs'>[],
  nowMs: number,
): number | undefined {
  return snapshots.findLast(
    ({ name, createdAtMs }) => name.startsWith(SCHEDULED_PREFIX) && createdAtMs <= nowMs,
  )?.createdAtMs;
}

/**
 * When the next snapshot is due: at once when a piece of time has begun since the last one, however many have, or when
 * there is none.
 */
export function nextRunMs(schedule: SnapshotSchedule, lastMs: number | undefined, nowMs: number): number {
  if (lastMs === undefined) return nowMs;
  return Math.max(nowMs, pieceOf(schedule, Math.min(lastMs, nowMs)) + schedule.everyMs);
}

/** What the snapshot is called that is due now: the time for which it is. */
export function scheduledName(schedule: SnapshotSchedule, nowMs: number): string {
  return `${SCHEDULED_PREFIX}${new Date(pieceOf(schedule, nowMs)).toISOString().replace(/\.000Z$/, 'Z')}`;
}

/** When the piece of time began that a moment belongs to. */
function pieceOf({ everyMs, offsetMs = 0 }: SnapshotSchedule, timeMs: number): number {
  const from = MONDAY_MS + offsetMs;
  return from + Math.floor((timeMs - from) / everyMs) * everyMs;
}
