import type { PduWriter } from './pdu-writer.ts';
import {
  CheckConditionError,
  Status,
  type DataIn,
  type Execution,
  type Finished,
  type Nexus,
} from '@lunbox/scsi';
import type { BufferPool } from './buffer-pool.ts';
import type { Connection } from './connection.ts';
import type { OperationalParameters } from './parameters.ts';
import { ReadTransfer, type Producer, type ReadHost } from './read-transfer.ts';
import { residualOf } from './residual.ts';
import { isFenced } from './response-fence.ts';
import type { Session } from './session.ts';
import type { SolicitationBudget } from './solicitation.ts';
import type { Task } from './task.ts';
import { WriteTransfer, type WriteHost } from './write-transfer.ts';

/** Data of a command that answers with a parameter block, as something that a {@link ReadTransfer} can send. */
class ParameterData implements DataIn {
  readonly kind = 'data-in';
  readonly lengthBytes: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.lengthBytes = bytes.length;
  }

  read(into: readonly Uint8Array[], offsetBytes: number): void {
    let offset = offsetBytes;
    for (const piece of into) {
      piece.set(this.#bytes.subarray(offset, offset + piece.length));
      offset += piece.length;
    }
  }
}

/**
 * Runs SCSI commands of one connection: hands them to the device server, moves their data and sends their
 * status.
 */
export class CommandRunner implements ReadHost, WriteHost {
  readonly writer: PduWriter;
  readonly pool: BufferPool;
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #parameters: OperationalParameters;
  #nextTag = 0;
  #waiting: Producer[] = [];

  constructor(connection: Connection, session: Session, parameters: OperationalParameters, pool: BufferPool) {
    this.#connection = connection;
    this.#session = session;
    this.#parameters = parameters;
    this.writer = connection.writer;
    this.pool = pool;
  }

