import type { BegunRestore, SnapshotSet } from '@lunbox/snapshot';
import type { WorkProgress } from './control-socket.ts';

/** How often people are told how far a restore has come. */
const TELL_EVERY_MS = 500;

/** Waits until a restore is done, and tells meanwhile how far it has come. */
export async function watchRestore(
  set: SnapshotSet,
  { done }: BegunRestore,
  onProgress: (progress: WorkProgress) => void,
): Promise<void> {
  const tell = (): void => {
    if (set.restoring === undefined) return;
    const { doneBytes, totalBytes } = set.restoring;
    onProgress({ doneBytes, totalBytes });
  };
  const timer = setInterval(tell, TELL_EVERY_MS);
  try {
    await done;
  } finally {
    clearInterval(timer);
  }
}
