import { SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';

/** ASC of everything that is a reset: it comes first and makes older conditions pointless (SAM-5 5.14.2). */
const RESET_ASC = 0x29;

/**
 * The unit attention conditions that one I_T nexus has yet to hear of (SAM-5 5.14). A condition is there once
 * at most, so the queue is no longer than the table of additional sense codes.
 */
export class UnitAttentions {
  #pending: AdditionalSense[] = [];

  /** How many conditions are pending. */
  get count(): number {
    return this.#pending.length;
  }

  /** The condition that would be reported next; it stays pending. */
  get next(): AdditionalSense | undefined {
    return this.#pending[0];
  }

  /** Establishes a condition. A reset takes the place of all that was pending. */
  raise(condition: AdditionalSense): void {
    if (condition.asc === RESET_ASC) this.#pending = [];
    if (!this.#pending.some((pending) => isSame(pending, condition))) this.#pending.push(condition);
  }

  /** Ends a condition without reporting it. */
  clear(condition: AdditionalSense): void {
    this.#pending = this.#pending.filter((pending) => !isSame(pending, condition));
  }

  /** The oldest condition, which ends by being reported. */
  take(): CheckConditionError | undefined {
    const condition = this.#pending.shift();
    if (condition === undefined) return undefined;
    const { asc, ascq } = condition;
    return new CheckConditionError({ senseKey: SenseKey.UNIT_ATTENTION, asc, ascq });
  }
}

function isSame(a: AdditionalSense, b: AdditionalSense): boolean {
  return a.asc === b.asc && a.ascq === b.ascq;
}
