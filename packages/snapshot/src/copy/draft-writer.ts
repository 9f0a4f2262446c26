import { isZero, zeroBuffer, ZERO_BUFFER_LENGTH, type DiskFile } from '@lunbox/block';

/** Zeroes of this length, aligned to it, become a hole. */
const HOLE_BYTES = 65_536;
/** Clients would wait for a sync of more than this. */
const SYNC_BYTES = 64 << 20;

/** Writes the disk of a container that is being made, with holes where there are zeroes. */
export class DraftWriter {
  readonly #draft: DiskFile;
  readonly #dataOffset: number;
  #unsyncedBytes = 0;

  constructor(draft: DiskFile, dataOffset: number) {
    this.#draft = draft;
    this.#dataOffset = dataOffset;
  }

  /** Writes into a place that reads as zeroes. */
  async fill(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#eachRun(bytes, offset, (run, at) => this.#write(run, at));
  }

  /** Writes into a place that holds something else. */
  async replace(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#eachRun(
      bytes,
      offset,
      (run, at) => this.#write(run, at),
      (at, lengthBytes) => this.clear(at, lengthBytes),
    );
  }

  /** Makes a hole, or zeroes where there can be none. */
  async clear(offset: number, lengthBytes: number): Promise<void> {
    if (await this.#draft.punchHole(this.#dataOffset + offset, lengthBytes)) return;
    for (let done = 0; done < lengthBytes; done += ZERO_BUFFER_LENGTH) {
      const piece = Math.min(ZERO_BUFFER_LENGTH, lengthBytes - done);
      await this.#write(zeroBuffer.subarray(0, piece), offset + done);
    }
  }

  async #eachRun(
    bytes: Uint8Array,
    offset: number,
    onData: (run: Uint8Array, offset: number) => Promise<void>,
    onZeroes: (offset: number, lengthBytes: number) => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const pieceEnd = (at: number): number =>
      Math.min(bytes.length, at + HOLE_BYTES - ((offset + at) % HOLE_BYTES));
    for (let at = 0; at < bytes.length;) {
      let end = pieceEnd(at);
      const zero = isZero(bytes.subarray(at, end));
      while (end < bytes.length && isZero(bytes.subarray(end, pieceEnd(end))) === zero) end = pieceEnd(end);
      if (zero) await onZeroes(offset + at, end - at);
      else await onData(bytes.subarray(at, end), offset + at);
      at = end;
    }
  }

  async #write(bytes: Uint8Array, offset: number): Promise<void> {
    await this.#draft.write([bytes], this.#dataOffset + offset);
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes < SYNC_BYTES) return;
    this.#unsyncedBytes = 0;
    await this.#draft.sync();
  }
}
