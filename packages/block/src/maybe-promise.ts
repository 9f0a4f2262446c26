import { isPromise, type MaybePromise } from './block-device.ts';

/** Applies `fn` to the value: at once when it is there, later when it is a promise. */
export function mapMaybe<T, U>(value: MaybePromise<T>, fn: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return isPromise(value) ? value.then(fn) : fn(value);
}

/**
 * Starts every operation and completes when all have ended, then throws the first failure if there was one.
 * It never ends early: buffers lent to an operation stay in use until that operation is over.
 */
export function allSettled(operations: Iterable<() => MaybePromise<void>>): MaybePromise<void> {
  const failures: unknown[] = [];
  const pending: Promise<void>[] = [];
  for (const operation of operations) {
    try {
      const result = operation();
      if (isPromise(result)) {
        pending.push(result.catch((error: unknown) => void failures.push(error)));
      }
    } catch (error) {
      failures.push(error);
    }
  }
  if (pending.length > 0) return Promise.all(pending).then(() => throwFirst(failures));
  throwFirst(failures);
}

function throwFirst(failures: readonly unknown[]): void {
  if (failures.length > 0) throw failures[0];
}

/** Lets the event loop serve everything else before a long job goes on. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
