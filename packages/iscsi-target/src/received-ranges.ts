interface Range {
  start: number;
  end: number;
}

/** Gaps that a sequence may have at a time: enough for any order of its PDUs at sensible lengths. */
const RANGE_LIMIT = 1024;

/** Which bytes of a sequence have come, when its PDUs may come in any order (DataPDUInOrder=No, RFC 7143 §13.18). */
export class ReceivedRanges {
  /** In order, and never touching each other. */
  readonly #ranges: Range[] = [];

  /** True when no byte from `start` up to `end` has come, and there is room to take note of them. */
  takes(start: number, end: number): boolean {
    const next = this.#after(start);
    const before = this.#ranges[next - 1];
    const behind = this.#ranges[next];
    const apart =
      (before === undefined || before.end <= start) && (behind === undefined || end <= behind.start);
    return apart && this.#ranges.length < RANGE_LIMIT;
  }

  /** Bytes have come that {@link ReceivedRanges.takes} let in. */
  add(start: number, end: number): void {
    if (start === end) return;
    const next = this.#after(start);
    const before = this.#ranges[next - 1];
    const behind = this.#ranges[next];
    const joinsBefore = before?.end === start;
    const joinsBehind = behind?.start === end;
    if (joinsBefore && joinsBehind) {
      before.end = behind.end;
      this.#ranges.splice(next, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsBehind) behind.start = start;
    else this.#ranges.splice(next, 0, { start, end });
  }

  /** Index of the first range that begins behind `start`. */
  #after(start: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle] as Range).start > start) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
