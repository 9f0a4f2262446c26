import { NO_TTT, RejectReason } from '@lunbox/iscsi-pdu';
import { CheckConditionError, Status, type DataIn, type Finished } from '@lunbox/scsi';
import type { PinnedRegion } from './outbox.ts';
import { DataInResend, type SentDataIn } from './data-in-resend.ts';
import type { DataInPlace, PduWriter } from './pdu-writer.ts';
import type { Residual } from './residual.ts';
import type { Task } from './task.ts';

/** Something that sends data until the socket is full, and goes on when it has drained. */
export interface Producer {
  pump(): void;
}

/** What a read needs from its connection. */
export interface ReadHost {
  readonly writer: PduWriter;
  /** Longest data segment: the initiator's MaxRecvDataSegmentLength and our own limit. */
  readonly maxSegmentBytes: number;
  /** MaxBurstLength: a sequence of Data-In PDUs is at most this long, its last PDU has the F bit. */
  readonly maxBurstBytes: number;
  /** ErrorRecoveryLevel 1: data may be asked for again, and status goes in a PDU of its own. */
  readonly recoverable: boolean;
  /** The connection is gone. */
  readonly closed: boolean;
  /** A target transfer tag that nothing else of the connection has. */
  nextTransferTag(): number;
  /** True while the socket has enough to do. */
  readonly congested: boolean;
  /** The transfer stopped because of {@link ReadHost.congested}; it is pumped again when the socket has drained. */
  waitForDrain(transfer: Producer): void;
  /** The task is about to get its status: it leaves the command window, which the status PDU then shows open. */
  retire(task: Task): void;
  /** The read ended in a status of its own. */
  complete(task: Task, finished: Finished, scsiLengthBytes: number): void;
  failure(error: unknown): Finished;
  /** Something was committed outside a turn that flushes by itself. */
  flushSoon(): void;
}

/** SNACKs for one command that are answered at the same time. */
const RESEND_LIMIT = 16;

const GOOD: Finished = { kind: 'finished', status: Status.GOOD };

/** RFC 7143 §11.4.7.2: "SNACK rejected". */
const SNACK_REJECTED = new CheckConditionError({ senseKey: 0x0b, asc: 0x11, ascq: 0x13 }).toFinished();

/**
 * Sends the data of one command as Data-In PDUs, each read straight into the outgoing buffer; the last one
 * carries GOOD status (RFC 7143 §11.7).
 */
export class ReadTransfer {
  readonly task: Task;
  #host: ReadHost;
  readonly #source: DataIn;
  readonly #sendBytes: number;
  readonly #residual: Residual;
  #offset = 0;
  #burstBytes = 0;
  /** PDUs and bytes that the initiator has acknowledged: they are never sent again. */
  #acknowledgedPdus = 0;
  #acknowledgedBytes = 0;
  /** What a DataACK names the transfer by; one tag for all its A bits. */
  #acknowledgeTag = NO_TTT;
  /** The PDUs after the acknowledged ones; kept only when they may be asked for again. */
  readonly #pieces: SentDataIn[] = [];
  #resends = 0;
  /** A SNACK was rejected: no more data is sent. */
  #givenUp = false;
  /** A read is at work; it was overtaken by a restart. */
  #reading = false;
  #restarted = false;

  constructor(task: Task, host: ReadHost, source: DataIn, sendBytes: number, residual: Residual) {
    this.task = task;
    this.#host = host;
    this.#source = source;
    this.#sendBytes = sendBytes;
    this.#residual = residual;
  }

