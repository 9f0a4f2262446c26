import { randomBelow } from '@lunbox/block';
import createDebug from 'debug';
import type { InitiatorError } from './errors.ts';
import type { ReconnectOptions, SessionSeams } from './session-options.ts';

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
  readonly #minDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #seams: SessionSeams;
  readonly #open: () => void;
  #delayMs: number;
  #atLeastMs = 0;
  #lostAtMs = 0;
  #upAtMs = 0;
  #hurried = false;
  #cancel: (() => void) | undefined;
  readonly #waiters: (() => void)[] = [];

  /** @param open - tries once. */
  constructor(options: ReconnectOptions, seams: SessionSeams, open: () => void) {
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.#minDelayMs = options.minDelayMs ?? 100;
    this.#maxDelayMs = options.maxDelayMs ?? 5000;
    this.#seams = seams;
    this.#open = open;
    this.#delayMs = this.#minDelayMs;
  }

  /** Resolves when it is known how the try that is under way ends. */
  get next(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** A session is up. */
  succeeded(): void {
    this.#upAtMs = this.#seams.clock.nowMs();
    this.#hurried = false;
    this.#tell();
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
    const { clock, random } = this.#seams;
    const nowMs = clock.nowMs();
    if (wasUp) this.#lostAtMs = nowMs;
    // A session that keeps breaking as soon as it is up has to wait longer and longer, too.
    if (wasUp && nowMs - this.#upAtMs >= this.#maxDelayMs) this.#delayMs = this.#minDelayMs;
    const over = nowMs - this.#lostAtMs >= this.#timeoutMs;
    if (over || isFinal(error)) {
      this.#tell();
      return false;
    }
    // Up to a half more, so that the initiators of a target that went down do not come back as one.
    const jitterMs = randomBelow(random, Math.ceil(this.#delayMs / 2) + 1);
    const pauseMs = this.#hurried ? 0 : this.#delayMs + jitterMs;
    const delayMs = Math.max(pauseMs, this.#atLeastMs);
    if (!this.#hurried) this.#delayMs = Math.min(2 * this.#delayMs, this.#maxDelayMs);
    this.#hurried = false;
    this.#atLeastMs = 0;
    log('next try in %d ms', delayMs);
    this.#cancel = clock.setTimer(delayMs, () => this.#open());
    return true;
  }

  /** Tries no more. */
  stop(): void {
    this.#cancel?.();
    this.#tell();
  }

  #tell(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}

/** A login refused as the initiator's error (class 2) stays refused; a target's error (class 3) may pass. */
function isFinal({ detail }: InitiatorError): boolean {
  if (FINAL.has(detail.code)) return true;
  return detail.code === 'INITIATOR_LOGIN_REFUSED' && detail.statusClass === 2;
}
