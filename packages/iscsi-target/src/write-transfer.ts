import { NO_TTT, type DataOutHeader } from '@lunbox/iscsi-pdu';
import { CheckConditionError, type DataOut, type Finished } from '@lunbox/scsi';
import type { BufferPool } from './buffer-pool.ts';
import { ReceivedRanges } from './received-ranges.ts';
import type { SolicitationBudget, Solicitor } from './solicitation.ts';
import type { Task } from './task.ts';

/** Bytes one R2T asks for at most: one buffer of the pool, whatever MaxBurstLength would allow. */
const SOLICITED_BURST_BYTES = 262_144;

/** What a write needs from its connection. */
export interface WriteHost {
  readonly pool: BufferPool;
  readonly budget: SolicitationBudget;
  readonly immediateData: boolean;
  readonly initialR2t: boolean;
  readonly dataPduInOrder: boolean;
  readonly firstBurstBytes: number;
  readonly maxBurstBytes: number;
  readonly maxOutstandingR2t: number;
  /** ErrorRecoveryLevel 1: lost data is asked for again by R2T (RFC 7143 §7.8). */
  readonly recoverable: boolean;
  /** The connection is gone. */
  readonly closed: boolean;
  /** A target transfer tag that nothing else of the connection has. */
  nextTransferTag(): number;
  sendR2t(task: Task, tag: number, r2tSn: number, offset: number, lengthBytes: number): void;
  /** The command is over: its status goes out, with residuals against `scsiLengthBytes`. */
  complete(task: Task, finished: Finished, scsiLengthBytes: number): void;
  /** A promise of the device server failed: an {@link CheckConditionError}, or a bug of ours. */
  failure(error: unknown): Finished;
}

/** A sequence of Data-Out PDUs: the unsolicited one (with the immediate data), or the answer to one R2T. */
class Burst {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly lengthBytes: number;
  /** Bytes of the session's solicitation budget that it holds. */
  readonly budgetBytes: number;
  tag: number;
  r2tSn = 0;
  receivedBytes = 0;
  nextDataSn = 0;
  /** What has come, where PDUs may come in any order; undefined where all before `receivedBytes` has. */
  ranges: ReceivedRanges | undefined;
  /** A PDU of the sequence is lost: what follows it is not taken, and asked for again when the sequence ends. */
  lost = false;

  constructor(buffer: Uint8Array, tag: number, offset: number, lengthBytes: number, budgetBytes: number) {
    this.buffer = buffer;
    this.tag = tag;
    this.offset = offset;
    this.lengthBytes = lengthBytes;
    this.budgetBytes = budgetBytes;
    this.ranges = undefined;
  }
}

/**
 * Collects the data of one command: immediate, unsolicited and solicited by R2T (RFC 7143 §4.2.5.2). Each
 * sequence lands in one buffer of the pool and is handed to the device server when it is complete.
 */
export class WriteTransfer implements Solicitor {
  readonly #task: Task;
  #host: WriteHost;
  #unsolicited: Burst | undefined = undefined;
  #solicited: Burst[] = [];
  /** Sequences that are complete but whose command has not started yet (only the unsolicited one can be). */
  #early: Burst | undefined = undefined;
  #execution: DataOut | undefined = undefined;
  #wantBytes = 0;
  #nextOffset = 0;
  #receivedBytes = 0;
  #consuming = 0;
  #outcome: Finished | undefined = undefined;
  #outcomeLengthBytes = 0;
  #completed = false;
  #stopped = false;
  readonly #quiet: (() => void)[] = [];

