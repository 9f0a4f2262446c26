import { mapMaybe, type MaybePromise } from '@lunbox/block';
import type { Medium } from '../media/medium.ts';
import { afterwards } from '../media/while-held.ts';
import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { isFaulted } from '../sense/block-failures.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { SenseData } from '../sense/sense-data.ts';

/**
 * Where the medium is: in the unit; on its way out; in the open tray, from where the unit can load it again; or away,
 * with the tray open or closed.
 */
export type TrayState = 'loaded' | 'opening' | 'ejected' | 'empty-open' | 'empty-closed';

const ABSENT: Readonly<Record<TrayState, AdditionalSense | undefined>> = {
  loaded: undefined,
  opening: AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN,
  ejected: AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN,
  'empty-open': AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN,
  'empty-closed': AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_CLOSED,
};

/** The tray of a unit: whether there is a medium, and how it goes out and in. */
export class MediumTray {
  #state: TrayState = 'loaded';
  #opening: MaybePromise<void> = undefined;
  readonly #onMoved: () => void;

  /** @param onMoved told whenever the medium has gone out or in */
  constructor(onMoved: () => void) {
    this.#onMoved = onMoved;
  }

  get state(): TrayState {
    return this.#state;
  }

  /** True while commands can use the medium. */
  get loaded(): boolean {
    return this.#state === 'loaded';
  }

  /** True while there is none in the tray either. */
  get empty(): boolean {
    return this.#state === 'empty-open' || this.#state === 'empty-closed';
  }

  /** True while the tray is open. */
  get open(): boolean {
    return ABSENT[this.#state] === AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN;
  }

  /** Why commands cannot use a medium; undefined when they can. */
  get condition(): SenseData | undefined {
    const absent = ABSENT[this.#state];
    return absent === undefined ? undefined : { senseKey: SenseKey.NOT_READY, ...absent };
  }

  /**
   * Ejects: the tray opens when what goes on with the medium has ended, and everything is durable where `flush` says
   * so. When that fails the medium stays where it is.
   */
  eject(medium: Medium, flush: boolean): MaybePromise<void> {
    if (this.#state === 'opening') return this.#opening;
    if (this.#state === 'empty-closed') this.#state = 'empty-open';
    if (this.#state !== 'loaded') return;
    this.#state = 'opening';
    this.#opening = afterwards(
      () => mapMaybe(medium.withdraw(mediumNotPresent, flush), () => this.#move('ejected')),
      () => {
        if (this.#state === 'opening') this.#state = 'loaded';
      },
    );
    return this.#opening;
  }

  /**
   * Ejects after a flush. Where an earlier one has failed nothing more can be made durable, and opening the medium
   * again is the only way out: `force` ejects it as it is.
   */
  async ejectByHand(medium: Medium, force: boolean): Promise<void> {
    try {
      await this.eject(medium, true);
    } catch (error) {
      if (!force || !isFaulted(error)) throw error;
      await this.eject(medium, false);
    }
  }

  /** The medium in the open tray is taken away. */
  takeOut(): void {
    if (this.#state === 'ejected') this.#state = 'empty-open';
  }

  /** The tray closes with a medium in it. */
  load(): void {
    this.#move('loaded');
  }

  /** The tray closes without one. */
  close(): void {
    if (this.#state === 'empty-open') this.#state = 'empty-closed';
  }

  #move(state: TrayState): void {
    this.#state = state;
    this.#onMoved();
  }
}

/** What who still works on a medium that has gone is refused with. */
function mediumNotPresent(): CheckConditionError {
  const code = AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN;
  return new CheckConditionError({ senseKey: SenseKey.NOT_READY, ...code });
}
