import { InitiatorError } from './errors.ts';
import type { ScsiRequest, ScsiResult } from './request.ts';
import type { Task } from './task.ts';

/** A command from the call to its result, over as many tries as it takes. */
export class Command {
  readonly request: ScsiRequest;
  /** Fulfilled or rejected exactly once. */
  readonly result: Promise<ScsiResult>;
  /** When it is aborted for being late, on the session's clock. */
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  /** How often it was sent. */
  tries = 0;
  /** The try at work. */
  task: Task | undefined;
  /** Why it is being aborted; what it is rejected with. */
  aborting: InitiatorError | undefined;
  #resolve!: (result: ScsiResult) => void;
  #reject!: (error: InitiatorError) => void;
  #cleanUp: (() => void) | undefined;

  constructor(request: ScsiRequest, nowMs: number, timeoutMs: number) {
    this.request = request;
    this.timeoutMs = timeoutMs;
    this.deadlineMs = nowMs + timeoutMs;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Calls `onAbort` when the request's signal aborts, until the command has ended. */
  watchSignal(onAbort: (error: InitiatorError) => void): void {
    const { signal } = this.request;
    if (signal === undefined) return;
    const listener = (): void =>
      onAbort(new InitiatorError({ code: 'INITIATOR_ABORTED' }, { cause: signal.reason }));
    signal.addEventListener('abort', listener, { once: true });
    this.#cleanUp = () => signal.removeEventListener('abort', listener);
  }

  /** Tells the caller. */
  end(outcome: ScsiResult | InitiatorError): void {
    this.#cleanUp?.();
    if (outcome instanceof InitiatorError) this.#reject(outcome);
    else this.#resolve(outcome);
  }
}
