import {
  LogoutReason,
  NO_TTT,
  Opcode,
  RESERVED_TAG,
  RejectReason,
  decodePdu,
  readDataOut,
  readU32,
  type DataOutHeader,
  type FrameHeader,
  type LogoutRequestPdu,
  type NopOutPdu,
  type TaskManagementRequestPdu,
  type SnackPdu,
  type TextRequestPdu,
} from '@lunbox/iscsi-pdu';
import { expStatSnOf } from './acknowledgement.ts';
import type { BufferPool } from './buffer-pool.ts';
import { announceConnectionDrop } from './async-message.ts';
import { newCommandHeader, newDataOutHeader, taskOf } from './command-header.ts';
import { CommandRunner } from './command-runner.ts';
import type { Connection, Phase } from './connection.ts';
import type { OperationalParameters } from './parameters.ts';
import { Keepalive } from './keepalive.ts';
import { logOut } from './logout.ts';
import type { SendTargetsContext } from './send-targets.ts';
import type { Session, SessionConnection } from './session.ts';
import type { Task } from './task.ts';
import { ManagementRequests } from './management-requests.ts';
import type { ResetAuthority } from './task-management.ts';
import { Recovery } from './recovery.ts';
import { answerSnack } from './snack.ts';
import { TextExchange } from './text-exchange.ts';
import { WriteTransfer } from './write-transfer.ts';

/** What full feature phase needs from the engine. */
export interface SessionOwner extends ResetAuthority {
  readonly pool: BufferPool;
  readonly sendTargetsContext: (connection: Connection, session: Session) => SendTargetsContext;
  /** The session has lost its last connection, and waits for none. */
  sessionClosed(session: Session): void;
}

/** Status PDUs kept for an initiator that does not acknowledge them. */
const UNACKNOWLEDGED_LIMIT = 512;

type PduHandler = (phase: FullFeaturePhase, header: FrameHeader, data: Uint8Array, digestOk: boolean) => void;

/** What an initiator may send in full feature phase. Others are refused with "command not supported". */
const HANDLERS: readonly (PduHandler | undefined)[] = handlerTable({
  [Opcode.NOP_OUT]: (phase, header, data) => phase.nopOut(header, data),
  [Opcode.SCSI_COMMAND]: (phase, header, data, digestOk) => phase.command(header, data, digestOk),
  [Opcode.TASK_MANAGEMENT_REQUEST]: (phase, header, data) => phase.taskManagement(header, data),
  [Opcode.TEXT_REQUEST]: (phase, header, data) => phase.textRequest(header, data),
  [Opcode.DATA_OUT]: (phase, header, data, digestOk) => phase.dataOut(header, data, digestOk),
  [Opcode.LOGOUT_REQUEST]: (phase, header, data) => phase.logout(header, data),
  [Opcode.SNACK]: (phase, header, data) => phase.snack(header, data),
});

/** What lies above is reserved, and so a protocol error (RFC 7143 §11). */
const HIGHEST_LOGOUT_REASON = LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY;

/** RFC 7143 §4.3: a discovery session is for SendTargets and its own logout. */
const DISCOVERY_HANDLERS: readonly (PduHandler | undefined)[] = handlerTable({
  [Opcode.SCSI_COMMAND]: (phase, header, data, digestOk) => phase.command(header, data, digestOk),
  [Opcode.TEXT_REQUEST]: (phase, header, data) => phase.textRequest(header, data),
  [Opcode.LOGOUT_REQUEST]: (phase, header, data) => phase.logout(header, data),
});

/** Full feature phase of one connection of a session (RFC 7143 §4.2.5). */
export class FullFeaturePhase implements Phase, SessionConnection {
  readonly session: Session;
  readonly connection: Connection;
  readonly cid: number;
  readonly #parameters: OperationalParameters;
  readonly #owner: SessionOwner;
  readonly #runner: CommandRunner;
  readonly #keepalive: Keepalive;
  readonly #text: TextExchange;
  /** From ErrorRecoveryLevel 1 on. */
  readonly recovery: Recovery | undefined;
  readonly #commandHeader = newCommandHeader();
  readonly #dataOutHeader: DataOutHeader = newDataOutHeader();
  /** The task whose PDU is just arriving. */
  #arriving: Task | undefined = undefined;
  #arrivingReason: number | undefined = undefined;
  #placed = false;
  #closed = false;
  /** It is logged out for recovery: its tasks wait for another connection. */
  #removed = false;
  readonly #management: ManagementRequests;
  acknowledgedStatSn: number;

