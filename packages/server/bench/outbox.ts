import { crc32c } from '@lunbox/iscsi-pdu';
import type { Socket } from 'node:net';
import { digestLength } from './initiator-pdu.ts';

const slabLength = 256 << 10;
/** Payloads up to this long are copied next to their header; longer ones are handed to the socket as they are. */
const copyLimit = 32 << 10;

/**
 * Gathers the PDUs of one turn of the event loop into few large writes. Buffers are taken from a pool and come
 * back when the socket is done with them.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #pool: Buffer[] = [];
  #slab: Buffer = Buffer.alloc(slabLength);
  #used = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Reserves `length` bytes (at most 64 KiB); write them at the returned offset of {@link Outbox.slab}. */
  reserve(length: number): number {
    if (this.#used + length > slabLength) this.flush();
    const at = this.#used;
    this.#used += length;
    return at;
  }

  /** Where the bytes of the last {@link Outbox.reserve} are. */
  get slab(): Buffer {
    return this.#slab;
  }

  /** Appends payload that stays unchanged until the target has answered. */
  payload(data: Buffer, start: number, end: number): void {
    if (end - start <= copyLimit) {
      const at = this.reserve(end - start);
      data.copy(this.#slab, at, start, end);
      return;
    }
    this.flush();
    this.#socket.write(data.subarray(start, end));
  }

  /** Appends the digest of `data`, low byte first. */
  digest(data: Buffer, start: number, end: number): void {
    const crc = crc32c(data.subarray(start, end));
    const at = this.reserve(digestLength);
    this.#slab.writeUInt32LE(crc, at);
  }

  /** Hands everything gathered to the socket. */
  flush(): void {
    if (this.#used === 0) return;
    const full = this.#slab;
    this.#socket.write(full.subarray(0, this.#used), () => this.#pool.push(full));
    this.#slab = this.#pool.pop() ?? Buffer.alloc(slabLength);
    this.#used = 0;
  }
}
