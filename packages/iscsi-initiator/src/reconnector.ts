import createDebug from 'debug';
import { Backoff } from './backoff.ts';
import type { InitiatorError } from './errors.ts';
import type { ReconnectOptions, SessionSeams } from './session-options.ts';
import { Waiters } from './waiters.ts';

const log = createDebug('lunbox:iscsi-initiator:reconnector');

/** Errors that the next try would only meet again. */
const FINAL = new Set([
  'INITIATOR_OPTIONS',
  'INITIATOR_AUTHENTICATION',
  'INITIATOR_NEGOTIATION',
  'INITIATOR_CLOSED',
]);

/** Decides when to try again, and when to give up. */
export class Reconnector {
  readonly #timeoutMs: number;
  readonly #backoff: Backoff;
  readonly #seams: SessionSeams;
  readonly #open: () => void;
  #atLeastMs = 0;
  #lostAtMs = 0;
  #upAtMs = 0;
  #hurried = false;
  #cancel: (() => void) | undefined;
  readonly #waiters = new Waiters();

  /** @param open - tries once. */
  constructor(options: ReconnectOptions, seams: SessionSeams, open: () => void) {
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.#backoff = new Backoff(options, seams.random);
    this.#seams = seams;
    this.#open = open;
  }

  /** Resolves when it is known how the try that is under way ends. */
  get next(): Promise<void> {
    return this.#waiters.wait();
  }

  /** A session is up. */
  succeeded(): void {
    this.#upAtMs = this.#seams.clock.nowMs();
    this.#hurried = false;
    this.#atLeastMs = 0;
    this.#waiters.tell();
  }

  /** The next try needs no pause: the session is lost on purpose. */
  hurry(): void {
    this.#hurried = true;
  }

  /** The next try waits this long at least. */
  waitAtLeast(delayMs: number): void {
    this.#atLeastMs = delayMs;
  }

  /** True when another try is on its way; false when it is over. */
  retry(wasUp: boolean, error: InitiatorError): boolean {
    const { clock } = this.#seams;
    const nowMs = clock.nowMs();
    if (wasUp) this.#lostAtMs = nowMs;
    // A session that keeps breaking as soon as it is up has to wait longer and longer, too.
    if (wasUp && nowMs - this.#upAtMs >= this.#backoff.maxDelayMs) this.#backoff.reset();
    const over = nowMs - this.#lostAtMs >= this.#timeoutMs;
    if (over || isFinal(error)) {
      this.#waiters.tell();
      return false;
    }
    const pauseMs = this.#hurried ? 0 : this.#backoff.next();
    const delayMs = Math.max(pauseMs, this.#atLeastMs);
    this.#hurried = false;
    this.#atLeastMs = 0;
    log('next try in %d ms', delayMs);
    this.#cancel = clock.setTimer(delayMs, () => this.#open());
    return true;
  }

  /** Tries no more. */
  stop(): void {
    this.#cancel?.();
    this.#waiters.tell();
  }
}

/** A login refused as the initiator's error (class 2) stays refused; a target's error (class 3) may pass. */
export function isFinal({ detail }: InitiatorError): boolean {
  if (FINAL.has(detail.code)) return true;
  return detail.code === 'INITIATOR_LOGIN_REFUSED' && detail.statusClass === 2;
}
