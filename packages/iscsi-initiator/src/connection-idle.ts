import type { Clock } from '@lunbox/block';
import type { FullFeature } from './full-feature.ts';

/** Resolves when the commands and other requests of a connection have ended, or after `withinMs`. */
export function idleWithin(
  { tasks, exchanges }: FullFeature,
  clock: Clock,
  withinMs: number | undefined,
): Promise<void> {
  const idle = tasks.idle.then(() => exchanges.idle);
  if (withinMs === undefined) return idle;
  return new Promise((resolve) => {
    const cancel = clock.setTimer(withinMs, resolve);
    void idle.then(() => {
      cancel();
      resolve();
    });
  });
}
