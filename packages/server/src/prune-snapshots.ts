import {
  keepsAny,
  retain,
  SCHEDULED_PREFIX,
  SnapshotError,
  type RetentionGrid,
  type SnapshotSet,
  type Verdict,
} from '@lunbox/snapshot';
import { ServerError } from './server-error.ts';

/** The snapshots of a disk, of which some may go. */
export interface PrunedDisk {
  readonly set: SnapshotSet;
  /** Deletes one that is not in use. */
  delete(snapshot: string): Promise<void>;
}

/** Which snapshots are looked at, and what keeps them. */
export interface PruneOptions {
  readonly keep: RetentionGrid;
  /** Those whose names begin so; by default `auto-`, where there are no labels either. */
  readonly prefix?: string;
  /** Those that have all of these. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Without prefix and labels: really all of them. */
  readonly all?: boolean;
  /** Nothing is deleted. */
  readonly dryRun?: boolean;
}

/**
 * Deletes the snapshots of a disk that a grid does not keep; of those only that have the prefix or all of the labels
 * that were given, by default those whose names begin with `auto-`. Answers what became of each, oldest first; those
 * with `keep` false are gone, or would be. Throws a {@link ServerError} for a grid that would keep none.
 */
export async function pruneSnapshots(
  disk: PrunedDisk,
  { keep, prefix, labels, all = false, dryRun = false }: PruneOptions,
  nowMs: number,
): Promise<Verdict[]> {
  if (!keepsAny(keep))
    throw new ServerError(
      'SERVER_BAD_OPTIONS',
      'say what is to be kept, such as --keep-last 7; it may not be 0',
    );
  const start = prefix ?? (labels === undefined && !all ? SCHEDULED_PREFIX : '');
  const wanted = disk.set
    .list()
    .filter(
      (info) =>
        info.name.startsWith(start) &&
        Object.entries(labels ?? {}).every(([key, text]) => info.labels[key] === text),
    );
  const verdicts: Verdict[] = [];
  for (const verdict of retain(wanted, keep, nowMs))
    verdicts.push(verdict.keep || dryRun ? verdict : await drop(disk, verdict));
  return verdicts;
}

/** One that is in use stays, and the next time it is looked at again. */
async function drop(disk: PrunedDisk, verdict: Verdict): Promise<Verdict> {
  try {
    await disk.delete(verdict.id);
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
