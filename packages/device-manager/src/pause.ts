import type { Clock } from '@lunbox/block';

/** Waits, until the signal comes at the latest. */
export async function pause(clock: Clock, timeMs: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel();
      stop.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.setTimer(timeMs, end);
    stop.addEventListener('abort', end);
  });
}
