import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';

/**
 * The conditions that come before all others, in the order of their precedence (SAM-5 5.14): what each of them is about
 * has also done what the later ones tell of. The first one stands for any reset.
 */
const RESETS: readonly AdditionalSense[] = [
  AdditionalSenseCode.POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED,
  AdditionalSenseCode.SCSI_BUS_RESET_OCCURRED,
  AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED,
  AdditionalSenseCode.I_T_NEXUS_LOSS_OCCURRED,
];

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

  /** Establishes a condition. A reset takes the place of all that was pending, but for a reset that says more. */
  raise(condition: AdditionalSense): void {
    const precedence = precedenceOf(condition);
    if (precedence < RESETS.length) {
      const told = this.#pending.find((pending) => precedenceOf(pending) <= precedence);
      this.#pending = [told ?? condition];
    } else if (!this.#pending.some((pending) => isSame(pending, condition))) this.#pending.push(condition);
  }

  /** Ends a condition without reporting it. */
  clear(condition: AdditionalSense): void {
    this.#pending = this.#pending.filter((pending) => !isSame(pending, condition));
  }

  /** The condition that is to be reported: a reset, or the oldest; it ends unless it is to `stay`. */
  take(stay: boolean): CheckConditionError | undefined {
    const condition = stay ? this.next : this.#pending.shift();
    if (condition === undefined) return undefined;
    const { asc, ascq } = condition;
    return new CheckConditionError({ senseKey: SenseKey.UNIT_ATTENTION, asc, ascq });
  }
}

/** 0 for the strongest; the number of resets for all that is none. */
function precedenceOf(condition: AdditionalSense): number {
  const at = RESETS.findIndex((reset) => isSame(reset, condition));
  return at < 0 ? RESETS.length : at;
}

function isSame(a: AdditionalSense, b: AdditionalSense): boolean {
  return a.asc === b.asc && a.ascq === b.ascq;
}