  /**
   * @param immediateBytes data segment of the command PDU itself
   * @param moreUnsolicited the command's F bit is 0: unsolicited Data-Out PDUs follow (RFC 7143 §11.3.1)
   */
  constructor(task: Task, host: WriteHost, immediateBytes: number, moreUnsolicited: boolean) {
    this.#task = task;
    this.#host = host;
    const limit = Math.min(host.firstBurstBytes, task.expectedDataTransferLength);
    const lengthBytes = moreUnsolicited ? limit : immediateBytes;
    this.#nextOffset = lengthBytes;
    const allowed =
      immediateBytes <= limit &&
      (immediateBytes === 0 || host.immediateData) &&
      (!moreUnsolicited || !host.initialR2t);
    // RFC 7143 §11.4.7.2: unexpected unsolicited data is 0Bh/0Ch/0Ch, once the initiator has sent it all.
    if (!allowed) this.#fail(0x0c, 0x0c);
    if (lengthBytes === 0 && !moreUnsolicited) return;
    const buffer = allowed ? host.pool.acquire(lengthBytes) : EMPTY;
    const burst = new Burst(buffer, NO_TTT, 0, lengthBytes, 0);
    if (!host.dataPduInOrder) burst.ranges = new ReceivedRanges();
    if (allowed || moreUnsolicited) this.#unsolicited = burst;
  }

