import { systemClock, type Clock } from '@lunbox/block';
import type { NbsClient } from '@lunbox/nbs';
import { spawn } from 'node:child_process';
import { ManagerError } from './manager-error.ts';
import { ObjectHandles } from './object-handles.ts';
import type { GroupPlan } from './plan/plan.ts';
import type { Command } from './quiesce/guard.ts';
import { lastWordsOf } from './quiesce/last-words.ts';

/** What {@link restoreGroup} has done. */
export interface RestoreReport {
  /** Each object, and the name of the snapshot that was taken of it right before: the way back. */
  readonly objects: readonly { readonly object: string; readonly safety: string }[];
  /** From the first command to the last one. */
  readonly durationMs: number;
}

/**
 * Brings all objects of a group back to their snapshots of one name: stops what uses them, by the commands of the plan,
 * restores, and starts it again. Each object has its old content at once; it is copied back in the background.
 *
 * When a command before fails, nothing has been restored; when the restore fails, what was stopped stays so.
 *
 * @param force - also while initiators use the objects
 * @throws ManagerError `MANAGER_COMMAND_FAILED`, `MANAGER_REFUSED`.
 */
export async function restoreGroup(
  client: NbsClient,
  group: Pick<GroupPlan, 'objects' | 'restore'>,
  snapshotName: string,
  { force = false, clock = systemClock }: { readonly force?: boolean; readonly clock?: Clock } = {},
): Promise<RestoreReport> {
  const startMs = clock.nowMs();
  const handles = await ObjectHandles.open(client, group.objects);
  try {
    // Nothing is stopped for a snapshot that is not there.
    await handles.checkThere(snapshotName);
    for (const command of group.restore.before) await runCommand(command);
    const safeties = await handles.restore(snapshotName, force);
    for (const command of group.restore.after) await runCommand(command);
    const objects = group.objects.map((object, index) => ({ object, safety: safeties[index] ?? '' }));
    return { objects, durationMs: Math.round(clock.nowMs() - startMs) };
  } finally {
    await handles.close();
  }
}

async function runCommand([program, ...args]: Command): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lastWords = lastWordsOf(child.stderr);
  const outcome = await new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`),
    );
  });
  if (outcome === undefined) return;
  const message = `${[program, ...args].join(' ')}: ${outcome}${lastWords()}`;
  throw new ManagerError('MANAGER_COMMAND_FAILED', message);
}