  constructor(
    connection: Connection,
    session: Session,
    cid: number,
    parameters: OperationalParameters,
    owner: SessionOwner,
  ) {
    this.connection = connection;
    this.session = session;
    this.cid = cid;
    this.#parameters = parameters;
    this.#owner = owner;
    this.#runner = new CommandRunner(connection, session, parameters, owner.pool);
    this.#keepalive = new Keepalive(connection, session.nexus !== undefined);
    this.#text = new TextExchange(connection, session, parameters, () =>
      owner.sendTargetsContext(connection, session),
    );
    if (parameters.errorRecoveryLevel > 0) this.recovery = new Recovery(UNACKNOWLEDGED_LIMIT);
    connection.writer.recovery = this.recovery;
    this.#management = new ManagementRequests({
      session,
      from: this,
      authority: owner,
      runner: this.#runner,
    });
    this.acknowledgedStatSn = connection.statSn;
  }

  get expCmdSn(): number {
    return this.session.expCmdSn;
  }

  get maxCmdSn(): number {
    return this.session.maxCmdSn;
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    const expStatSn = expStatSnOf(header, this.cid);
    if (expStatSn !== undefined) this.#acknowledge(expStatSn);
    // An answer that waited for this may have been the last word: nothing begins any more.
    if (this.#closed) return undefined;
    if (header.opcode === Opcode.SCSI_COMMAND) return this.#commandArrives(header);
    if (header.opcode === Opcode.DATA_OUT) return this.#dataArrives(header);
    return undefined;
  }

  onPdu(header: FrameHeader, data: Uint8Array, digestOk: boolean): void {
    if (this.#closed) return;
    // RFC 7143 §7.8: a PDU with a bad data digest is told about and discarded; a command's data fails the command.
    if (!digestOk) this.connection.reject(header, RejectReason.DATA_DIGEST_ERROR);
    const handler = (this.session.nexus === undefined ? DISCOVERY_HANDLERS : HANDLERS)[header.opcode];
    if (handler === undefined) return this.connection.reject(header, RejectReason.COMMAND_NOT_SUPPORTED);
    const carriesTaskData = header.opcode === Opcode.SCSI_COMMAND || header.opcode === Opcode.DATA_OUT;
    if (digestOk || carriesTaskData) handler(this, header, data, digestOk);
  }

  malformed(): void {
    this.#owner.endSession(this.session, ({ connection }) => connection.fail());
  }

  drained(): void {
    this.#runner.drained();
  }

  #acknowledge(expStatSn: number): void {
    this.acknowledgedStatSn = expStatSn;
    this.recovery?.acknowledge(expStatSn);
    if (this.session.fence.raised) this.session.fence.acknowledged(this);
  }

  ping(answered?: () => void): void {
    this.#keepalive.ask(answered);
  }

  goOn(): void {
    this.#runner.drained();
    this.connection.flushSoon();
  }

  tick(nowMs: number): void {
    this.#keepalive.tick(nowMs);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    const arriving = this.#arriving;
    this.#arriving = undefined;
    this.#leave();
    // The rest of the data segment will never come: what it was to fill is free.
    arriving?.unhold();
    if (!this.session.open) this.#owner.sessionClosed(this.session);
  }

  /** RFC 7143 §7.1.4.3: a failed connection may be recovered from; one that was closed in order is over. */
  #leave(): void {
    const { session, connection, cid } = this;
    const lost = connection.ending !== 'logout';
    if (lost && session.connections.get(cid) === this) announceConnectionDrop(session, this);
    if (lost || this.#removed) session.depart(this, this.#removed);
    else session.detach(this);
  }

  /** A SCSI Command PDU is complete. */
  command(header: FrameHeader, data: Uint8Array, digestOk: boolean): void {
    const task = this.#arriving;
    this.#arriving = undefined;
    if (task === undefined) {
      const reason = this.#arrivingReason;
      this.#arrivingReason = undefined;
      if (reason !== undefined) this.connection.reject(header, reason);
      return;
    }
    const final = (header.bytes[header.offset + 1]! & 0x80) !== 0;
    // RFC 7143 §7.8: a discarded command has not been received; it is sent again under the same CmdSN.
    if (!digestOk && this.recovery !== undefined) return this.#discard(task);
    task.transfer?.immediateArrived(data.length, digestOk, !final);
    task.unhold();
    this.#runInOrder(task);
  }

  #discard(task: Task): void {
    this.session.retire(task);
    task.abort();
    task.unhold();
  }

  /** A Data-Out PDU is complete. */
  dataOut(_header: FrameHeader, _data: Uint8Array, digestOk: boolean): void {
    const task = this.#arriving;
    this.#arriving = undefined;
    if (task === undefined) return;
    task.transfer?.arrived(this.#dataOutHeader, this.#placed, digestOk);
    task.unhold();
  }

  /** A ping, the answer to one of ours, or just an acknowledgement (RFC 7143 §11.18). */
  nopOut(header: FrameHeader, data: Uint8Array): void {
    const request = decode<NopOutPdu>(header, data);
    if (request.targetTransferTag !== NO_TTT) return this.#keepalive.answered();
    if (request.initiatorTaskTag === RESERVED_TAG) return;
    const echo = data.slice(0, this.#parameters.sendSegmentBytes);
    this.#ordered(request, () => {
      this.connection.send({
        type: 'nop-in',
        lun: new Uint8Array(8),
        initiatorTaskTag: request.initiatorTaskTag,
        targetTransferTag: NO_TTT,
        data: echo,
        ...this.connection.numbers(),
      });
    });
  }

  /** Task management (RFC 7143 §11.5); the answer waits until the aborted tasks are over. */
  taskManagement(header: FrameHeader, data: Uint8Array): void {
    const request = decode<TaskManagementRequestPdu>(header, data);
    request.lun = request.lun.slice();
    this.#ordered(request, () => this.#management.carryOut(request));
  }

  holdsRequest(initiatorTaskTag: number): boolean {
    const answered = this.recovery?.holdsRequest(initiatorTaskTag) ?? false;
    return answered || this.#management.holds(initiatorTaskTag) || this.#text.holds(initiatorTaskTag);
  }

  /** SendTargets and renegotiation (RFC 7143 §11.10). */
  textRequest(header: FrameHeader, data: Uint8Array): void {
    const request = decode<TextRequestPdu>(header, data.slice());
    const whole = copyOf(header);
    this.#ordered(request, () => {
      const reason = this.#text.take(request);
      if (reason === undefined) return;
      if (!request.immediate) this.session.refuse(request.cmdSn);
      this.connection.reject(whole, reason);
    });
  }

  /** A request to send PDUs again (RFC 7143 §11.16). Without error recovery there is none to answer it. */
  snack(header: FrameHeader, data: Uint8Array): void {
    const recovery = this.recovery;
    if (recovery === undefined) return this.connection.reject(header, RejectReason.COMMAND_NOT_SUPPORTED);
    const whole = copyOf(header);
    const refuse = (late: number): void => {
      if (!this.#closed) this.connection.reject(whole, late);
    };
    const context = { session: this.session, recovery, writer: this.connection.writer, refuse };
    const reason = answerSnack(decode<SnackPdu>(header, data), context);
    if (reason !== undefined) this.connection.reject(header, reason);
  }

  /** Logout (RFC 7143 §11.14) of the session, of this connection or of another one of the session. */
  logout(header: FrameHeader, data: Uint8Array): void {
    const request = decode<LogoutRequestPdu>(header, data);
    const highest = this.session.nexus === undefined ? LogoutReason.CLOSE_SESSION : HIGHEST_LOGOUT_REASON;
    if (request.reason > highest) {
      return this.connection.reject(header, RejectReason.PROTOCOL_ERROR);
    }
    this.#ordered(request, () => {
      const { response, leave } = logOut(this.session, request, this.#owner, this.connection.nowMs);
      this.connection.send({
        type: 'logout-response',
        response,
        initiatorTaskTag: request.initiatorTaskTag,
        time2Wait: this.#parameters.defaultTime2Wait,
        time2Retain: this.#parameters.defaultTime2Retain,
        ...this.connection.numbers(),
      });
      leave();
    });
  }

  logOut(recovery: boolean): void {
    this.#removed = recovery;
    this.connection.finish();
  }

  /** Checks a command before its data arrives and says where the data goes. */
  #commandArrives(frame: FrameHeader): Uint8Array | undefined {
    const header = this.#commandHeader;
    const task =
      this.session.nexus === undefined
        ? RejectReason.COMMAND_NOT_SUPPORTED
        : taskOf(frame, header, this.connection);
    if (typeof task === 'number') return this.#refuse(task);
    // RFC 7143 §4.2.2.1: a command outside the window is ignored, data and all (T-K8).
    if (!task.immediate && !this.session.inWindow(task.cmdSn)) return undefined;
    if (this.session.tasks.has(task.initiatorTaskTag)) return this.#refuse(RejectReason.TASK_IN_PROGRESS);
    const limit = 2 * this.connection.owner.limits.queueDepth;
    if (task.immediate && this.session.tasks.size >= limit) {
      return this.#refuse(RejectReason.TOO_MANY_IMMEDIATE_COMMANDS);
    }
    this.#arriving = task;
    task.hold();
    this.session.enter(task);
    const unexpected = !header.write && header.dataLength > 0;
    if (!header.write && !unexpected) return undefined;
    task.transfer = new WriteTransfer(task, this.#runner, header.dataLength, header.write && !header.final);
    return header.dataLength === 0 ? undefined : task.transfer.immediateDestination(header.dataLength);
  }

  #refuse(reason: number): undefined {
    this.#arrivingReason = reason;
  }

  /** Data is matched by its tags alone: Windows may send a wrong LUN (T-K6). */
  #dataArrives(frame: FrameHeader): Uint8Array | undefined {
    const task = this.session.tasks.get(readU32(frame.bytes, frame.offset + 16));
    // Data for a task that is gone, aborted or never admitted is thrown away (T-K4).
    if (task?.transfer === undefined || task.connection !== this.connection) return undefined;
    readDataOut(frame.bytes, frame.offset, this.#dataOutHeader);
    this.#arriving = task;
    task.hold();
    const destination = task.transfer.destination(this.#dataOutHeader);
    this.#placed = destination !== undefined;
    return destination;
  }

  /** The common case, a command that comes when its turn is, makes no closure. */
  #runInOrder(task: Task): void {
    const { session } = this;
    if (task.immediate) return this.#start(task);
    if (task.cmdSn !== session.expCmdSn) {
      return session.inOrder(task.cmdSn, () => this.#start(task), task);
    }
    session.advance();
    this.#start(task);
    session.runDeferred();
  }

  #start(task: Task): void {
    if (task.aborted) return;
    if (!task.immediate) this.session.occupy(task);
    this.#runner.start(task);
    // A command that waited may be set going by a PDU of another connection.
    this.connection.flushSoon();
  }

  #ordered(request: { immediate: boolean; cmdSn: number }, command: () => void): void {
    if (request.immediate) command();
    else if (this.session.inWindow(request.cmdSn)) {
      this.session.inOrder(request.cmdSn, command, this);
    }
  }
}

/** A header that outlives the call that brought it. */
function copyOf(header: FrameHeader): FrameHeader {
  const { bytes, offset, headerLength } = header;
  return { ...header, bytes: bytes.slice(offset, offset + headerLength), offset: 0 };
}

function decode<T>(header: FrameHeader, data: Uint8Array): T {
  return decodePdu(header.bytes.subarray(header.offset, header.offset + header.headerLength), data) as T;
}

function handlerTable(handlers: Readonly<Record<number, PduHandler>>): (PduHandler | undefined)[] {
  return Array.from({ length: 64 }, (_, opcode) => handlers[opcode]);
}
