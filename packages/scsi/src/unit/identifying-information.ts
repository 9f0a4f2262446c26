import { mapMaybe, RangeLock, type MaybePromise } from '@lunbox/block';
import { InformationType, type IdentifyingType } from '../data/identifying-information.ts';
import { whileHeld } from '../media/while-held.ts';
import { bytesOfHex, hasKeys, UnitStateError, type KeptState } from './unit-state.ts';

/**
 * What SET IDENTIFYING INFORMATION set, as plain JSON: the bytes in hexadecimal by the information type, `00` or `02`.
 * A type that is not there has not been set.
 */
export type KeptInformation = Readonly<Record<string, string>>;

/** The types of a unit that can keep them, ascending (SPC-4 table 60). */
const TYPES: readonly IdentifyingType[] = [
  { informationType: InformationType.PERIPHERAL_DEVICE, maxBytes: 512 },
  { informationType: InformationType.PERIPHERAL_DEVICE_TEXT, maxBytes: 256 },
];

/** What an administrator has written on the unit (SPC-4 5.6). It survives everything, FORMAT UNIT too. */
export class IdentifyingInformation {
  readonly #kept: KeptState;
  readonly #setting = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });
  #information: ReadonlyMap<number, Uint8Array>;

  /** Throws a {@link UnitStateError} when the store holds what no unit can have saved. */
  constructor(kept: KeptState) {
    this.#kept = kept;
    this.#information = restored(kept.stored.identifyingInformation ?? {});
  }

  /** The types that the unit has: none where it cannot keep them. */
  get types(): readonly IdentifyingType[] {
    return this.#kept.present ? TYPES : [];
  }

  /** What was set, empty when nothing was. */
  read(informationType: number): Uint8Array {
    return this.#information.get(informationType) ?? new Uint8Array();
  }

  /** Sets the information of one type; it is saved first. Nothing at all clears it. */
  set(informationType: number, bytes: Uint8Array): MaybePromise<void> {
    return whileHeld(this.#setting.acquire(0, 1, 'exclusive'), () => {
      const next = new Map(this.#information);
      if (bytes.length === 0) next.delete(informationType);
      else next.set(informationType, bytes);
      const identifyingInformation = Object.fromEntries(
        [...next].map(([type, value]) => [nameOf(type), Buffer.from(value).toString('hex')]),
      );
      return mapMaybe(this.#kept.save({ identifyingInformation }), () => {
        this.#information = next;
      });
    });
  }
}

function restored(stored: unknown): Map<number, Uint8Array> {
  const names = TYPES.map(({ informationType }) => nameOf(informationType));
  if (!hasKeys(stored, [], names)) {
    throw new UnitStateError('identifyingInformation', 'it is no object of known information types');
  }
  const information = new Map<number, Uint8Array>();
  for (const { informationType, maxBytes } of TYPES) {
    const text = stored[nameOf(informationType)];
    if (text === undefined) continue;
    const bytes = bytesOfHex(text);
    if (bytes === undefined || bytes.length > maxBytes) {
      throw new UnitStateError(
        'identifyingInformation',
        `type ${informationType} is ${JSON.stringify(text)}`,
      );
    }
    information.set(informationType, bytes);
  }
  return information;
}

function nameOf(informationType: number): string {
  return informationType.toString(16).padStart(2, '0');
}
