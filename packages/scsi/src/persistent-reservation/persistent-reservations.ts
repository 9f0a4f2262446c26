import { isPromise, mapMaybe, type MaybePromise } from '@lunbox/block';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { isNoSpace } from '../sense/block-failures.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import type { KeptState } from '../unit/unit-state.ts';
import { EMPTY_STATE, type ReservationState } from './reservation-state.ts';
import type { StateChange } from './state-change.ts';
import { restoredReservations } from './stored-reservations.ts';

/** PRgeneration has 32 bits and wraps (SPC-4 6.15.2). */
const GENERATIONS = 2 ** 32;

/** The persistent reservations of one logical unit: state, generation, and the store that outlives it. */
export class PersistentReservations {
  readonly #kept: KeptState;
  #state: ReservationState;
  /** Zero after power on, also when the registrations are still there (SPC-4 6.15.2). */
  #generation = 0;

  /** Throws a `UnitStateError` when the store holds what no unit can have saved. */
  constructor(kept: KeptState) {
    this.#kept = kept;
    this.#state = restoredReservations(kept.stored.reservations);
  }

  get state(): ReservationState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  /** True when registrations can outlive a loss of power. */
  get canPersist(): boolean {
    return this.#kept.canSave;
  }

  /** Carries a change out. It is saved first where it has to be: when saving fails, nothing has changed. */
  apply({ state, counted }: StateChange): MaybePromise<void> {
    return mapMaybe(this.#save(state), () => {
      this.#state = state;
      if (counted) this.#generation = (this.#generation + 1) % GENERATIONS;
    });
  }

  #save(next: ReservationState): MaybePromise<void> {
    // What is kept from before must go when it is not to be kept any longer.
    if (next === this.#state || !(next.aptpl || this.#state.aptpl)) return;
    const reservations = next.aptpl ? next : EMPTY_STATE;
    try {
      const saved = this.#kept.save({ reservations });
      return isPromise(saved) ? saved.catch(saveFailed) : saved;
    } catch (error) {
      return saveFailed(error);
    }
  }
}

/** SPC-4 5.13.7: no room for registrations has a code of its own. */
function saveFailed(error: unknown): never {
  if (isNoSpace(error)) throw illegalRequest(AdditionalSenseCode.INSUFFICIENT_REGISTRATION_RESOURCES);
  throw error;
}
