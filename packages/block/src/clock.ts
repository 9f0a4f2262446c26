import { performance } from 'node:perf_hooks';

/** Time, as a seam: the real one, or one that a test moves by hand. */
export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean something. */
  nowMs(): number;
  /** Wall-clock milliseconds since 1970, for time stamps that people read. */
  unixMs(): number;
  /** Calls `callback` once after `delayMs`. Returns a function that cancels it. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** The machine's clock. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  unixMs: () => Date.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
