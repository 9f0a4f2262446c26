import { InitiatorError } from './errors.ts';

/** The error of a request that its signal gave up. */
export function abortedBy(signal: AbortSignal): InitiatorError {
  return new InitiatorError({ code: 'INITIATOR_ABORTED' }, { cause: signal.reason });
}

/**
 * Waits for what `start` begins, but not after the signal: then it rejects with `INITIATOR_ABORTED`. With a signal
 * that has aborted already nothing is begun.
 *
 * @param giveUp - What else there is to be done when the signal aborts.
 */
export function abortable<T>(
  signal: AbortSignal | undefined,
  start: () => Promise<T>,
  giveUp: (error: InitiatorError) => void = () => undefined,
): Promise<T> {
  if (signal === undefined) return start();
  if (signal.aborted) return Promise.reject(abortedBy(signal));
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      const error = abortedBy(signal);
      reject(error);
      giveUp(error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    start()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}
