import { mapMaybe, RangeLock, type MaybePromise } from '@lunbox/block';
import { whileHeld } from '../media/while-held.ts';
import { cannotSave, hasKeys } from './unit-state.ts';

/** An operation on a whole medium. */
export type OperationKind = 'format' | 'sanitize';

/** An operation that was begun and has not ended well. */
export interface UnfinishedOperation {
  /** True when nothing but another SANITIZE may follow. */
  readonly restricted: boolean;
}

/** What a medium keeps of operations that were begun and have not ended well, as plain JSON. */
export type KeptOperations = { readonly [Kind in OperationKind]?: UnfinishedOperation };

/** Where a medium keeps its {@link KeptOperations}: with the medium, from drive to drive. */
export interface MediumStateStore {
  /** What was saved last, or undefined. Called once, when the medium comes into a unit. */
  load(): unknown;
  /** As {@link UnitStateStore.save}: completes when it is on stable storage, and is left out where nothing can be. */
  readonly save?: (state: KeptOperations) => MaybePromise<void>;
}

/** What is made of a state that no unit can have saved: only a SANITIZE that ends well can make up for it. */
const UNKNOWN: KeptOperations = { sanitize: { restricted: true } };

/**
 * The operations on a medium that have not ended well. One is entered before it changes the first block, and stays when
 * the power goes in the middle of it: a medium that is sanitized in part must never pass for one that is sanitized.
 */
export class UnfinishedOperations {
  readonly #store: MediumStateStore | undefined;
  readonly #changing = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });
  #operations: KeptOperations;

  constructor(store?: MediumStateStore) {
    this.#store = store;
    this.#operations = restored(store?.load());
  }

  /** The operation of a kind, when it has not ended well. */
  of(kind: OperationKind): UnfinishedOperation | undefined {
    return this.#operations[kind];
  }

  /** An operation is about to begin. Throws DATA PROTECT where nothing can be saved. */
  enter(kind: OperationKind, operation: UnfinishedOperation): MaybePromise<void> {
    return this.#change(() => ({ ...this.#operations, [kind]: operation }));
  }

  /** The operations of these kinds have been made up for. */
  remove(...kinds: readonly OperationKind[]): MaybePromise<void> {
    return this.#change(() => {
      const left = Object.entries(this.#operations).filter(([kind]) => !kinds.some((each) => each === kind));
      return Object.fromEntries(left);
    });
  }

  #change(change: () => KeptOperations): MaybePromise<void> {
    return whileHeld(this.#changing.acquire(0, 1, 'exclusive'), () => {
      const next = change();
      return mapMaybe(this.#save(next), () => {
        this.#operations = next;
      });
    });
  }

  /** Without a store the medium lives no longer than the unit. */
  #save(next: KeptOperations): MaybePromise<void> {
    if (this.#store === undefined) return;
    if (this.#store.save === undefined) throw cannotSave();
    return this.#store.save(next);
  }
}

function restored(stored: unknown): KeptOperations {
  if (stored === undefined) return {};
  if (!hasKeys(stored, [], ['format', 'sanitize'])) return UNKNOWN;
  return Object.values(stored).every(isUnfinished) ? stored : UNKNOWN;
}

function isUnfinished(value: unknown): boolean {
  return hasKeys(value, ['restricted']) && typeof value['restricted'] === 'boolean';
}
