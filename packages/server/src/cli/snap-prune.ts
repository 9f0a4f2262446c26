import type { Verdict } from '@lunbox/snapshot';
import { pruneSnapshots } from '../prune-snapshots.ts';
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

/** See {@link pruneSnapshots}. */
export async function prune(
  desk: SnapDesk,
  { verb: _verb, ...which }: Omit<ControlRequest<'snap-prune'>, 'verb'> & { readonly verb?: 'snap-prune' },
  nowMs: number,
): Promise<Pruned> {
  const { dryRun = false } = which;
  return { event: 'pruned', disk: desk.disk, dryRun, verdicts: await pruneSnapshots(desk, which, nowMs) };
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
