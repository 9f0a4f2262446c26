import { RangeLock, type MaybePromise } from '@lunbox/block';
import { whileHeld } from '../media/while-held.ts';
import type { SavedModePages } from '../mode/saved-mode-pages.ts';
import type { ReservationState } from '../persistent-reservation/reservation-state.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { KeptInformation } from './identifying-information.ts';

/** What a unit keeps for the time without power. It is plain JSON, 128 KiB of it at most. */
export interface UnitState {
  /** Persistent reservations, when an initiator asked for them to survive a loss of power (APTPL). */
  readonly reservations?: ReservationState;
  /** Saved values of mode pages (SP of MODE SELECT). */
  readonly modePages?: SavedModePages;
  /** What SET IDENTIFYING INFORMATION set. */
  readonly identifyingInformation?: KeptInformation;
}

/** The parts of a {@link UnitState} as a store gives them back: whatever was in it. The unit checks them. */
export type StoredUnitState = { readonly [Part in keyof UnitState]?: unknown };

/** Where a unit keeps its {@link UnitState}. */
export interface UnitStateStore {
  /** Every part that was saved last. Called once, when the unit is made. */
  load(): StoredUnitState;
  /**
   * Keeps the parts that are given in place of those kept before; the others stay. It completes when that is on stable
   * storage, as the command that changed the state is answered then. Calls never overlap. A failure is that of the
   * command, which changes nothing; a `BlockError` `BLOCK_NO_SPACE` says that there is no room. Left out where nothing
   * can be saved: what was loaded is in force, and commands that would have to save are refused as write-protected.
   */
  readonly save?: (change: UnitState) => MaybePromise<void>;
}

/** A store holds what no unit can have saved in this part. Serving the unit all the same could break promises. */
export class UnitStateError extends RangeError {
  override readonly name = 'UnitStateError';
  readonly part: keyof UnitState;

  constructor(part: keyof UnitState, reason: string) {
    super(`the stored ${part} cannot be used: ${reason}`);
    this.part = part;
  }
}

/** The state of one unit, from its store and back to it. */
export class KeptState {
  readonly stored: StoredUnitState;
  /** True when the unit has a store, and so what is stored in it. */
  readonly present: boolean;
  readonly #save: UnitStateStore['save'];
  readonly #saving = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });

  constructor(store?: UnitStateStore) {
    this.present = store !== undefined;
    this.stored = store?.load() ?? {};
    this.#save = store?.save?.bind(store);
  }

  /** True when state can be saved. */
  get canSave(): boolean {
    return this.#save !== undefined;
  }

  /** Saves one change after the other. Throws DATA PROTECT where nothing can be saved. */
  save(change: UnitState): MaybePromise<void> {
    const save = this.#save;
    if (save === undefined) throw cannotSave();
    return whileHeld(this.#saving.acquire(0, 1, 'exclusive'), () => save(change));
  }
}

/** DATA PROTECT: a command would have to save what cannot be saved. */
export function cannotSave(): CheckConditionError {
  return new CheckConditionError({ senseKey: SenseKey.DATA_PROTECT, ...AdditionalSenseCode.WRITE_PROTECTED });
}

/** True for an object that is no list, with these keys and perhaps those others, and no more. */
export function hasKeys(
  value: unknown,
  keys: readonly string[],
  optional: readonly string[] = [],
): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const found = Object.keys(value);
  return (
    keys.every((key) => found.includes(key)) && found.every((key) => [...keys, ...optional].includes(key))
  );
}

/** True for an object that is no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The bytes of an even number of hexadecimal digits in lower case; undefined for anything else. */
export function bytesOfHex(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== 'string' || !/^([0-9a-f]{2})*$/.test(text)) return undefined;
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
