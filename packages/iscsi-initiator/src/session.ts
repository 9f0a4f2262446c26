import { TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { Status } from '@lunbox/scsi';
import createDebug from 'debug';
import { abortable, abortedBy } from './abortable.ts';
import { onAsyncMessage, type AsyncMessageHost, type UnitEvent } from './async-messages.ts';
import { CommandQueue } from './command-queue.ts';
import { deferred, type Deferred } from './deferred.ts';
import { closedError, connectionLost, InitiatorError } from './errors.ts';
import type { TaskManagementRequest } from './exchanges.ts';
import type { FullFeature } from './full-feature.ts';
import type { SessionParameters } from './parameters.ts';
import { checkReceiveSegment, declareReceiveSegment } from './receive-segment.ts';
import { Reconnector } from './reconnector.ts';
import type { ScsiRequest, ScsiResult } from './request.ts';
import { SessionConnections, type AddedConnection } from './session-connections.ts';
import {
  DEFAULT_COMMAND_TIMEOUT_MS,
  type OperationOptions,
  type SessionOptions,
  type SessionSeams,
} from './session-options.ts';
import { TaskManagement, type ExchangeStart } from './task-management.ts';
import type { Portal } from './transport.ts';
import { Waiters } from './waiters.ts';

const log = createDebug('lunbox:iscsi-initiator:session');

const TICK_MS = 250;

/** Where a session stands. */
export type SessionState = 'connecting' | 'ready' | 'reconnecting' | 'failed' | 'closed';

/** Where {@link IscsiSession.redirect} goes. */
export interface Destination extends Portal {
  /** Left out: the same target. */
  readonly targetName?: string;
}

/** A connection of a session. */
export interface SessionConnection {
  /** Its number in the session (RFC 7143 §11.12.7). */
  readonly cid: number;
  readonly portal: Portal;
}

/**
 * A session with a target, over one connection or several. Commands are queued while there is none. A connection that
 * is lost is made again; commands that were at work on it go on by another (ErrorRecoveryLevel 2), are sent again
 * (idempotent ones, and those that the target never received), or end with an error. A session that is lost is made
 * again with a growing pause.
 */
export class IscsiSession {
  /** The functions of RFC 7143 §11.5 and RFC 7144 §6. */
  readonly taskManagement: TaskManagement;
  readonly #clock: SessionSeams['clock'];
  readonly #connections: SessionConnections;
  readonly #queue: CommandQueue;
  readonly #reconnector: Reconnector;
  readonly #unitListeners = new Set<(event: UnitEvent) => void>();
  readonly #opening: Deferred = deferred();
  #state: SessionState = 'connecting';
  #wasUp = false;
  #error: InitiatorError | undefined;
  #cancelTick: (() => void) | undefined;
  readonly #idle = new Waiters();
  #closing: Promise<void> | undefined;

  /** @throws InitiatorError `INITIATOR_OPTIONS`. */
  constructor(options: SessionOptions, seams: SessionSeams) {
    this.#clock = seams.clock;
    this.#queue = new CommandQueue(seams.clock, {
      maxCommands: options.maxCommands ?? 4096,
      commandTimeoutMs: options.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS,
      abortTimeoutMs: options.abortTimeoutMs ?? 10_000,
    });
    this.#connections = new SessionConnections(options, seams, {
      up: (isNewSession) => this.#up(isNewSession),
      suspended: () => this.#suspended(),
      down: (error) => this.#down(error),
      taskEnded: (task, outcome) => {
        this.#queue.taskEnded(task, outcome);
        if (this.#queue.runningCount === 0) this.#idle.tell();
      },
      taskMoved: (task) => this.#queue.taskMoved(task),
      windowMoved: () => this.#queue.pump(),
      asyncMessage: (message, from) => onAsyncMessage(message, from, this.#asyncHost),
    });
    this.taskManagement = new TaskManagement({
      connections: this.#connections,
      queue: this.#queue,
      exchange: (operation, start) => this.#exchange(operation, start),
      connected: () => this.#connected(),
    });
    this.#reconnector = new Reconnector(options.reconnect ?? {}, seams, () => this.#connections.lead());
  }

  /** Where the session stands. */
  get state(): SessionState {
    return this.#state;
  }

  /** Where the session is connected, or will try next. */
  get portal(): Portal {
    return this.#connections.members[0]?.connection.portal ?? this.#connections.identity.portal;
  }

  /** The connections that stand. */
  get connections(): readonly SessionConnection[] {
    return this.#connections.members.map(({ cid, connection }) => ({ cid, portal: connection.portal }));
  }

  /** What was negotiated; undefined while there is no session. */
  get parameters(): SessionParameters | undefined {
    return this.#connections.parameters;
  }

  /** Logs in. The first login is tried once; one that is given up by its signal ends the session. */
  open(options: OperationOptions = {}): Promise<void> {
    const start = (): Promise<void> => {
      if (this.#cancelTick === undefined && this.#state === 'connecting') {
        this.#tickLater();
        this.#connections.lead();
      }
      return this.#opening.promise;
    };
    return abortable(options.signal, start, (error) => {
      if (this.#state === 'connecting') this.#connections.end(error);
    });
  }

  /** Runs a command; resolves with how it ended, whatever its SCSI status. */
  command(request: ScsiRequest): Promise<ScsiResult> {
    const refused = this.#refusal();
    return refused === undefined ? this.#queue.submit(request) : Promise.reject(refused);
  }

  /**
   * Runs a command that must succeed.
   *
   * @throws InitiatorError `INITIATOR_CHECK_CONDITION` with the sense data, `INITIATOR_SCSI_STATUS` for other
   * statuses than GOOD and CONDITION MET, and all that {@link IscsiSession.command} rejects with.
   */
  async execute(request: ScsiRequest): Promise<ScsiResult> {
    const result = await this.command(request);
    const { status, statusQualifier, sense } = result;
    if (status === Status.GOOD || status === Status.CONDITION_MET) return result;
    if (status === Status.CHECK_CONDITION && sense !== undefined) {
      throw new InitiatorError({ code: 'INITIATOR_CHECK_CONDITION', sense });
    }
    const qualified = statusQualifier === 0 ? {} : { statusQualifier };
    throw new InitiatorError({ code: 'INITIATOR_SCSI_STATUS', status, ...qualified });
  }

  /** Pings the target. */
  ping(options?: OperationOptions): Promise<void> {
    return this.#exchange(options, (exchanges) => exchanges.ping(options?.signal));
  }

  /** Asks the target by text, as `SendTargets` does (RFC 7143 §11.10). */
  text(
    pairs: readonly (readonly [string, string])[],
    options?: OperationOptions,
  ): Promise<[string, string][]> {
    return this.#exchange(options, (exchanges) => exchanges.text(pairs, options?.signal));
  }

  /** Does a task management function: {@link TaskManagement.manage}. */
  manage(request: TaskManagementRequest, options?: OperationOptions): Promise<void> {
    return this.taskManagement.manage(request, options);
  }

  /** Resets a logical unit (RFC 7143 §11.5.1). */
  resetUnit(lun: number, options?: OperationOptions): Promise<void> {
    return this.manage({ function: TaskManagementFunction.LOGICAL_UNIT_RESET, lun }, options);
  }

  /** Calls `listener` when a logical unit reports something by itself. Returns how to stop that. */
  onUnitEvent(listener: (event: UnitEvent) => void): () => void {
    const entry = (event: UnitEvent): void => listener(event);
    this.#unitListeners.add(entry);
    return () => this.#unitListeners.delete(entry);
  }

  /**
   * Adds a connection while commands run, by the portal of the others or another of the same portal group; resolves
   * with its CID. The session keeps as many from now on.
   *
   * @throws InitiatorError `INITIATOR_OPTIONS` when MaxConnections is reached, and what a login fails with.
   */
  async addConnection({
    portal,
    signal,
  }: OperationOptions & { readonly portal?: Portal } = {}): Promise<number> {
    let added: AddedConnection | undefined;
    while (added === undefined) {
      await abortable(signal, () => this.#connected());
      added = this.#connections.add(portal);
    }
    const { attempt, joined } = added;
    return abortable(
      signal,
      () => joined,
      (error) => attempt.fail(error),
    );
  }

  /**
   * Logs one of several connections out when its commands have ended; further ones go by the others. The session keeps
   * one less from now on. With a signal the waiting ends, not the removal.
   *
   * @throws InitiatorError `INITIATOR_OPTIONS` when there is no such connection, or no other.
   */
  async removeConnection(cid: number, { signal }: OperationOptions = {}): Promise<void> {
    await abortable(signal, () => this.#connections.remove(cid));
  }

  /**
   * Declares how long the data segments may be that the target sends, 512 to 16 777 215 bytes, while commands run
   * (RFC 7143 §13.12). Data that gets lost across the change comes again, cut anew (ErrorRecoveryLevel 1 or 2).
   *
   * @throws InitiatorError `INITIATOR_OPTIONS` for another length, `INITIATOR_NEGOTIATION` when the target refuses.
   */
  async changeReceiveSegment(bytes: number, options?: OperationOptions): Promise<void> {
    checkReceiveSegment(bytes);
    await this.#exchange(options, async () => {
      const { identity, members } = this.#connections;
      await Promise.all(members.map((member) => declareReceiveSegment(member, bytes)));
      identity.negotiation = { ...identity.negotiation, maxReceiveSegmentBytes: bytes };
    });
  }

  /**
   * Moves a live session elsewhere: commands at work end where they are, the session logs out, and all further
   * ones go to the new portal. Resolves when it is there. A session that is just lost is made again there. With a
   * signal the waiting ends, not the move.
   */
  redirect({ host, port, targetName }: Destination, { signal }: OperationOptions = {}): Promise<void> {
    return abortable(signal, async () => {
      const { identity, current } = this.#connections;
      identity.portal = { host, port };
      if (targetName !== undefined) identity.targetName = targetName;
      if (current !== undefined) {
        this.#queue.hold();
        await this.#connected();
        this.#reconnector.hurry();
        if (this.#connections.current === current) await this.#leave(connectionLost('redirected'));
      }
      await this.#connected();
    });
  }

  /**
   * Logs out after the commands that are at work. Idempotent. With a signal that is done without waiting: commands at
   * work end with `INITIATOR_CLOSED`, and the connections are cut.
   */
  close({ signal }: OperationOptions = {}): Promise<void> {
    this.#closing ??= this.#close();
    const cut = (): void => this.#connections.end(closedError());
    if (signal?.aborted === true) cut();
    else signal?.addEventListener('abort', cut, { once: true });
    return this.#closing.finally(() => signal?.removeEventListener('abort', cut));
  }

  /** An exchange that is not answered in time is given up; the connection goes on. */
  #exchange<T>({ signal }: OperationOptions = {}, start: ExchangeStart<T>): Promise<T> {
    return abortable(signal, async () => {
      let via: FullFeature | undefined;
      // What there was may be gone again when the waiting is over.
      while (via === undefined) {
        await this.#connected();
        via = this.#connections.forRequests;
      }
      // Nobody waits for the answer any more.
      if (signal?.aborted === true) throw abortedBy(signal);
      return start(via.exchanges, via);
    });
  }

  async #close(): Promise<void> {
    const closed = closedError();
    this.#state = 'closed';
    this.#reconnector.stop();
    this.#queue.failAll(closed);
    await this.#leave(closed);
    // What lost its connection meanwhile waits again, and will not be served any more.
    this.#queue.failAll(closed);
    this.#cancelTick?.();
    this.#opening.reject(closed);
  }

  /**
   * Waits until nothing is at work, no connection is left to wait for, or `withinMs` has passed; logs out and ends the
   * connections.
   */
  async #leave(reason: InitiatorError, withinMs?: number): Promise<void> {
    this.#queue.hold();
    let late = false;
    const expire = (): void => {
      late = true;
      this.#idle.tell();
    };
    const cancel = withinMs === undefined ? undefined : this.#clock.setTimer(withinMs, expire);
    const atWork = (): boolean => this.#queue.runningCount > 0 && this.#connections.members.length > 0;
    while (atWork() && !late) await this.#idle.wait();
    cancel?.();
    await this.#connections.leave(reason);
  }

  #up(isNewSession: boolean): void {
    if (this.#state !== 'closed') this.#state = 'ready';
    this.#wasUp = true;
    this.#reconnector.succeeded();
    if (isNewSession) this.#queue.release();
    this.#queue.attach(this.#connections);
    this.#opening.resolve();
  }

  #suspended(): void {
    if (this.#state !== 'closed') this.#state = 'reconnecting';
    this.#queue.detach();
    this.#idle.tell();
  }

  #down(error: InitiatorError): void {
    const wasUp = this.#wasUp;
    this.#wasUp = false;
    this.#queue.detach();
    this.#idle.tell();
    if (this.#state === 'closed') return;
    const first = this.#state === 'connecting';
    this.#state = 'reconnecting';
    if (!first && this.#reconnector.retry(wasUp, error)) return;
    this.#state = 'failed';
    this.#error = error;
    log('given up: %s', error.message);
    this.#reconnector.stop();
    this.#cancelTick?.();
    this.#queue.failAll(error);
    this.#opening.reject(error);
  }

  /** Resolves at once or as soon as there is a connection again. */
  async #connected(): Promise<void> {
    for (;;) {
      const refused = this.#refusal();
      if (refused !== undefined) throw refused;
      if (this.#connections.members.length > 0) return;
      await this.#reconnector.next;
    }
  }

  #refusal(): InitiatorError | undefined {
    if (this.#state === 'closed') return closedError();
    return this.#state === 'failed' ? this.#error : undefined;
  }

  get #asyncHost(): AsyncMessageHost {
    return {
      connections: this.#connections,
      taskManagement: this.taskManagement,
      unitEvent: (event) => {
        for (const listener of [...this.#unitListeners]) listener(event);
      },
      leave: (reason, withinMs) => void this.#leave(reason, withinMs),
      waitAtLeast: (delayMs) => this.#reconnector.waitAtLeast(delayMs),
    };
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.setTimer(TICK_MS, () => {
      this.#tickLater();
      const nowMs = this.#clock.nowMs();
      this.#queue.tick(nowMs);
      this.#connections.tick(nowMs);
    });
  }
}