  get maxSegmentBytes(): number {
    const { maxSendSegmentBytes } = this.#connection.owner.limits;
    // RFC 7143 §11.7.7: whole words, so that only a last PDU is padded.
    return Math.min(this.#parameters.sendSegmentBytes, maxSendSegmentBytes) & ~3;
  }

  get maxBurstBytes(): number {
    return this.#parameters.maxBurstBytes;
  }

  get firstBurstBytes(): number {
    return this.#parameters.firstBurstBytes;
  }

  get immediateData(): boolean {
    return this.#parameters.immediateData;
  }

  get initialR2t(): boolean {
    return this.#parameters.initialR2t;
  }

  get dataPduInOrder(): boolean {
    return this.#parameters.dataPduInOrder;
  }

  get maxOutstandingR2t(): number {
    return this.#parameters.maxOutstandingR2t;
  }

  get recoverable(): boolean {
    return this.#parameters.errorRecoveryLevel > 0;
  }

  get closed(): boolean {
    return this.#connection.ended;
  }

  get budget(): SolicitationBudget {
    return this.#session.budget;
  }

  /** No status goes out while another one must not be overtaken (RFC 7143 §4.2.2.3.3 d). */
  get congested(): boolean {
    if (this.#session.fence.raised) return true;
    return this.#connection.outbox.backlogBytes >= this.#connection.owner.limits.sendBacklogBytes;
  }

  /** Hands a command whose turn has come to the device server. */
  start(task: Task): void {
    const nexus = this.#session.nexus;
    if (nexus === undefined) throw new Error('a discovery session has no SCSI commands');
    task.runner = this;
    const { observer } = this.#connection.owner;
    if (observer !== undefined) task.watch(observer, this.#session.identity);
    const { remnants } = this.#session;
    if (!remnants.blocking) return this.#execute(task, nexus);
    remnants.whenFree(() => {
      if (!task.aborted) (task.runner as CommandRunner).#execute(task, nexus);
      task.connection.flushSoon();
    });
  }

  #execute(task: Task, nexus: Nexus): void {
    const execution = nexus.execute(task.lun, task);
    if (!(execution instanceof Promise)) return this.#proceed(task, execution);
    task.hold();
    const answered = (result: Execution): void => {
      task.execution = result;
      task.unhold();
      if (!task.aborted) (task.runner as CommandRunner).#answered(task, result);
    };
    execution.then(answered, (error: unknown) => answered(this.failure(error)));
  }

  /**
   * Takes a task over whose connection is gone (TASK REASSIGN, RFC 7143 §7.2.2): what the initiator does not have is
   * sent again, and the task goes on from where it is.
   */
  resume(task: Task, expDataSn: number): void {
    const step = task.parkedStep;
    task.parkedStep = undefined;
    task.connection = this.#connection;
    task.runner = this;
    // RFC 7143 §7.2.2: a SNACK Tag belongs to the connection that is gone, as the StatSN does.
    task.snackTag = 0;
    task.statSn = undefined;
    if (task.reading !== undefined) {
      // It may be over, with nothing left but to send it again: until that is done, it can be aborted.
      this.#session.enter(task);
      task.reading.resume(this, expDataSn);
    } else if (task.response !== undefined) {
      const { status, statusQualifier, residual, sense } = task.response;
      this.writer.sendScsiResponse(task, status, statusQualifier, residual, sense);
    } else {
      task.transfer?.resume(this, expDataSn);
      step?.(this);
    }
    this.flushSoon();
  }

  /** The socket has room again: goes on with the reads that stopped, in the order in which they did. */
  drained(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.congested) return;
    this.#waiting = [];
    for (const transfer of waiting) transfer.pump();
  }

  waitForDrain(transfer: Producer): void {
    this.#waiting.push(transfer);
  }

  retire(task: Task): void {
    this.#session.retire(task);
  }

  nextTransferTag(): number {
    // FFFFFFFFh is reserved; 2³¹ tags are far more than can be open at a time.
    this.#nextTag = (this.#nextTag + 1) & 0x7fffffff;
    return this.#nextTag;
  }

  sendR2t(task: Task, tag: number, r2tSn: number, offset: number, lengthBytes: number): void {
    this.writer.sendR2t(task, tag, r2tSn, offset, lengthBytes);
    this.flushSoon();
  }

  complete(task: Task, finished: Finished, scsiLengthBytes: number): void {
    if (task.aborted) return;
    if (this.closed) {
      task.parkedStep = (runner) => runner.complete(task, finished, scsiLengthBytes);
      return;
    }
    const { fence, parameters, nexus } = this.#session;
    if (finished.status === Status.CHECK_CONDITION) nexus?.commandFailed(task.lun, task);
    const fences = parameters.taskReporting !== 'RFC3720' && isFenced(task, finished);
    if (fence.raised || fences) this.#finishInOrder(task, finished, scsiLengthBytes);
    else this.#finish(task, finished, scsiLengthBytes);
  }

  /** The status waits for a fence, or is fenced itself (RFC 7143 §4.2.2.3). */
  #finishInOrder(task: Task, finished: Finished, scsiLengthBytes: number): void {
    const { fence, connections } = this.#session;
    const again = (): void => task.runner?.complete(task, finished, scsiLengthBytes);
    const finish = (): void => (this.closed ? again() : this.#finish(task, finished, scsiLengthBytes));
    const from = [...connections.values()].find(({ connection }) => connection === this.#connection);
    if (fence.raised) fence.hold(again);
    else if (from === undefined) finish();
    else fence.send(from, finish);
  }

  #finish(task: Task, finished: Finished, scsiLengthBytes: number): void {
    if (task.aborted) return;
    this.#session.retire(task);
    const residual = residualOf(task.expectedDataTransferLength, scsiLengthBytes);
    const { status, sense } = finished;
    // RFC 7144 §5.2.1: 0 below level 2.
    const statusQualifier = this.#parameters.protocolLevel >= 2 ? (finished.statusQualifier ?? 0) : 0;
    if (this.#reassignable) task.response = { status, statusQualifier, residual, sense };
    this.writer.sendScsiResponse(task, status, statusQualifier, residual, sense);
    task.finish(status, Math.min(task.expectedDataTransferLength, scsiLengthBytes));
    this.flushSoon();
  }

  failure(error: unknown): Finished {
    if (error instanceof CheckConditionError) return error.toFinished();
    // The device server never lets anything else out: this is a bug, and the initiator must not hang on it.
    queueMicrotask(() => {
      throw error;
    });
    return { kind: 'finished', status: Status.TASK_ABORTED };
  }

  flushSoon(): void {
    this.#connection.flushSoon();
  }

  /** ErrorRecoveryLevel 2: another connection may have to go on with a task. */
  get #reassignable(): boolean {
    return this.#parameters.errorRecoveryLevel > 1;
  }

  /** The device server has answered later, perhaps when the connection is gone. */
  #answered(task: Task, execution: Execution): void {
    if (this.closed) task.parkedStep = (runner) => runner.#proceed(task, execution);
    else {
      this.#proceed(task, execution);
      this.flushSoon();
    }
  }

  #proceed(task: Task, execution: Execution): void {
    task.execution = execution;
    if (execution.kind === 'data-in') this.#send(task, execution);
    else if (execution.kind === 'data-out') {
      task.transfer ??= new WriteTransfer(task, this, 0, false);
      task.transfer.start(execution);
    } else if (execution.data !== undefined) this.#send(task, new ParameterData(execution.data));
    else if (task.transfer !== undefined) task.transfer.discard(execution);
    else this.complete(task, execution, 0);
  }

  /** Data goes to the initiator only as far as it said it would take it (RFC 7143 §11.3.4). */
  #send(task: Task, source: DataIn): void {
    const expectedBytes = task.read ? task.expectedDataTransferLength : 0;
    const sendBytes = Math.min(source.lengthBytes, expectedBytes);
    const good: Finished = { kind: 'finished', status: Status.GOOD };
    if (sendBytes === 0) {
      if (task.transfer === undefined) this.complete(task, good, source.lengthBytes);
      else task.transfer.discard(good, source.lengthBytes);
      return;
    }
    const residual = residualOf(expectedBytes, source.lengthBytes);
    const transfer = new ReadTransfer(task, this, source, sendBytes, residual);
    if (this.recoverable) task.reading = transfer;
    transfer.pump();
  }
}
