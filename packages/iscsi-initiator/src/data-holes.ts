import { protocolError } from './errors.ts';

/** Most PDUs of one command that may be missing at a time. */
const MAX_HOLES = 16_384;
/** One PDU is asked for again so many times. */
const MAX_REQUESTS = 8;

/**
 * Data-In PDUs, or R2Ts, of one command that are known to be missing, by DataSN or R2TSN (RFC 7143 §7.9). Made for a
 * command only when something is missing.
 */
export class DataHoles {
  /** The offset in bytes where each begins, as far as it is known: always for the first. */
  readonly #offsets = new Map<number, number | undefined>();
  #requests = 0;

  /** How many are missing. */
  get size(): number {
    return this.#offsets.size;
  }

  /** True when this one is missing. */
  has(dataSn: number): boolean {
    return this.#offsets.has(dataSn);
  }

  /**
   * PDUs from `first` up to but not with `end` are missing; the first begins at `offset`.
   *
   * @throws InitiatorError `INITIATOR_PROTOCOL` when they are more than a connection loses.
   */
  open(first: number, end: number, offset: number): void {
    if (end - first + this.size > MAX_HOLES) throw protocolError(`DataSN ${end} after ${first}`);
    for (let dataSn = first; dataSn < end; dataSn++) {
      this.#offsets.set(dataSn, dataSn === first ? offset : undefined);
    }
  }

  /** One has come, up to the offset `end`. False when it was not missing. */
  fill(dataSn: number, end: number): boolean {
    if (!this.#offsets.delete(dataSn)) return false;
    if (this.#offsets.has(dataSn + 1)) this.#offsets.set(dataSn + 1, end);
    return true;
  }

  /** Where the data is complete to: DataSN and offset of the first that is missing. Undefined when none is. */
  get first(): { readonly dataSn: number; readonly offset: number } | undefined {
    let first: number | undefined;
    for (const dataSn of this.#offsets.keys()) if (first === undefined || dataSn < first) first = dataSn;
    return first === undefined ? undefined : { dataSn: first, offset: this.#offsets.get(first) ?? 0 };
  }

  /** Counts a request for what did not come whole; false when asking again is of no use. */
  mayAskAgain(): boolean {
    return ++this.#requests <= MAX_REQUESTS;
  }
}
