import {
  BHS_LENGTH,
  crc32c,
  MAX_CDB_AHS_LENGTH,
  serializePdu,
  writeDigest,
  type InitiatorPdu,
} from '@lunbox/iscsi-pdu';
import type { Channel } from './transport.ts';

const DIGEST_LENGTH = 4;
/** Headers, padding and digests of many PDUs; data is never copied. */
const SLAB_BYTES = 16_384;
const MAX_PDU_OVERHEAD = BHS_LENGTH + MAX_CDB_AHS_LENGTH + DIGEST_LENGTH + 3 + DIGEST_LENGTH;

/** Owns memory that is with the network for a while. */
export interface Lender {
  /** One commit's memory is free again. */
  returned(): void;
}

/**
 * Outgoing bytes of one connection. A header is written into {@link Outbox.slab} in place; data follows by
 * reference. What is committed in one turn of the event loop leaves in one write.
 */
export class Outbox {
  /** Digests of full feature phase; off until the login is over (RFC 7143 §13.1). */
  headerDigest = false;
  dataDigest = false;
  readonly #channel: Channel;
  #slab = new Uint8Array(SLAB_BYTES);
  #runStart = 0;
  #end = 0;
  #queue: Uint8Array[] = [];
  #lenders: Lender[] = [];
  /** What the channel has not done with, one entry for each of its `send`s. */
  readonly #lent: Lender[][] = [];
  #flushDeferred = false;
  #closed = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Where the header of {@link Outbox.reserve} goes. */
  get slab(): Uint8Array {
    return this.#slab;
  }

  /** Room for one header: its offset in {@link Outbox.slab}, valid until {@link Outbox.commit}. */
  reserve(): number {
    if (this.#end + MAX_PDU_OVERHEAD > SLAB_BYTES) {
      this.#closeRun();
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#runStart = this.#end = 0;
    }
    return this.#end;
  }

  /**
   * Sends the header at `at` (its AHS included) with `data` (`lengthBytes` in all), which `lender` gets back when it
   * is out.
   */
  commit(at: number, data: readonly Uint8Array[], lengthBytes: number, lender?: Lender, ahsLength = 0): void {
    let end = at + BHS_LENGTH + ahsLength;
    if (this.headerDigest) {
      writeDigest(this.#slab, end, crc32c(this.#slab.subarray(at, end)));
      end += DIGEST_LENGTH;
    }
    this.#end = end;
    if (lengthBytes > 0) this.#appendData(data, lengthBytes);
    if (lender !== undefined) this.#lenders.push(lender);
    this.flushSoon();
  }

  /** Sends a PDU that need not be fast. */
  send(pdu: InitiatorPdu): void {
    const bytes = serializePdu(pdu, { header: this.headerDigest, data: this.dataDigest });
    this.#closeRun();
    this.#queue.push(bytes);
    this.flushSoon();
  }

  /** Hands everything committed to the channel when this turn ends. */
  flushSoon(): void {
    if (this.#flushDeferred || this.#closed) return;
    this.#flushDeferred = true;
    this.#channel.defer(() => {
      this.#flushDeferred = false;
      this.flush();
    });
  }

  /** Hands everything committed to the channel now. */
  flush(): void {
    this.#closeRun();
    if (this.#closed || this.#queue.length === 0) return;
    const segments = this.#queue;
    const lenders = this.#lenders;
    this.#queue = [];
    this.#lenders = [];
    this.#lent.push(lenders);
    this.#channel.send(segments, () => {
      const at = this.#lent.indexOf(lenders);
      // After the end everything has been given back.
      if (at < 0) return;
      this.#lent.splice(at, 1);
      for (const lender of lenders) lender.returned();
    });
  }

  /** The channel is gone: gives back what was lent, and forgets what is queued. Later commits go nowhere. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    const lent = [...this.#lent.splice(0), this.#lenders];
    this.#lenders = [];
    for (const lenders of lent) for (const lender of lenders) lender.returned();
  }

  #appendData(data: readonly Uint8Array[], lengthBytes: number): void {
    this.#closeRun();
    this.#queue.push(...data);
    const padding = -lengthBytes & 3;
    const trailer = this.#end;
    this.#slab.fill(0, trailer, trailer + padding);
    this.#end += padding;
    if (!this.dataDigest) return;
    let crc = 0;
    for (const part of data) crc = crc32c(part, crc);
    if (padding > 0) crc = crc32c(this.#slab.subarray(trailer, this.#end), crc);
    writeDigest(this.#slab, this.#end, crc);
    this.#end += DIGEST_LENGTH;
  }

  #closeRun(): void {
    if (this.#end > this.#runStart) this.#queue.push(this.#slab.subarray(this.#runStart, this.#end));
    this.#runStart = this.#end;
  }
}
