import type { Expected } from './expected.ts';
import { check } from './expected.ts';
import type { UnitModel } from './unit-model.ts';

/** Additional sense codes of unit attention conditions (SPC-4 annex F.2), as `asc * 256 + ascq`. */
export const Attention = {
  POWER_ON: 0x2900,
  UNIT_RESET: 0x2903,
  MODES_CHANGED: 0x2a01,
  RESERVATIONS_PREEMPTED: 0x2a03,
  RESERVATIONS_RELEASED: 0x2a04,
  REGISTRATIONS_PREEMPTED: 0x2a05,
  CAPACITY_CHANGED: 0x2a09,
  TIMESTAMP_CHANGED: 0x2a10,
  LUNS_CHANGED: 0x3f0e,
} as const;

const UNIT_ATTENTION = 6;

/** What one I_T nexus has yet to hear of one unit (SAM-5 5.14). */
export class PendingModel {
  readonly unit: UnitModel;
  #conditions: number[] = [Attention.POWER_ON];
  /** Failures of commands that were answered already (SPC-4 4.5.5). */
  #deferred: Expected | undefined = undefined;

  constructor(unit: UnitModel) {
    this.unit = unit;
  }

  /**
   * A condition that is there already is not there twice; a reset takes the place of everything, but is itself told by
   * a power on that is yet to be told (SAM-5 5.14).
   */
  raise(code: number): void {
    const powerOn = this.#conditions.includes(Attention.POWER_ON);
    if (code >> 8 === 0x29) this.#conditions = powerOn ? [Attention.POWER_ON] : [code];
    else if (!this.#conditions.includes(code)) this.#conditions.push(code);
  }

  clear(code: number): void {
    this.#conditions = this.#conditions.filter((other) => other !== code);
  }

  defer(failure: Expected): void {
    this.#deferred = { ...failure, sense: { ...failure.sense, deferred: true } };
  }

  /** What the next command has to report, once. */
  take(): Expected | undefined {
    const code = this.#conditions.shift();
    if (code !== undefined) return check(UNIT_ATTENTION, code >> 8, code & 0xff);
    const deferred = this.#deferred;
    this.#deferred = undefined;
    return deferred;
  }

  /** The condition that QUERY ASYNCHRONOUS EVENT tells of. */
  get next(): number | undefined {
    return this.#conditions[0];
  }
}

/** What one I_T nexus may see and do. */
export interface NexusModel {
  readonly node: number;
  readonly readOnly: boolean;
  /** LUN of the target → LUN that the initiator uses; undefined: all, as they are. */
  readonly shownAs: ReadonlyMap<number, number> | undefined;
  /** By the LUN that the initiator uses. */
  readonly units: Map<number, PendingModel>;
  /** Units whose tasks somebody else has aborted. */
  readonly aborted: number[];
  /** Announcements of changes. */
  readonly announced: string[];
}
