import type { BlockDevice } from './block-device.ts';
import { ZERO_BUFFER_LENGTH, zeroBuffer } from './buffers.ts';

/** A resync goes on in steps of this size: so long does a write to the same place wait for it. */
export const RESYNC_STEP_BYTES: number = 1 << 20;
/** What differs is written in pieces of this size. */
const PIECE_BYTES = Math.min(64 * 1024, ZERO_BUFFER_LENGTH);

/** Length of the step that begins at `offset` and ends at a multiple of `stepBytes`, or at the end. */
export function alignRange(offset: number, endOffset: number, stepBytes: number): number {
  return Math.min(stepBytes - (offset % stepBytes), endOffset - offset);
}

/** The two buffers that a resync works with. */
export class ResyncBuffers {
  readonly #wanted = Buffer.alloc(RESYNC_STEP_BYTES);
  readonly #found = Buffer.alloc(RESYNC_STEP_BYTES);

  /** Where to put what a step of this length is to hold. */
  wanted(length: number): Buffer {
    return this.#wanted.subarray(0, length);
  }

  /**
   * Makes a range of `leg`, one step at most, equal to `wanted`. What is equal already is not written, and zeroes
   * become a hole. Throws what changing the leg throws.
   */
  async copyTo(leg: BlockDevice, offset: number, wanted: Buffer): Promise<void> {
    const { length } = wanted;
    const found = await this.#readLeg(leg, offset, length);
    for (let at = 0; at < length; at += PIECE_BYTES) {
      const piece = wanted.subarray(at, Math.min(length, at + PIECE_BYTES));
      if (found?.subarray(at, at + piece.length).equals(piece) === true) continue;
      const isZero = piece.equals(zeroBuffer.subarray(0, piece.length));
      if (isZero) await leg.writeZeroes(offset + at, piece.length, { mayUnmap: true });
      else await leg.write([piece], offset + at);
    }
  }

  /** Undefined when it cannot be read: then everything is written. */
  async #readLeg(leg: BlockDevice, offset: number, length: number): Promise<Buffer | undefined> {
    const found = this.#found.subarray(0, length);
    try {
      await leg.read([found], offset);
      return found;
    } catch {
      return undefined;
    }
  }
}
