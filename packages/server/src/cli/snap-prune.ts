import { keepsAny, retain, SCHEDULED_PREFIX, SnapshotError, type Verdict } from '@lunbox/snapshot';
import { ServerError } from '../server-error.ts';
import type { ControlRequest } from './control-request.ts';
import type { SnapDesk } from './snap-desk.ts';

/** What pruning tells. */
export interface Pruned {
  readonly event: 'pruned';
  readonly disk: string;
  /** Nothing was deleted. */
  readonly dryRun: boolean;
  /** Of each snapshot that was looked at, oldest first; those with `keep` false are gone, or would be. */
  readonly verdicts: readonly Verdict[];
}

/**
 * Deletes the snapshots of a disk that a grid does not keep; of those only that have the prefix or all of the labels
 * that were given, by default those whose names begin with `auto-`. Throws a {@link ServerError} for a grid that would
 * keep none.
 */
export async function prune(
  desk: SnapDesk,
  { keep, prefix, labels, all = false, dryRun = false }: Omit<ControlRequest<'snap-prune'>, 'verb'>,
  nowMs: number,
): Promise<Pruned> {
  if (!keepsAny(keep))
    throw new ServerError(
      'SERVER_BAD_OPTIONS',
      'say what is to be kept, such as --keep-last 7; it may not be 0',
    );
  const start = prefix ?? (labels === undefined && !all ? SCHEDULED_PREFIX : '');
  const wanted = desk.set
    .list()
    .filter(
      (info) =>
        info.name.startsWith(start) &&
        Object.entries(labels ?? {}).every(([key, text]) => info.labels[key] === text),
    );
  const verdicts: Verdict[] = [];
  for (const verdict of retain(wanted, keep, nowMs))
    verdicts.push(verdict.keep || dryRun ? verdict : await drop(desk, verdict));
  return { event: 'pruned', disk: desk.disk, dryRun, verdicts };
}

/** One that is in use stays, and the next time it is looked at again. */
async function drop(desk: SnapDesk, verdict: Verdict): Promise<Verdict> {
  try {
    await desk.delete(verdict.id);
    return verdict;
  } catch (error) {
    const inUse =
      (error instanceof SnapshotError &&
        (error.code === 'SNAPSHOT_BUSY' || error.code === 'SNAPSHOT_HELD')) ||
      (error instanceof ServerError && error.code === 'SERVER_WRONG_STATE');
    if (!inUse) throw error;
    return { ...verdict, keep: true, reasons: [error.message] };
  }
}

/** The same in words: a line for each snapshot, and how many went. */
export function pruneLines({ dryRun, verdicts }: Pruned): string[] {
  const gone = verdicts.filter(({ keep }) => !keep).length;
  const lines = verdicts.map(({ name, keep, reasons }) => {
    const what = keep ? 'keep' : dryRun ? 'would delete' : 'deleted';
    return `${what} ${name}: ${reasons.join(', ')}`;
  });
  const total = `${gone} of ${verdicts.length} snapshots ${dryRun ? 'would be' : 'are'} deleted`;
  return [...lines, total];
}
