import {
  Framer,
  PduError,
  serialAdd,
  type FrameHeader,
  type FrameReceiver,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { DEFAULT_SEGMENT_BYTES, type TargetLimits } from './limits.ts';
import type { Numbering } from './numbering.ts';
import { Outbox, type SlabPool } from './outbox.ts';
import { PduWriter } from './pdu-writer.ts';
import type { CommandObserver } from './trace/command-observer.ts';
import type { Transport } from './transport.ts';

const log = createDebug('lunbox:iscsi-target:connection');

/** A phase of a connection: first the login, then full feature phase. */
export interface Phase extends FrameReceiver {
  /** ExpCmdSN and MaxCmdSN for outgoing PDUs. */
  readonly expCmdSn: number;
  readonly maxCmdSn: number;
  /** The peer has broken the layout of PDUs: the connection ends, and what else has to (RFC 7143 §7.7). */
  malformed(): void;
  /** The socket has taken bytes. */
  drained(): void;
  /** Time passes; `nowMs` only ever grows. */
  tick(nowMs: number): void;
  /** The connection is gone. */
  closed(): void;
}

/** How a connection ended: in order, by a failure that this side saw, or by the network. */
export type ConnectionEnd = 'logout' | 'failed' | 'connection-lost';

/** What a connection tells its owner. */
export interface ConnectionOwner {
  readonly limits: TargetLimits;
  readonly slabs: SlabPool;
  readonly observer: CommandObserver | undefined;
  connectionClosed(connection: Connection): void;
}

/**
 * One iSCSI connection without its socket: bytes go in by {@link Connection.receive}, time by
 * {@link Connection.tick}, and come out through the transport.
 */
export class Connection implements FrameReceiver, Numbering {
  readonly transport: Transport;
  readonly owner: ConnectionOwner;
  readonly outbox: Outbox;
  readonly writer: PduWriter;
  readonly framer: Framer;
  /** When something last arrived: any PDU is a sign of life (T-K1). */
  lastReceivedMs: number;
  #phase: Phase | undefined = undefined;
  #statSn = 0;
  #receiving = false;
  #flushDeferred = false;
  #paused = false;
  #ending: ConnectionEnd | undefined = undefined;
  #nowMs: number;

  constructor(owner: ConnectionOwner, transport: Transport, nowMs: number) {
    this.owner = owner;
    this.transport = transport;
    this.#nowMs = nowMs;
    this.lastReceivedMs = nowMs;
    this.outbox = new Outbox(
      owner.slabs,
      (segments, done) => transport.send(segments, done),
      () => this.#drained(),
    );
    this.writer = new PduWriter(this.outbox, this);
    this.framer = new Framer(this, { maxDataSegmentLength: DEFAULT_SEGMENT_BYTES });
  }

  /** The engine's time at the latest tick or reception. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get statSn(): number {
    return this.#statSn;
  }

  get expCmdSn(): number {
    return this.#phase?.expCmdSn ?? 0;
  }

  get maxCmdSn(): number {
    return this.#phase?.maxCmdSn ?? 0;
  }

  /** True once the connection takes and sends nothing any more. */
  get ended(): boolean {
    return this.#ending !== undefined;
  }

  /** How the connection ended; undefined while it has not. */
  get ending(): ConnectionEnd | undefined {
    return this.#ending;
  }

  /** Sets the first StatSN, which the target is free to choose (RFC 7143 §11.13.4). */
  startStatSn(statSn: number): void {
    this.#statSn = statSn;
  }

  takeStatSn(): number {
    const statSn = this.#statSn;
    this.#statSn = serialAdd(statSn, 1);
    return statSn;
  }

  /** Goes over to another phase; the PDU in hand is still the old one's. */
  enter(phase: Phase): void {
    this.#phase = phase;
  }

  /**
   * Takes bytes from the network. `chunk` is free again afterwards. A peer that breaks the framing loses its
   * connection (RFC 7143 §7.7, §7.8); an error of our own is thrown.
   */
  receive(chunk: Uint8Array, nowMs: number): void {
    if (this.ended) return;
    this.#nowMs = nowMs;
    this.lastReceivedMs = nowMs;
    this.#receiving = true;
    try {
      this.framer.push(chunk);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      log('%s: %s', this.transport.remote.address, error.message);
      if (error.code === 'PDU_HEADER_DIGEST') this.fail();
      else this.#phase?.malformed();
    } finally {
      this.#receiving = false;
    }
    this.outbox.flush();
    this.#brake();
  }

  /** Time passes. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.ended) this.#phase?.tick(nowMs);
    this.outbox.flush();
  }

  /** Sends a PDU that need not be fast; it leaves at the end of the turn. */
  send(pdu: TargetPdu): void {
    this.writer.send(pdu);
    this.flushSoon();
  }

  /** Sends what is committed when this turn of the event loop ends. */
  flushSoon(): void {
    if (this.#receiving || this.#flushDeferred || this.ended) return;
    this.#flushDeferred = true;
    this.transport.defer(() => {
      this.#flushDeferred = false;
      if (!this.ended) this.outbox.flush();
    });
  }

  /** Refuses a PDU (RFC 7143 §11.17); the data segment is its whole header (T-K7). */
  reject(header: FrameHeader, reason: number): void {
    log('%s: reject reason %d for opcode %d', this.transport.remote.address, reason, header.opcode);
    const data = header.bytes.slice(header.offset, header.offset + header.headerLength);
    this.send({ type: 'reject', reason, dataSn: 0, data, ...this.numbers() });
  }

  /** StatSN (used up) and the command window, for an answer. */
  numbers(): { statSn: number; expCmdSn: number; maxCmdSn: number } {
    return { statSn: this.takeStatSn(), expCmdSn: this.expCmdSn, maxCmdSn: this.maxCmdSn };
  }

  /** Ends the connection after what was sent. */
  finish(): void {
    if (this.ended) return;
    this.outbox.flush();
    this.#close('logout');
    this.transport.end();
  }

  /** Ends the connection at once. */
  fail(): void {
    if (this.ended) return;
    this.#close('failed');
    this.transport.destroy();
  }

  /** The network says that the connection is gone. */
  disconnected(): void {
    if (!this.ended) this.#close('connection-lost');
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    return (this.#phase as Phase).onHeader(header);
  }

  onPdu(header: FrameHeader, data: Uint8Array, dataDigestOk: boolean): void {
    (this.#phase as Phase).onPdu(header, data, dataDigestOk);
  }

  #drained(): void {
    if (this.ended) return;
    this.#phase?.drained();
    if (!this.#receiving) this.outbox.flush();
    this.#brake();
  }

  /**
   * Reads stop by themselves at the backlog limit; other answers are not worth holding back one by one. A peer
   * that sends requests and reads no answers is stopped at twice the limit.
   */
  #brake(): void {
    if (this.ended) return;
    const full = this.outbox.backlogBytes >= 2 * this.owner.limits.sendBacklogBytes;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.transport.pause();
    else this.transport.resume();
  }

  #close(ending: ConnectionEnd): void {
    this.#ending = ending;
    this.framer.stop();
    this.#phase?.closed();
    this.outbox.close();
    this.owner.connectionClosed(this);
  }
}
