import { mapMaybe, type MaybePromise } from '@lunbox/block';
import {
  checkedState,
  EMPTY_STATE,
  type ReservationState,
  type ReservationStore,
} from './reservation-state.ts';
import type { StateChange } from './state-change.ts';

/** PRgeneration has 32 bits and wraps (SPC-4 6.15.2). */
const GENERATIONS = 2 ** 32;

/** The persistent reservations of one logical unit: state, generation, and the store that outlives it. */
export class PersistentReservations {
  readonly #store: ReservationStore | undefined;
  readonly #targetPorts = new Set<number>();
  #state: ReservationState;
  /** Zero after power on, also when the registrations are still there (SPC-4 6.15.2). */
  #generation = 0;

  /** Throws a RangeError when the store holds what no unit can have saved. */
  constructor(store?: ReservationStore) {
    this.#store = store;
    const kept = store?.load();
    this.#state = kept?.aptpl === true ? checkedState(kept) : EMPTY_STATE;
    for (const { relativePort } of this.#state.registrations) this.#targetPorts.add(relativePort);
  }

  get state(): ReservationState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  /** True when registrations can outlive a loss of power. */
  get canPersist(): boolean {
    return this.#store !== undefined;
  }

  /**
   * Relative identifiers of the target ports known to the unit: through which a nexus came, or is registered.
   */
  get targetPorts(): ReadonlySet<number> {
    return this.#targetPorts;
  }

  /** A nexus came through this target port. */
  targetPortSeen(relativePort: number): void {
    this.#targetPorts.add(relativePort);
  }

  /** Carries a change out. It is saved first where it has to be: when saving fails, nothing has changed. */
  apply({ state, counted }: StateChange): MaybePromise<void> {
    return mapMaybe(this.#save(state), () => {
      this.#state = state;
      if (counted) this.#generation = (this.#generation + 1) % GENERATIONS;
    });
  }

  #save(next: ReservationState): MaybePromise<void> {
    if (this.#store === undefined || next === this.#state) return;
    // What is kept from before must go when it is not to be kept any longer.
    if (next.aptpl) return this.#store.save(next);
    if (this.#state.aptpl) return this.#store.save(EMPTY_STATE);
  }
}
