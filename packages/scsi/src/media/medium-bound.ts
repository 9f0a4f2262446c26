import type { MaybePromise } from '@lunbox/block';
import type { DataOut, Execution, Finished } from '../execution.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { Medium } from './medium.ts';

/** A Data-Out that ends with NOT READY once the medium that its command came for has gone, another there or not. */
class MediumBound implements DataOut {
  readonly kind = 'data-out';
  readonly lengthBytes: number;
  readonly #itl: ItlNexus;
  readonly #medium: Medium;
  readonly #inner: DataOut;

  constructor(itl: ItlNexus, medium: Medium, inner: DataOut) {
    this.#itl = itl;
    this.#medium = medium;
    this.#inner = inner;
    this.lengthBytes = inner.lengthBytes;
  }

  write(from: readonly Uint8Array[], offsetBytes: number): MaybePromise<void> {
    this.#refuseGone();
    return this.#inner.write(from, offsetBytes);
  }

  finish(receivedBytes: number): MaybePromise<Finished> {
    this.#refuseGone();
    return this.#inner.finish(receivedBytes);
  }

  end(): void {
    this.#inner.end?.();
  }

  #refuseGone(): void {
    try {
      this.#medium.refuseGone();
    } catch (error) {
      throw this.#itl.checkCondition(error, 'write');
    }
  }
}

/** Keeps a command from every medium but the one that is in the unit now. */
export function boundToMedium(itl: ItlNexus, medium: Medium, execution: Execution): Execution {
  return execution.kind === 'data-out' ? new MediumBound(itl, medium, execution) : execution;
}
