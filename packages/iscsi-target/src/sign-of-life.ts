import type { Connection } from './connection.ts';

/** A connection whose peer can be asked whether it is still there. */
export interface Pingable {
  readonly connection: Connection;
  /** Asks for a sign of life; `answered` is called when the peer answers. */
  ping(answered?: () => void): void;
}

/**
 * Asks the peers of connections whether one of them is still there, and waits for that, but not for long: a host that
 * has crashed does not answer, and one that can not answer pings (T-K1) is taken to be alive by whatever it sends.
 */
export class SignOfLife {
  readonly #asked: readonly Pingable[];
  readonly #askedMs: number;
  readonly #waitMs: number;
  readonly #then: (alive: boolean) => void;
  #known = false;

  /** @param then - Called once: at the first answer, when all connections have ended, or at the end of `waitMs`. */
  constructor(asked: readonly Pingable[], nowMs: number, waitMs: number, then: (alive: boolean) => void) {
    this.#asked = asked;
    this.#askedMs = nowMs;
    this.#waitMs = waitMs;
    this.#then = then;
    for (const peer of asked) peer.ping(() => this.#conclude(true));
  }

  /** Time passes. */
  tick(nowMs: number): void {
    const left = this.#asked.filter(({ connection }) => !connection.ended);
    if (left.length > 0 && nowMs - this.#askedMs < this.#waitMs) return;
    this.#conclude(left.some(({ connection }) => connection.lastReceivedMs > this.#askedMs));
  }

  #conclude(alive: boolean): void {
    if (this.#known) return;
    this.#known = true;
    this.#then(alive);
  }
}
