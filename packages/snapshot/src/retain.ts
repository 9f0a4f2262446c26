import type { SnapshotInfo } from './snapshot-info.ts';

/**
 * How many snapshots are kept: the newest, and the newest of each of so many hours, days, weeks from Monday on, months
 * and years that have one, in UTC. One that several of these keep counts for all of them.
 */
export interface RetentionGrid {
  readonly last?: number;
  readonly hourly?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  /** Younger ones are kept as well. */
  readonly olderThanMs?: number;
}

/** What is to become of a snapshot, and why. */
export interface Verdict {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly keep: boolean;
  /** For people: what keeps it, or that nothing does. */
  readonly reasons: readonly string[];
}

/** What a verdict depends on. */
export type Retained = Pick<SnapshotInfo, 'id' | 'name' | 'createdAtMs' | 'holds' | 'bookmark' | 'prepared'>;

/** A rule of a grid. */
export type RetentionRule = Exclude<keyof RetentionGrid, 'olderThanMs'>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1 January 1970 was a Thursday. */
const DAYS_FROM_MONDAY = 3;

/** The stretch of time that a snapshot belongs to; those of one stretch have the same answer. */
const STRETCHES: Readonly<Record<RetentionRule, (timeMs: number, index: number) => number>> = {
  last: (_timeMs, index) => index,
  hourly: (timeMs) => Math.floor(timeMs / HOUR_MS),
  daily: (timeMs) => Math.floor(timeMs / DAY_MS),
  weekly: (timeMs) => Math.floor((Math.floor(timeMs / DAY_MS) + DAYS_FROM_MONDAY) / 7),
  monthly: (timeMs) => new Date(timeMs).getUTCFullYear() * 12 + new Date(timeMs).getUTCMonth(),
  yearly: (timeMs) => new Date(timeMs).getUTCFullYear(),
};

/** The rules of a grid. */
export const RETENTION_RULES: readonly RetentionRule[] = Object.keys(STRETCHES) as RetentionRule[];

/** Whether a grid keeps anything at all. */
export function keepsAny(grid: RetentionGrid): boolean {
  return grid.olderThanMs !== undefined || RETENTION_RULES.some((rule) => (grid[rule] ?? 0) > 0);
}

/**
 * Tells which snapshots are kept and which are dropped. The order in which they were taken counts, and not the clock,
 * which may have gone backwards. Whatever the grid says, those that are held or in doubt are kept, and bookmarks, which
 * have no content, and those from a time to come. The last two, and those in doubt, take nobody's place.
 *
 * @param snapshots - oldest first
 * @returns in the same order
 */
export function retain(snapshots: readonly Retained[], grid: RetentionGrid, nowMs: number): Verdict[] {
  const seen = new Map(RETENTION_RULES.map((rule) => [rule, new Set<number>()]));
  const verdicts: Verdict[] = [];
  for (const [index, snapshot] of [...snapshots.entries()].reverse()) {
    const { id, name, createdAtMs, holds } = snapshot;
    const reasons = holds.map((holder) => `held by ${holder}`);
    const aside = whyAside(snapshot, nowMs);
    if (aside !== undefined) reasons.push(aside);
    else {
      if (grid.olderThanMs !== undefined && nowMs - createdAtMs <= grid.olderThanMs) reasons.push('young');
      for (const rule of RETENTION_RULES) {
        const stretches = seen.get(rule) as Set<number>;
        const stretch = STRETCHES[rule](createdAtMs, index);
        if (stretches.has(stretch) || stretches.size >= (grid[rule] ?? 0)) continue;
        stretches.add(stretch);
        reasons.push(`${rule} ${stretches.size} of ${grid[rule]}`);
      }
    }
    const keep = reasons.length > 0;
    verdicts.push({ id, name, createdAtMs, keep, reasons: keep ? reasons : ['no rule keeps it'] });
  }
  return verdicts.reverse();
}

/** Why a snapshot is kept and takes nobody's place; undefined when the grid decides. */
function whyAside({ bookmark, prepared, createdAtMs }: Retained, nowMs: number): string | undefined {
  if (prepared) return 'in doubt';
  if (bookmark) return 'bookmark';
  return createdAtMs > nowMs ? 'from a time to come' : undefined;
}
