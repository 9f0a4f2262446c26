import { connectionLost } from './errors.ts';
import type { FullFeature } from './full-feature.ts';
import type { SessionOptions } from './session-options.ts';

/** Pings a target that is silent on a connection, and gives a dead one up. Any PDU counts as life. */
export class Keepalive {
  readonly #intervalMs: number;
  readonly #timeoutMs: number;
  #receptions = 0;
  #heardMs = 0;
  #pingSentMs: number | undefined;

  constructor(options: SessionOptions) {
    this.#intervalMs = options.pingIntervalMs ?? 5000;
    this.#timeoutMs = options.pingTimeoutMs ?? 10_000;
  }

  /** Time passes. */
  tick({ connection, exchanges }: Pick<FullFeature, 'connection' | 'exchanges'>, nowMs: number): void {
    if (connection.receptions !== this.#receptions) {
      this.#receptions = connection.receptions;
      this.#heardMs = nowMs;
      this.#pingSentMs = undefined;
    } else if (this.#pingSentMs !== undefined) {
      if (nowMs - this.#pingSentMs >= this.#timeoutMs) {
        connection.fail(connectionLost(`silent for ${Math.round(nowMs - this.#heardMs)} ms`));
      }
    } else if (nowMs - this.#heardMs >= this.#intervalMs) {
      this.#pingSentMs = nowMs;
      // The answer is life like any other PDU; a connection that breaks says so itself.
      exchanges.ping().catch(() => undefined);
    }
  }
}
