import { mapMaybe, type MaybePromise } from '@lunbox/block';
import type { NbdExport, NbdExportInfo } from './exports.ts';
import { Allocation, CHANGED } from './numbers.ts';

/** What a client can be told of the blocks of an export: whether they are allocated. */
export const ALLOCATION = 'base:allocation';

/** The same: whether they may have changed since a point, whose name follows. */
export const CHANGED_PREFIX = 'lunbox:changed:';

/** Extents that one answer tells of. */
const EXTENT_LIMIT = 1024;

/** A run of blocks, and what is said of it. */
export interface StatusRun {
  length: number;
  readonly flags: number;
}

/** The contexts of an export that a query names: a whole name, or a namespace for all in it. */
export function contextsFor(query: string, { changedSince = [] }: NbdExportInfo): string[] {
  const all = [ALLOCATION, ...changedSince.map((name) => CHANGED_PREFIX + name)];
  if (query === 'base:' || query === 'lunbox:' || query === CHANGED_PREFIX)
    return all.filter((name) => name.startsWith(query));
  return all.filter((name) => name === query);
}

/** What a context says of a range, or of the beginning of it. */
export function statusOf(
  context: string,
  opened: NbdExport,
  offset: number,
  length: number,
): MaybePromise<StatusRun[]> {
  if (context === ALLOCATION)
    return mapMaybe(opened.device.extents(offset, length, { limit: EXTENT_LIMIT }), (extents) =>
      extents.map((extent) => ({ length: extent.length, flags: ALLOCATED[extent.state] })),
    );
  return changedRuns(opened.changes!(context.slice(CHANGED_PREFIX.length)), offset, length);
}

const ALLOCATED = { mapped: 0, zero: Allocation.ZERO, hole: Allocation.HOLE | Allocation.ZERO } as const;

async function changedRuns(
  changes: ReturnType<NonNullable<NbdExport['changes']>>,
  offset: number,
  length: number,
): Promise<StatusRun[]> {
  const runs: StatusRun[] = [];
  const end = offset + length;
  let at = offset;
  const add = (until: number, flags: number): void => {
    if (until > at) runs.push({ length: until - at, flags });
    at = Math.max(at, until);
  };
  for await (const run of changes) {
    if (run.offset >= end || runs.length >= EXTENT_LIMIT) break;
    add(Math.min(run.offset, end), 0);
    add(Math.min(run.offset + run.length, end), CHANGED);
  }
  // What lies beyond the last of so many runs is left for the next question.
  if (runs.length < EXTENT_LIMIT) add(end, 0);
  return runs;
}
