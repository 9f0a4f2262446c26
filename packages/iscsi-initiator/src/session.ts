import { AsyncEvent, splitSense, TaskManagementFunction, type AsyncMessagePdu } from '@lunbox/iscsi-pdu';
import { parseSense, Status, type SenseData } from '@lunbox/scsi';
import createDebug from 'debug';
import { CommandQueue } from './command-queue.ts';
import { connectionLost, InitiatorError } from './errors.ts';
import type { TaskManagementRequest } from './exchanges.ts';
import type { FullFeature } from './full-feature.ts';
import { Keepalive } from './keepalive.ts';
import type { SessionParameters } from './parameters.ts';
import { Reconnector } from './reconnector.ts';
import type { ScsiRequest, ScsiResult } from './request.ts';
import { SessionLink } from './session-link.ts';
import type { SessionOptions, SessionSeams } from './session-options.ts';
import type { Portal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:session');

const TICK_MS = 250;
/** How long a target may take over a logout before the connection is cut. */
const LOGOUT_TIMEOUT_MS = 3000;

/** Where a session stands. */
export type SessionState = 'connecting' | 'ready' | 'reconnecting' | 'failed' | 'closed';

/** Where {@link IscsiSession.redirect} goes. */
export interface Destination extends Portal {
  /** Left out: the same target. */
  readonly targetName?: string;
}

/** A unit reports something by itself (RFC 7143 §11.9, SCSI event). */
export interface UnitEvent {
  readonly lun: Uint8Array;
  readonly sense: SenseData;
}

/**
 * A session with a target, over one connection at a time. Commands are queued while there is none: a lost
 * connection is made again with a growing pause, and idempotent commands are sent again.
 */
export class IscsiSession {
  readonly #clock: SessionSeams['clock'];
  readonly #timeoutMs: number;
  readonly #link: SessionLink;
  readonly #queue: CommandQueue;
  readonly #reconnector: Reconnector;
  readonly #keepalive: Keepalive;
  readonly #unitListeners = new Set<(event: UnitEvent) => void>();
  readonly #opening: Deferred<void> = deferred();
  #state: SessionState = 'connecting';
  #fullFeature: FullFeature | undefined;
  #error: InitiatorError | undefined;
  #cancelTick: (() => void) | undefined;
  readonly #idle: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  /** @throws InitiatorError `INITIATOR_OPTIONS`. */
  constructor(options: SessionOptions, seams: SessionSeams) {
    this.#clock = seams.clock;
    this.#timeoutMs = options.commandTimeoutMs ?? 60_000;
    this.#queue = new CommandQueue(seams.clock, {
      maxCommands: options.maxCommands ?? 4096,
      commandTimeoutMs: this.#timeoutMs,
      abortTimeoutMs: options.abortTimeoutMs ?? 10_000,
    });
    this.#link = new SessionLink(options, seams, {
      up: (fullFeature) => this.#up(fullFeature),
      down: (error) => this.#down(error),
      taskEnded: (task, outcome) => {
        this.#queue.taskEnded(task, outcome);
        if (this.#queue.runningCount === 0) this.#tellIdle();
      },
      windowMoved: () => this.#queue.pump(),
      asyncMessage: (message) => this.#onAsync(message),
    });
    this.#reconnector = new Reconnector(options.reconnect ?? {}, seams, () => this.#link.open());
    this.#keepalive = new Keepalive(options);
  }

  /** Where the session stands. */
  get state(): SessionState {
    return this.#state;
  }

  /** Where the session is connected, or will try next. */
  get portal(): Portal {
    return this.#fullFeature?.connection.portal ?? this.#link.portal;
  }

  /** What was negotiated; undefined while there is no connection. */
  get parameters(): SessionParameters | undefined {
    return this.#fullFeature?.parameters;
  }

  /** Logs in. The first login is tried once. */
  open(): Promise<void> {
    if (this.#cancelTick === undefined && this.#state === 'connecting') {
      this.#tickLater();
      this.#link.open();
    }
    return this.#opening.promise;
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
    const { status, sense } = result;
    if (status === Status.GOOD || status === Status.CONDITION_MET) return result;
    if (status === Status.CHECK_CONDITION && sense !== undefined) {
      throw new InitiatorError({ code: 'INITIATOR_CHECK_CONDITION', sense });
    }
    throw new InitiatorError({ code: 'INITIATOR_SCSI_STATUS', status });
  }

  /** Pings the target. */
  ping(): Promise<void> {
    return this.#exchange('ping', (fullFeature) => fullFeature.exchanges.ping());
  }

  /** Asks the target by text, as `SendTargets` does (RFC 7143 §11.10). */
  text(pairs: readonly (readonly [string, string])[]): Promise<[string, string][]> {
    return this.#exchange('text', (fullFeature) => fullFeature.exchanges.text(pairs));
  }

  /** Does a task management function. Commands that it ends are rejected with `INITIATOR_ABORTED`. */
  manage(request: TaskManagementRequest): Promise<void> {
    return this.#exchange('task management', (fullFeature) => fullFeature.manage(request));
  }

  /** Resets a logical unit (RFC 7143 §11.5.1). */
  resetUnit(lun: number): Promise<void> {
    return this.manage({ function: TaskManagementFunction.LOGICAL_UNIT_RESET, lun });
  }

  /** Calls `listener` when a logical unit reports something by itself. Returns how to stop that. */
  onUnitEvent(listener: (event: UnitEvent) => void): () => void {
    const entry = (event: UnitEvent): void => listener(event);
    this.#unitListeners.add(entry);
    return () => this.#unitListeners.delete(entry);
  }

  /**
   * Moves a live session elsewhere: commands at work end where they are, the session logs out, and all further
   * ones go to the new portal. Resolves when it is there.
   */
  async redirect({ host, port, targetName }: Destination): Promise<void> {
    const fullFeature = await this.#connected();
    this.#link.portal = { host, port };
    if (targetName !== undefined) this.#link.targetName = targetName;
    this.#reconnector.hurry();
    await this.#leave(fullFeature, connectionLost('redirected'));
    await this.#connected();
  }

  /** Logs out after the commands that are at work. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** An exchange that is not answered in time is given up; the connection goes on. */
  async #exchange<T>(operation: string, start: (fullFeature: FullFeature) => Promise<T>): Promise<T> {
    const answer = start(await this.#connected());
    const timeoutMs = this.#timeoutMs;
    return new Promise<T>((resolve, reject) => {
      const cancel = this.#clock.setTimer(timeoutMs, () => {
        reject(new InitiatorError({ code: 'INITIATOR_TIMEOUT', operation, timeoutMs }));
      });
      answer.then(resolve, reject).finally(cancel);
    });
  }

  async #close(): Promise<void> {
    const closed = new InitiatorError({ code: 'INITIATOR_CLOSED' });
    const fullFeature = this.#fullFeature;
    this.#state = 'closed';
    this.#reconnector.stop();
    this.#queue.failAll(closed);
    if (fullFeature !== undefined) await this.#leave(fullFeature, closed);
    this.#link.fail(closed);
    // What lost its connection meanwhile waits again, and will not be served any more.
    this.#queue.failAll(closed);
    this.#cancelTick?.();
    this.#opening.reject(closed);
  }

  /** Waits until nothing is at work, logs out and ends the connection. */
  async #leave(fullFeature: FullFeature, reason: InitiatorError): Promise<void> {
    this.#queue.hold();
    const { connection, exchanges } = fullFeature;
    while (this.#queue.runningCount > 0 && !connection.ended) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    if (connection.ended) return;
    const cut = this.#clock.setTimer(LOGOUT_TIMEOUT_MS, () => connection.fail(reason));
    // A connection that breaks here has ended the session as well.
    await exchanges.logout().catch(() => undefined);
    cut();
    connection.finish(reason);
  }

  #tellIdle(): void {
    for (const waiter of this.#idle.splice(0)) waiter();
  }

  #up(fullFeature: FullFeature): void {
    if (this.#state === 'closed') return;
    this.#fullFeature = fullFeature;
    this.#state = 'ready';
    this.#reconnector.succeeded();
    this.#keepalive.started(this.#clock.nowMs());
    this.#queue.attach(fullFeature);
    this.#opening.resolve();
  }

  #down(error: InitiatorError): void {
    const wasUp = this.#fullFeature !== undefined;
    this.#fullFeature = undefined;
    this.#queue.detach();
    this.#tellIdle();
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

  /** The connection, at once or as soon as there is one again. */
  async #connected(): Promise<FullFeature> {
    for (;;) {
      const refused = this.#refusal();
      if (refused !== undefined) throw refused;
      if (this.#fullFeature !== undefined) return this.#fullFeature;
      await this.#reconnector.next;
    }
  }

  #refusal(): InitiatorError | undefined {
    if (this.#state === 'closed') return new InitiatorError({ code: 'INITIATOR_CLOSED' });
    return this.#state === 'failed' ? this.#error : undefined;
  }

  #onAsync(message: AsyncMessagePdu): void {
    const fullFeature = this.#fullFeature as FullFeature;
    log('asynchronous message, event %d', message.asyncEvent);
    switch (message.asyncEvent) {
      case AsyncEvent.SCSI_EVENT: {
        const sense = parseSense(splitSense(message.data).sense);
        if (sense === undefined) return;
        for (const listener of [...this.#unitListeners]) listener({ lun: message.lun.slice(), sense });
        return;
      }
      case AsyncEvent.LOGOUT_REQUEST:
        void this.#leave(fullFeature, connectionLost('the target asked for a logout'));
        return;
      case AsyncEvent.CONNECTION_DROP:
      case AsyncEvent.SESSION_DROP:
        // RFC 7143 §11.9.1: come back no sooner than Parameter2 seconds from now.
        this.#reconnector.waitAtLeast(message.parameter2 * 1000);
        fullFeature.connection.fail(connectionLost('the target dropped the session'));
        return;
      default:
        // RFC 7143 §11.9.1, negotiation request: an empty exchange gives the target its turn to speak.
        if (message.asyncEvent === AsyncEvent.NEGOTIATION_REQUEST) {
          fullFeature.exchanges.text([]).catch(() => undefined);
        }
    }
  }

  #tickLater(): void {
    this.#cancelTick = this.#clock.setTimer(TICK_MS, () => {
      this.#tickLater();
      const nowMs = this.#clock.nowMs();
      this.#queue.tick(nowMs);
      if (this.#fullFeature !== undefined) this.#keepalive.tick(this.#fullFeature, nowMs);
      this.#fullFeature?.tick(nowMs);
    });
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function deferred(): Deferred<void> {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  // Whoever did not ask for the outcome of the opening is told by the commands.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
