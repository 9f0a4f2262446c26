import type { DataIn } from '@lunbox/scsi';
import type { DataInPlace } from './pdu-writer.ts';
import type { ReadHost } from './read-transfer.ts';

/** A Data-In PDU that was sent. */
export interface SentDataIn {
  readonly place: DataInPlace;
  readonly lengthBytes: number;
}

/**
 * Sends Data-In PDUs again that a SNACK asked for (RFC 7143 §11.16): one after the other, their data read anew,
 * and no faster than the socket takes them, however much a small SNACK may ask for.
 */
export class DataInResend {
  readonly #host: ReadHost;
  readonly #source: DataIn;
  readonly #pieces: readonly SentDataIn[];
  readonly #ended: (complete: boolean) => void;
  #next = 0;

  /** @param ended - Called once, when all is sent or nobody wants it any more, or (false) a read has failed. */
  constructor(
    host: ReadHost,
    source: DataIn,
    pieces: readonly SentDataIn[],
    ended: (complete: boolean) => void,
  ) {
    this.#host = host;
    this.#source = source;
    this.#pieces = pieces;
    this.#ended = ended;
  }

  /** Goes on until everything is sent, the socket is full or a read does not complete at once. */
  pump(): void {
    while (this.#next < this.#pieces.length) {
      const piece = this.#pieces[this.#next] as SentDataIn;
      if (piece.place.task.aborted || this.#host.closed) break;
      if (this.#host.congested) return this.#host.waitForDrain(this);
      const data = new Uint8Array(piece.lengthBytes);
      let result: void | Promise<void>;
      try {
        result = this.#source.read([data], piece.place.bufferOffset);
      } catch {
        return this.#ended(false);
      }
      if (result instanceof Promise) return this.#await(result, piece, data);
      this.#send(piece, data);
    }
    this.#ended(true);
  }

  #send(piece: SentDataIn, data: Uint8Array): void {
    this.#next++;
    this.#host.writer.sendDataIn(data, piece.place);
    this.#host.flushSoon();
  }

  #await(result: Promise<void>, piece: SentDataIn, data: Uint8Array): void {
    result.then(
      () => {
        if (!piece.place.task.aborted && !this.#host.closed) this.#send(piece, data);
        this.pump();
      },
      () => this.#ended(false),
    );
  }
}
