import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { GOOD, TASK_ABORTED } from '../answers.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { MediumOperation } from '../unit/medium-operations.ts';

/**
 * Does what FORMAT UNIT or SANITIZE asks for; with `immediate` the command is answered as soon as it has begun. A
 * command that is aborted is over after the next step, so that nobody waits for hours to hear of its abort, and the
 * operation goes on without it (SBC-3 4.11); its failure is then told to a later command.
 */
export function runOperation(
  itl: ItlNexus,
  command: ScsiCommand,
  operation: MediumOperation,
  immediate: boolean,
): MaybePromise<Finished> {
  const { operations } = itl.unit;
  // While the parameter list was on its way, somebody else may have begun.
  operations.refuseInProgress();
  return mapMaybe(operations.begin(operation), () => runBegun(itl, command, operation, immediate));
}

function runBegun(
  itl: ItlNexus,
  command: ScsiCommand,
  operation: MediumOperation,
  immediate: boolean,
): MaybePromise<Finished> {
  const { operations, thresholds } = itl.unit;
  let abandon: (() => void) | undefined;
  const afterStep = (): void => {
    if (command.aborted) abandon?.();
  };
  const done = operations.run(operation, afterStep).finally(() => thresholds.check(itl));
  if (immediate) {
    itl.runInBackground(() => done);
    return GOOD;
  }
  return new Promise((resolve, reject) => {
    abandon = () => {
      abandon = undefined;
      itl.runInBackground(() => done);
      resolve(TASK_ABORTED);
    };
    done.then(() => resolve(GOOD), reject);
  });
}

/** A block that repeats a pattern from its start on; the last repetition is cut where the block ends. */
export function patternBlock(pattern: Uint8Array, blockSize: number): Uint8Array {
  return Uint8Array.from({ length: blockSize }, (_, at) => pattern[at % pattern.length]!);
}
