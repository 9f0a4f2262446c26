import { isPromise, type MaybePromise, type RangeGrant } from '@lunbox/block';

/** Does `work`, and `cleanUp` when it is over, however it ends. */
export function afterwards<T>(work: () => MaybePromise<T>, cleanUp: () => void): MaybePromise<T> {
  let result: MaybePromise<T>;
  try {
    result = work();
  } catch (error) {
    cleanUp();
    throw error;
  }
  if (isPromise(result)) return result.finally(cleanUp);
  cleanUp();
  return result;
}

/** Does `work` as soon as the lock is granted, and gives the lock back afterwards. */
export function whileHeld<T>(grant: MaybePromise<RangeGrant>, work: () => MaybePromise<T>): MaybePromise<T> {
  if (isPromise(grant)) return grant.then((held) => whileHeld(held, work));
  return afterwards(work, () => {
    grant.release();
  });
}