  /** Sends PDUs until the data ends, the socket is congested or a read does not complete at once. */
  pump(): void {
    const host = this.#host;
    while (this.#offset < this.#sendBytes) {
      if (this.task.aborted || this.#givenUp || host.closed) return;
      if (host.congested) return host.waitForDrain(this);
      const lengthBytes = this.#segmentBytes();
      const at = host.writer.reserveDataIn(lengthBytes);
      let result: void | Promise<void>;
      try {
        result = this.#source.read([host.writer.dataInView(at, lengthBytes)], this.#offset);
      } catch (error) {
        host.writer.cancelDataIn(at);
        return host.complete(this.task, host.failure(error), this.#source.lengthBytes);
      }
      if (result instanceof Promise) {
        this.#await(result, host.writer.pinDataIn(at, lengthBytes), lengthBytes);
        return;
      }
      host.writer.commitDataIn(at, lengthBytes, this.#place(lengthBytes));
      this.#sent(lengthBytes);
    }
  }

  /**
   * Sends the Data-In PDUs from DataSN `begRun` on again, `runLength` of them or, when that is 0, all; their data
   * is read anew. Returns a {@link RejectReason} when there is no such PDU (RFC 7143 §11.16), or too many wait to be
   * sent again; calls `refuse` with one when the data cannot be read any more.
   */
  resend(begRun: number, runLength: number, refuse: (reason: number) => void): number | undefined {
    const from = begRun - this.#acknowledgedPdus;
    if (from < 0) return RejectReason.PROTOCOL_ERROR;
    const pieces = this.#pieces.slice(from, runLength === 0 ? undefined : from + runLength);
    if (pieces.length === 0) return RejectReason.PROTOCOL_ERROR;
    if (this.#resends >= RESEND_LIMIT) {
      this.#giveUp();
      return RejectReason.SNACK_REJECT;
    }
    this.#resends++;
    const ended = (complete: boolean): void => {
      this.#resends--;
      if (complete || this.task.aborted) return;
      this.#giveUp();
      refuse(RejectReason.SNACK_REJECT);
      this.#host.flushSoon();
    };
    new DataInResend(this.#host, this.#source, pieces, ended).pump();
    return undefined;
  }

  /** RFC 7143 §7.8 a.1: a command whose data is not sent again ends, unless it has its status already. */
  #giveUp(): void {
    if (this.#givenUp || this.#offset === this.#sendBytes) return;
    this.#givenUp = true;
    if (!this.#reading) this.#host.complete(this.task, SNACK_REJECTED, this.#source.lengthBytes);
  }

  /** True when a DataACK with this target transfer tag is about this transfer. */
  asksAcknowledgement(targetTransferTag: number): boolean {
    return this.#acknowledgeTag !== NO_TTT && this.#acknowledgeTag === targetTransferTag;
  }

  /**
   * The initiator has every PDU before `dataSn` (RFC 7143 §11.16.2). False for a number that was not sent, or lies
   * before the one acknowledged last: it means nothing (§11.5.6).
   */
  acknowledge(dataSn: number): boolean {
    const count = dataSn - this.#acknowledgedPdus;
    if (count < 0 || count > this.#pieces.length) return false;
    for (const { lengthBytes } of this.#pieces.splice(0, count)) this.#acknowledgedBytes += lengthBytes;
    this.#acknowledgedPdus = dataSn;
    return true;
  }

  /**
   * Sends all data that is not acknowledged again, cut as the initiator takes it now, and a response after it, though
   * there may have been one already (R-Data SNACK, RFC 7143 §11.16.3).
   */
  restart(): void {
    const sentAll = this.#offset === this.#sendBytes;
    this.#rewind();
    // A transfer that is under way goes on by itself, from there.
    if (sentAll) this.pump();
  }

  /** Goes on by another connection, with the first PDU that the initiator does not have (RFC 7143 §7.2.2). */
  resume(host: ReadHost, expDataSn: number): void {
    this.#host = host;
    this.acknowledge(expDataSn);
    this.#rewind();
    this.#acknowledgeTag = NO_TTT;
    if (this.#offset === this.#sendBytes) host.complete(this.task, GOOD, this.#source.lengthBytes);
    // A read that is at work goes on when it is through.
    else if (!this.#reading) this.pump();
  }

  #rewind(): void {
    this.#restarted = this.#reading;
    // Whoever asks for everything anew has its data, or hears anew that it cannot be read.
    this.#givenUp = false;
    this.#offset = this.#acknowledgedBytes;
    this.#burstBytes = 0;
    this.#pieces.length = 0;
    this.task.numberedPdus = this.#acknowledgedPdus;
  }

  #segmentBytes(): number {
    const host = this.#host;
    return Math.min(
      host.maxSegmentBytes,
      this.#sendBytes - this.#offset,
      host.maxBurstBytes - this.#burstBytes,
    );
  }

  /** Describes the next PDU. Status goes out with the last one (phase collapse, RFC 7143 §11.7.3). */
  #place(lengthBytes: number): DataInPlace {
    const last = this.#offset + lengthBytes === this.#sendBytes;
    const { recoverable } = this.#host;
    const collapses = last && this.#collapses;
    if (collapses) this.#host.retire(this.task);
    const burstEnds = this.#burstBytes + lengthBytes === this.#host.maxBurstBytes;
    const place: DataInPlace = {
      task: this.task,
      bufferOffset: this.#offset,
      dataSn: this.task.numberedPdus++,
      final: last || burstEnds,
      acknowledgeTag: recoverable && burstEnds && !last ? this.#askAcknowledgement() : NO_TTT,
      residual: collapses ? this.#residual : undefined,
    };
    if (recoverable) this.#pieces.push({ place, lengthBytes });
    return place;
  }

  /** RFC 7143 §11.7.3: status goes by itself where it may be asked for again, and with data in both directions. */
  get #collapses(): boolean {
    return !this.#host.recoverable && !this.task.write;
  }

  /** RFC 7143 §11.7.2: once every MaxBurstLength, and no oftener; status acknowledges the last burst. */
  #askAcknowledgement(): number {
    if (this.#acknowledgeTag === NO_TTT) this.#acknowledgeTag = this.#host.nextTransferTag();
    return this.#acknowledgeTag;
  }

  #sent(lengthBytes: number): void {
    this.#offset += lengthBytes;
    this.#burstBytes += lengthBytes;
    if (this.#burstBytes === this.#host.maxBurstBytes) this.#burstBytes = 0;
    if (this.#offset < this.#sendBytes) return;
    if (!this.#collapses) this.#host.complete(this.task, GOOD, this.#source.lengthBytes);
    else this.task.finish(Status.GOOD, this.#sendBytes);
  }

  #await(result: Promise<void>, region: PinnedRegion, lengthBytes: number): void {
    const host = this.#host;
    const task = this.task;
    task.hold();
    this.#reading = true;
    const settle = (outcome: Finished | undefined): void => {
      const finished = this.#givenUp ? SNACK_REJECTED : outcome;
      const stale = this.#restarted;
      this.#reading = this.#restarted = false;
      const send = finished === undefined && !task.aborted && !stale && !host.closed;
      if (send) host.writer.commitPinnedDataIn(region, lengthBytes, this.#place(lengthBytes));
      else host.writer.dropPinnedDataIn(region);
      task.unhold();
      if (task.aborted) return;
      if (finished === undefined) {
        if (send) this.#sent(lengthBytes);
        this.pump();
      } else this.#host.complete(task, finished, this.#source.lengthBytes);
      this.#host.flushSoon();
    };
    result.then(
      () => settle(undefined),
      (error: unknown) => settle(host.failure(error)),
    );
  }
}
