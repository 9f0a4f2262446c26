import type { MediumAccess } from '../sense/block-failures.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';

/** Sum of the lengths of a scatter list. */
export function totalBytes(buffers: readonly Uint8Array[]): number {
  let sum = 0;
  for (const buffer of buffers) sum += buffer.length;
  return sum;
}

/** The part that all transfers have: the place on the medium, the task set, and errors. */
export abstract class MediaTransfer {
  readonly lengthBytes: number;
  protected readonly itl: ItlNexus;
  /** Byte offset of the transfer on the device. */
  protected readonly startOffset: number;
  #ended = false;

  constructor(itl: ItlNexus, startOffset: number, lengthBytes: number) {
    this.itl = itl;
    this.startOffset = startOffset;
    this.lengthBytes = lengthBytes;
  }

  /** The task leaves the task set. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.itl.unit.tasks.leave();
  }

  protected fail(error: unknown, access: MediumAccess, offset: number): never {
    throw this.itl.checkCondition(error, access, Math.floor(offset / this.itl.unit.blockSize));
  }
}
