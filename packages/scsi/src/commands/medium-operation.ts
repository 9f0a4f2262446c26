import type { MaybePromise } from '@lunbox/block';
import { GOOD } from '../answers.ts';
import type { Finished } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { MediumOperation } from '../unit/medium-operations.ts';

/** Does what FORMAT UNIT or SANITIZE asks for; with `immediate` the command is answered at once. */
export function runOperation(
  itl: ItlNexus,
  operation: MediumOperation,
  immediate: boolean,
): MaybePromise<Finished> {
  const { operations, thresholds } = itl.unit;
  // While the parameter list was on its way, somebody else may have begun.
  operations.refuseInProgress();
  const done = operations.run(operation).finally(() => thresholds.check(itl));
  if (!immediate) return done.then(() => GOOD);
  itl.runInBackground(() => done);
  return GOOD;
}

/** A block that repeats a pattern from its start on; the last repetition is cut where the block ends. */
export function patternBlock(pattern: Uint8Array, blockSize: number): Uint8Array {
  return Uint8Array.from({ length: blockSize }, (_, at) => pattern[at % pattern.length]!);
}