  /** Where the immediate data goes; undefined when it is to be thrown away. */
  immediateDestination(lengthBytes: number): Uint8Array | undefined {
    if (this.#outcome !== undefined) return undefined;
    return this.#unsolicited?.buffer.subarray(0, lengthBytes);
  }

  /** The immediate data has arrived. */
  immediateArrived(lengthBytes: number, digestOk: boolean, moreUnsolicited: boolean): void {
    if (!digestOk) this.#fail(0x47, 0x05);
    const burst = this.#unsolicited;
    if (burst === undefined) return;
    burst.receivedBytes = this.#outcome === undefined ? lengthBytes : 0;
    burst.ranges?.add(0, burst.receivedBytes);
    if (!moreUnsolicited) this.#sequenceEnded(burst);
  }

  /**
   * A Data-Out header is here: where does its data go? Undefined when the data belongs nowhere: the sequence is
   * unknown (late data of an earlier R2T, T-K4), or the header breaks its rules and the command fails.
   */
  destination(header: DataOutHeader): Uint8Array | undefined {
    const burst = this.#burst(header.targetTransferTag);
    if (burst === undefined || this.#outcome !== undefined || this.#task.aborted) return undefined;
    // RFC 7143 §7.9: an out-of-order DataSN means that a PDU before it was lost to a digest error.
    if (header.dataSn !== burst.nextDataSn || burst.lost) return this.#lost(burst);
    const start = header.bufferOffset - burst.offset;
    const end = start + header.dataLength;
    const expected =
      burst.ranges === undefined ? start === burst.receivedBytes : burst.ranges.takes(start, end);
    if (!expected || start < 0 || end > burst.lengthBytes) return this.#fail(0x0c, 0x0d);
    burst.nextDataSn++;
    return burst.buffer.subarray(start, end);
  }

  /** The data that {@link WriteTransfer.destination} placed (or refused) has arrived. */
  arrived(header: DataOutHeader, accepted: boolean, digestOk: boolean): void {
    const burst = this.#burst(header.targetTransferTag);
    if (burst === undefined || this.#task.aborted) return;
    if (!digestOk) this.#lost(burst);
    else if (accepted) this.#received(burst, header);
    if (header.final) this.#sequenceEnded(burst);
  }

  #received(burst: Burst, { bufferOffset, dataLength }: DataOutHeader): void {
    burst.receivedBytes += dataLength;
    const start = bufferOffset - burst.offset;
    burst.ranges?.add(start, start + dataLength);
  }

  /** The device server wants the data. */
  start(execution: DataOut): void {
    this.#execution = execution;
    this.#wantBytes = Math.min(execution.lengthBytes, this.#task.expectedDataTransferLength);
    this.#outcomeLengthBytes = execution.lengthBytes;
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.#consume(early);
    this.solicit();
    this.#advance();
  }

  /** The device server wants no data: what is on its way is awaited and thrown away (RFC 7143 §11.4.2). */
  discard(finished: Finished, scsiLengthBytes = 0): void {
    this.#outcome ??= finished;
    this.#outcomeLengthBytes = scsiLengthBytes;
    this.#advance();
  }

  /** Sends as many R2Ts as limits allow, once the unsolicited data is in: it may have failed the command. */
  solicit(): void {
    const host = this.#host;
    while (
      this.#execution !== undefined &&
      !this.#stopped &&
      !host.closed &&
      this.#outcome === undefined &&
      this.#unsolicited === undefined &&
      this.#nextOffset < this.#wantBytes &&
      this.#solicited.length < host.maxOutstandingR2t
    ) {
      const left = this.#wantBytes - this.#nextOffset;
      const lengthBytes = Math.min(left, host.maxBurstBytes, SOLICITED_BURST_BYTES);
      if (!host.budget.take(lengthBytes, this)) return;
      const tag = host.nextTransferTag();
      const offset = this.#nextOffset;
      const buffer = host.pool.acquire(lengthBytes);
      const burst = new Burst(buffer, tag, offset, lengthBytes, lengthBytes);
      if (!host.dataPduInOrder) burst.ranges = new ReceivedRanges();
      this.#nextOffset += lengthBytes;
      this.#ask(burst);
    }
  }

  /**
   * Sends the R2Ts from R2TSN `begRun` on again that are still open, `runLength` of them or, when that is 0, all.
   * Returns false when there is none (RFC 7143 §11.16.6).
   */
  resendR2ts(begRun: number, runLength: number): boolean {
    const end = runLength === 0 ? Infinity : begRun + runLength;
    const open = this.#solicited.filter(({ r2tSn }) => r2tSn >= begRun && r2tSn < end);
    for (const burst of open) this.#sendR2t(burst);
    return open.length > 0;
  }

  /**
   * Goes on by another connection: what the open sequences have not brought is asked for by it. `expDataSn` is the
   * first R2TSN that the initiator does not have (RFC 7143 §7.2.2, §11.5.6).
   */
  resume(host: WriteHost, expDataSn: number): void {
    this.#host = host;
    if (expDataSn <= this.#task.numberedPdus) this.#task.numberedPdus = expDataSn;
    const open = this.#unsolicited === undefined ? this.#solicited : [this.#unsolicited, ...this.#solicited];
    this.#unsolicited = undefined;
    this.#solicited = [];
    const failed = this.#outcome !== undefined;
    const isWhole = (burst: Burst): boolean => failed || burst.receivedBytes === burst.lengthBytes;
    for (const burst of open) if (!isWhole(burst)) this.#recover(burst);
    for (const burst of open) if (isWhole(burst)) this.#take(burst);
    this.solicit();
    this.#advance();
  }

  /** True while R2Ts are open. */
  get soliciting(): boolean {
    return this.#solicited.length > 0;
  }

  /** Asks for no more data; `quiet` is called when what was asked for has come, or will not (RFC 7143 §4.2.3.3 a). */
  windDown(quiet: () => void): void {
    this.stopSoliciting();
    this.#quiet.push(quiet);
  }

  /** The task is aborted: nobody waits for an R2T on its behalf any more. */
  stopSoliciting(): void {
    this.#stopped = true;
    this.#host.budget.forget(this);
  }

  /** Gives every buffer back. Nothing may be arriving or being written. */
  dispose(): void {
    this.stopSoliciting();
    for (const burst of this.#solicited) this.#release(burst);
    this.#solicited = [];
    if (this.#unsolicited !== undefined) this.#release(this.#unsolicited);
    if (this.#early !== undefined) this.#release(this.#early);
    this.#unsolicited = undefined;
    this.#early = undefined;
    this.#tellQuiet();
  }

  #burst(tag: number): Burst | undefined {
    if (tag === NO_TTT) return this.#unsolicited;
    return this.#solicited.find((burst) => burst.tag === tag);
  }

  #sequenceEnded(burst: Burst): void {
    if (burst === this.#unsolicited) this.#unsolicited = undefined;
    else this.#solicited.splice(this.#solicited.indexOf(burst), 1);
    // RFC 7143 §11.4.7.2: less than the R2T asked for, or than FirstBurstLength, is an incorrect amount of data.
    if (burst.lost && this.#outcome === undefined) return this.#recover(burst);
    if (burst.receivedBytes < burst.lengthBytes && this.#outcome === undefined) this.#fail(0x0c, 0x0d);
    this.#take(burst);
    this.solicit();
    this.#advance();
    if (this.#quiet.length > 0) this.#tellQuiet();
  }

  #tellQuiet(): void {
    if (this.#solicited.length > 0) return;
    for (const quiet of this.#quiet.splice(0)) quiet();
  }

  /** A sequence is through: its data goes to the device server, or nowhere. */
  #take(burst: Burst): void {
    if (this.#outcome !== undefined) this.#release(burst);
    else if (this.#execution === undefined) this.#early = burst;
    else this.#consume(burst);
  }

  /** Without recovery the command fails with "Protocol Service CRC error" (RFC 7143 §7.8 b). */
  #lost(burst: Burst): undefined {
    if (this.#host.recoverable) burst.lost = true;
    else this.#fail(0x47, 0x05);
  }

  /** A recovery R2T asks for what the sequence did not bring (RFC 7143 §7.8 a). */
  #recover(burst: Burst): void {
    burst.lost = false;
    burst.nextDataSn = 0;
    // What has come has gaps in it: all of it is asked for.
    if (burst.ranges !== undefined) {
      burst.ranges = new ReceivedRanges();
      burst.receivedBytes = 0;
    }
    burst.tag = this.#host.nextTransferTag();
    this.#ask(burst);
  }

  #ask(burst: Burst): void {
    burst.r2tSn = this.#task.numberedPdus++;
    this.#solicited.push(burst);
    this.#sendR2t(burst);
  }

  #sendR2t(burst: Burst): void {
    const { tag, r2tSn, receivedBytes } = burst;
    const offset = burst.offset + receivedBytes;
    this.#host.sendR2t(this.#task, tag, r2tSn, offset, burst.lengthBytes - receivedBytes);
  }

  #consume(burst: Burst): void {
    const lengthBytes = Math.min(burst.receivedBytes, this.#wantBytes - burst.offset);
    if (lengthBytes <= 0 || this.#outcome !== undefined) return this.#release(burst);
    this.#receivedBytes += lengthBytes;
    const piece = burst.buffer.length === lengthBytes ? burst.buffer : burst.buffer.subarray(0, lengthBytes);
    try {
      const result = (this.#execution as DataOut).write([piece], burst.offset);
      if (result instanceof Promise) this.#await(result, burst);
      else this.#release(burst);
    } catch (error) {
      this.#outcome ??= this.#host.failure(error);
      this.#release(burst);
    }
  }

  #await(result: Promise<void>, burst: Burst): void {
    this.#consuming++;
    this.#task.hold();
    const settled = (): void => {
      this.#consuming--;
      this.#release(burst);
      this.#task.unhold();
      if (this.#task.aborted) return;
      this.solicit();
      this.#advance();
    };
    result.then(settled, (error: unknown) => {
      this.#outcome ??= this.#host.failure(error);
      settled();
    });
  }

  /** Ends the command when everything it waits for is through. */
  #advance(): void {
    if (this.#task.execution === undefined || this.#completed || this.#task.aborted) return;
    if (this.#unsolicited !== undefined || this.#solicited.length > 0 || this.#consuming > 0) return;
    if (this.#outcome !== undefined) return this.#complete(this.#outcome);
    if (this.#execution === undefined || this.#receivedBytes < this.#wantBytes) return;
    this.#completed = true;
    this.#finish(this.#execution);
  }

  #finish(execution: DataOut): void {
    let result: Finished | Promise<Finished>;
    try {
      result = execution.finish(this.#receivedBytes);
    } catch (error) {
      result = this.#host.failure(error);
    }
    if (!(result instanceof Promise)) return this.#complete(result);
    this.#task.hold();
    const ended = (finished: Finished): void => {
      this.#task.unhold();
      if (!this.#task.aborted) this.#complete(finished);
    };
    result.then(ended, (error: unknown) => ended(this.#host.failure(error)));
  }

  #complete(finished: Finished): void {
    this.#completed = true;
    this.#host.complete(this.#task, finished, this.#outcomeLengthBytes);
  }

  #fail(asc: number, ascq: number): undefined {
    this.#outcome ??= new CheckConditionError({ senseKey: 0x0b, asc, ascq }).toFinished();
  }

  #release(burst: Burst): void {
    if (burst.buffer.length > 0) this.#host.pool.release(burst.buffer);
    if (burst.budgetBytes > 0) this.#host.budget.give(burst.budgetBytes);
  }
}

const EMPTY = new Uint8Array(0);
