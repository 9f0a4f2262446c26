import { Framer, decodePdu, serializePdu, type InitiatorPdu, type TargetPdu } from '@lunbox/iscsi-pdu';
import type { TargetConnection, TargetEngine } from '../../src/index.ts';
import type { Endpoint, Transport } from '../../src/transport.ts';
import type { Dice } from './dice.ts';

/**
 * A connection between a simulated initiator and the engine: bytes wait in both directions until the dice let
 * some of them through, cut anywhere; `done` and deferred callbacks come late.
 */
export class SimulatedLink implements Transport {
  readonly local: Endpoint = { address: '127.0.0.1', port: 3260 };
  readonly remote: Endpoint = { address: '127.0.0.1', port: 50000 };
  readonly received: TargetPdu[] = [];
  closed = false;
  /** How likely it is that a PDU with data or status arrives damaged; only recoverable sessions want that. */
  damage = 0;
  readonly connection: TargetConnection;
  readonly #dice: Dice;
  readonly #digests: { header: boolean; data: boolean };
  readonly #framer: Framer;
  readonly #toTarget: Uint8Array[] = [];
  readonly #toInitiator: { bytes: Uint8Array; done: (() => void) | undefined }[] = [];
  readonly #deferred: (() => void)[] = [];
  #paused = false;
  #nextStatSn = 0;
  readonly #missing = new Set<number>();

  constructor(dice: Dice, engine: TargetEngine, dataDigest: boolean) {
    this.#dice = dice;
    this.#digests = { header: false, data: dataDigest };
    this.#framer = new Framer(
      {
        onHeader: () => undefined,
        onPdu: (header, data) => {
          const bytes = header.bytes.slice(header.offset, header.offset + header.headerLength);
          const pdu = decodePdu(bytes, data.slice()) as TargetPdu;
          this.received.push(pdu);
          if (pdu.type === 'login-response') this.#framer.dataDigest = this.#digests.data;
        },
      },
      { maxDataSegmentLength: 0xffffff },
    );
    const connection = engine.accept(this, 0);
    if (connection === undefined) throw new Error('the engine refused a connection');
    this.connection = connection;
  }

  /** Bytes on their way, callbacks waiting. */
  get busy(): boolean {
    const idle = this.#toInitiator.length === 0 && this.#deferred.length === 0;
    return !this.closed && (!idle || (this.#toTarget.length > 0 && !this.#paused));
  }

  /** The initiator sends a PDU. */
  transmit(pdu: InitiatorPdu): void {
    const login = pdu.type === 'login-request';
    const bytes = serializePdu(pdu, login ? { header: false, data: false } : this.#digests);
    const damaged = pdu.type === 'data-out' && this.#digests.data && this.#dice.chance(this.damage);
    if (damaged) bytes[bytes.length - 1] = bytes[bytes.length - 1]! ^ 0xff;
    this.#toTarget.push(bytes);
  }

  /** What the initiator acknowledges: the StatSN after the last one before which none is missing. */
  get expStatSn(): number {
    return this.#missing.size === 0 ? this.#nextStatSn : Math.min(...this.#missing);
  }

  /** A status came too early: it is not acknowledged, and asked for again. */
  postpone(statSn: number): void {
    this.#nextStatSn = Math.max(this.#nextStatSn, statSn + 1);
    this.#missing.add(statSn);
  }

  /** A PDU with a StatSN came; false when the initiator throws it away as damaged and will ask for it again. */
  takeStatus(statSn: number): boolean {
    this.postpone(statSn);
    if (this.#dice.chance(this.damage)) return false;
    this.#missing.delete(statSn);
    return true;
  }

  /** Something moves: bytes one way or the other, or a callback. */
  step(): void {
    if (this.closed) return;
    const kind = this.#dice.below(3);
    if (kind === 0) this.#deliver();
    else if (kind === 1) this.#return();
    else this.#deferred.shift()?.();
  }

  /** The network is cut. */
  cut(): void {
    this.closed = true;
    this.connection.disconnected();
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    const last = segments.length - 1;
    segments.forEach((bytes, index) =>
      this.#toInitiator.push({ bytes, done: index === last ? done : undefined }),
    );
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  end(): void {
    this.closed = true;
  }

  destroy(): void {
    this.closed = true;
  }

  #deliver(): void {
    const chunk = this.#paused ? undefined : this.#toTarget.shift();
    if (chunk === undefined) return;
    const split = this.#dice.chance(0.5) ? 1 + this.#dice.below(chunk.length) : chunk.length;
    if (split < chunk.length) this.#toTarget.unshift(chunk.subarray(split));
    // The engine may use the chunk only during the call: afterwards it is overwritten.
    const lent = chunk.slice(0, split);
    this.connection.receive(lent, 0);
    lent.fill(0xee);
  }

  #return(): void {
    const segment = this.#toInitiator.shift();
    if (segment === undefined) return;
    this.#framer.push(segment.bytes.slice());
    segment.done?.();
  }
}
