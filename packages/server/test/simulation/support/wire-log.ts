import { describe, type Pdu } from '@lunbox/iscsi-pdu';
import type { SimulatedTime } from './simulated-time.ts';

/** Entries kept. */
const KEPT = 60;
const KEPT_IN_DETAIL = 100_000;

interface Entry {
  readonly atMs: number;
  readonly link: number;
  readonly what: string;
  readonly pdu: Pdu | undefined;
}

/** What went over the wires lately, and what was wrong in a history. */
export class WireLog {
  readonly problems: string[] = [];
  /** How often what was seen: PDUs by type, what happened to connections, how requests ended. */
  readonly seen: Record<string, number> = {};
  /** Link number for the next connection. */
  links = 0;
  /** What a replay tells besides: requests of callers and blocks that are stored, and all of it. */
  readonly detailed: boolean = process.env['LUNBOX_TRACE'] !== undefined;
  readonly #kept: number = this.detailed ? KEPT_IN_DETAIL : KEPT;
  readonly #time: SimulatedTime;
  readonly #entries: Entry[] = [];
  #count = 0;
  /** Entries that are still taken: what comes long after the first problem is of no interest. */
  #left: number | undefined;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  /** The time of the simulation. */
  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** Counts something. */
  count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  /** Takes note of a PDU or of an event. */
  note(link: number, what: string, pdu?: Pdu): void {
    if (this.#left === 0) return;
    if (this.#left !== undefined) this.#left--;
    this.#entries[this.#count++ % this.#kept] = { atMs: this.#time.nowMs, link, what, pdu };
  }

  /** A law is broken. */
  problem(what: string): void {
    if (this.problems.length >= 20) return;
    this.problems.push(`${what} (at ${this.#time.nowMs} ms)`);
    this.note(0, `PROBLEM: ${what}`);
    this.#left ??= 4;
  }

  /** The last entries as lines, the oldest first. */
  lines(): string[] {
    const first = Math.max(0, this.#count - this.#kept);
    const lines: string[] = [];
    for (let at = first; at < this.#count; at++) {
      const { atMs, link, what, pdu } = this.#entries[at % this.#kept] as Entry;
      const text = pdu === undefined ? what : `${what} ${describe(pdu)}`;
      lines.push(`${atMs.toString().padStart(8)} ms  link ${link}  ${text}`);
    }
    return lines;
  }
}
