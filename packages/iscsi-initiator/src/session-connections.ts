import { LogoutReason } from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { Backoff } from './backoff.ts';
import {
  ConnectionRecovery,
  isLoggedOut,
  type DropTimes,
  type LostConnection,
  type RecoveryHost,
} from './connection-recovery.ts';
import { idleWithin } from './connection-idle.ts';
import { connectionLost, type InitiatorError, isFormatError, optionsError } from './errors.ts';
import type { FullFeature, FullFeatureEvents } from './full-feature.ts';
import { LoginAttempt, type LoginOutcome, type LoginPlace, type LoginSurroundings } from './login-attempt.ts';
import { CommandWindow } from './numbering.ts';
import type { SessionParameters } from './parameters.ts';
import { SessionIdentity } from './session-identity.ts';
import type { SessionOptions, SessionSeams } from './session-options.ts';
import type { Task } from './task.ts';
import type { Portal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:connections');

/** How long a target may take over a logout before the connection is cut. */
const LOGOUT_TIMEOUT_MS = 3000;
const CID_MASK = 0xffff;

/** What the connections tell their session. */
export interface ConnectionsEvents extends FullFeatureEvents {
  /** There is a connection for commands: in a new session, or in the old one that goes on. */
  up(isNewSession: boolean): void;
  /** The last connection is lost, and the session waits for another to go on with. */
  suspended(): void;
  /** The session is over, or a try to get one failed. Tasks have been told before. */
  down(error: InitiatorError): void;
  /** A command goes on by another connection. */
  taskMoved(task: Task): void;
}

/** A connection on its way. */
export interface AddedConnection {
  readonly attempt: LoginAttempt;
  /** Resolves with its CID. */
  readonly joined: Promise<number>;
}

/** The session that there is at the moment. */
interface Session {
  readonly tsih: number;
  readonly window: CommandWindow;
  readonly parameters: SessionParameters;
}

/**
 * The connections of a session (RFC 7143 §4.2.1): they are made, get commands, are replaced when they are lost, and
 * recovered where ErrorRecoveryLevel 2 was agreed. With the last one that cannot be recovered the session ends.
 */
export class SessionConnections {
  readonly identity: SessionIdentity;
  readonly #seams: SessionSeams;
  readonly #events: ConnectionsEvents;
  readonly #surroundings: LoginSurroundings;
  readonly #backoff: Backoff;
  readonly #attempts = new Set<LoginAttempt>();
  /** In full feature phase. */
  #members: FullFeature[] = [];
  /** Those that take commands. */
  #usable: FullFeature[] = [];
  #session: Session | undefined;
  #recovery: ConnectionRecovery | undefined;
  readonly #dropTimes = new WeakMap<FullFeature, DropTimes>();
  #wanted: number;
  #joining = 0;
  #nextCid = 0;
  #nextTag = 0;
  #cancelTopUp: (() => void) | undefined;
  #leaving: Promise<void> | undefined;

  /** @throws InitiatorError `INITIATOR_OPTIONS`. */
  constructor(options: SessionOptions, seams: SessionSeams, events: ConnectionsEvents) {
    this.identity = new SessionIdentity(options, seams);
    this.#seams = seams;
    this.#events = events;
    this.#wanted = options.connections ?? 1;
    this.#backoff = new Backoff(options.reconnect ?? {}, seams.random);
    const newTag = (): number => this.#newTag();
    this.#surroundings = { identity: this.identity, seams, events, newTag };
  }

  /** Connections in full feature phase. */
  get members(): readonly FullFeature[] {
    return this.#members;
  }

  /** Stands for the session that there is; another one has another. */
  get current(): object | undefined {
    return this.#session;
  }

  /** Connections that take commands. */
  get usableCount(): number {
    return this.#usable.length;
  }

  /** What holds in the session; undefined when there is none. */
  get parameters(): SessionParameters | undefined {
    return this.#members[0]?.parameters ?? this.#session?.parameters;
  }

  /** True when another command may be sent. */
  get windowOpen(): boolean {
    return this.#session !== undefined && this.#session.window.open;
  }

  /** The connection for the next command: the one with the fewest at work. Undefined when there is none. */
  pick(): FullFeature | undefined {
    const [first] = this.#usable;
    if (first === undefined || this.#usable.length === 1) return first;
    return this.#usable.reduce((least, other) => (other.tasks.size < least.tasks.size ? other : least));
  }

  /** Tries once to get a new session; `up` or `down` follows. */
  lead(): void {
    const window = new CommandWindow(1);
    this.#nextCid = 0;
    const place = { cid: this.#newCid(), tsih: 0, window, session: undefined };
    this.#login(this.identity.portal, place, {
      up: (fullFeature, tsih) => {
        const { parameters } = fullFeature;
        this.#session = { tsih, window, parameters };
        this.#recovery = new ConnectionRecovery(this.#recoveryHost(this.#session), this.#seams.clock);
        this.#backoff.reset();
        this.#joined(fullFeature);
        this.#events.up(true);
        this.topUp();
      },
      down: (error) => this.#events.down(error),
    });
  }

  /** The connection for a request that is no command. One that leaves may be logged out before the answer comes. */
  get forRequests(): FullFeature | undefined {
    return this.#members.find(({ leaving }) => !leaving) ?? this.#members[0];
  }

  /**
   * Adds a connection, which the session keeps from now on; undefined without a session.
   *
   * @throws InitiatorError `INITIATOR_OPTIONS` when MaxConnections is reached.
   */
  add(portal: Portal | undefined): AddedConnection | undefined {
    const session = this.#session;
    if (session === undefined) return undefined;
    const limit = session.parameters.maxConnections;
    if (this.#members.length + this.#joining >= limit) {
      throw optionsError(`MaxConnections is ${limit}`);
    }
    this.#wanted++;
    let attempt!: LoginAttempt;
    const joined = new Promise<number>((resolve, reject) => {
      attempt = this.#join(session, portal, {
        up: ({ cid }) => resolve(cid),
        down: (error) => {
          this.#wanted--;
          reject(error);
        },
      });
    });
    return { attempt, joined };
  }

  /** Takes a connection out of the session when its commands have ended. The session keeps one less from now on. */
  async remove(cid: number): Promise<void> {
    // One that is leaving already has been counted.
    const leaving = this.#usable.find((member) => member.cid === cid);
    if (leaving === undefined || this.#usable.length === 1) {
      throw optionsError(`connection ${cid} cannot be removed`);
    }
    this.#wanted = Math.max(1, this.#wanted - 1);
    await this.retire(leaving, connectionLost('removed'));
  }

  /**
   * Logs one connection out after its commands (RFC 7143 §11.14.1, "close the connection"). Those that are not through
   * within `withinMs` end with it.
   */
  async retire(leaving: FullFeature, reason: InitiatorError, withinMs?: number): Promise<void> {
    leaving.leaving = true;
    this.#usable = this.#usable.filter((member) => member !== leaving);
    await idleWithin(leaving, this.#seams.clock, withinMs);
    const response = await this.#logOut(leaving, LogoutReason.CLOSE_CONNECTION, reason);
    // What is logged out needs no recovery; what the target could not clean up is logged out by another connection.
    if (isLoggedOut(response)) this.#members = this.#members.filter((member) => member !== leaving);
    leaving.connection.finish(reason);
    this.topUp();
  }

  /** Logs the session out and ends it, and with it what is still at work; `down` follows. */
  leave(reason: InitiatorError): Promise<void> {
    this.#leaving ??= this.#leave(reason).finally(() => {
      this.#leaving = undefined;
    });
    return this.#leaving;
  }

  async #leave(reason: InitiatorError): Promise<void> {
    for (const member of this.#members) member.leaving = true;
    const [via] = this.#members;
    if (via !== undefined) await this.#logOut(via, LogoutReason.CLOSE_SESSION, reason);
    this.end(reason, true);
  }

  /** Ends the session, and every try to get one. `down` follows when there was something. */
  end(error: InitiatorError, orderly = false): void {
    const session = this.#session;
    const members = this.#members;
    this.#session = undefined;
    this.#members = [];
    this.#usable = [];
    this.#cancelTopUp?.();
    this.#recovery?.stop(error);
    this.#recovery = undefined;
    for (const attempt of this.#attempts) attempt.fail(error);
    for (const { connection } of members) {
      if (orderly) connection.finish(error);
      else connection.fail(error);
    }
    if (session !== undefined) this.#events.down(error);
  }

  /** The target drops a connection (RFC 7143 §11.9.1), and says when to recover from that. */
  drop(member: FullFeature, times: DropTimes, error: InitiatorError): void {
    this.#dropTimes.set(member, times);
    member.connection.fail(error);
  }

  /** Makes connections until there are as many as wanted. */
  topUp(): void {
    const session = this.#session;
    if (session === undefined || this.#recovery?.busy !== false) return;
    const most = Math.min(this.#wanted, session.parameters.maxConnections);
    while (this.#members.length + this.#joining < most) {
      this.#join(session, undefined, {
        up: () => undefined,
        down: (error) => {
          log('no further connection: %s', error.message);
          this.#topUpLater();
        },
      });
    }
  }

  /** Time passes. */
  tick(nowMs: number): void {
    for (const member of [...this.#members]) member.tick(nowMs);
  }

  #topUpLater(): void {
    if (this.#session === undefined) return;
    this.#cancelTopUp?.();
    this.#cancelTopUp = this.#seams.clock.setTimer(this.#backoff.next(), () => this.topUp());
  }

  #join(session: Session, portal: Portal | undefined, outcome: LoginOutcome): LoginAttempt {
    const { tsih, window, parameters } = session;
    const place = { cid: this.#newCid(), tsih, window, session: parameters };
    const where = portal ?? this.#members[0]?.connection.portal ?? this.identity.portal;
    this.#joining++;
    return this.#login(where, place, {
      up: (fullFeature) => {
        this.#joining--;
        this.#backoff.reset();
        this.#joined(fullFeature);
        outcome.up(fullFeature, tsih);
        // The others may all have been lost while this one logged in.
        this.#events.up(false);
        this.#recovery?.proceed();
      },
      down: (error) => {
        this.#joining--;
        outcome.down(error, undefined);
      },
    });
  }

  #login(portal: Portal, place: LoginPlace, outcome: LoginOutcome): LoginAttempt {
    const attempt = new LoginAttempt(this.#surroundings, portal, place, {
      up: (fullFeature, tsih) => {
        this.#attempts.delete(attempt);
        outcome.up(fullFeature, tsih);
      },
      down: (error, fullFeature) => {
        this.#attempts.delete(attempt);
        if (fullFeature === undefined) outcome.down(error, undefined);
        else this.#lost(fullFeature, error);
      },
    });
    this.#attempts.add(attempt);
    return attempt;
  }

  #joined(fullFeature: FullFeature): void {
    this.#members.push(fullFeature);
    this.#usable.push(fullFeature);
    log('connection %d is up', fullFeature.cid);
  }

  #lost(fullFeature: FullFeature, error: InitiatorError): void {
    const { cid, connection, expStatSn } = fullFeature;
    log('connection %d is lost: %s', cid, error.message);
    const tasks = fullFeature.tasks.takeAll();
    const wasMember = this.#members.includes(fullFeature);
    this.#members = this.#members.filter((member) => member !== fullFeature);
    this.#usable = this.#usable.filter((member) => member !== fullFeature);
    if (!wasMember || this.#recovery === undefined) {
      for (const task of tasks) task.end(error);
      return;
    }
    // RFC 7143 §7.7: a format error is nothing that the rest of the session could go on after.
    if (isFormatError(error)) {
      for (const task of tasks) task.end(error);
      this.end(error);
      return;
    }
    const times = this.#dropTimes.get(fullFeature);
    const lost: LostConnection = { cid, portal: connection.portal, expStatSn, tasks, error, times };
    const alone = this.#members.length === 0;
    if (!this.#recovery.take(lost, alone)) {
      for (const task of tasks) task.end(error);
      this.end(error);
    } else if (alone) this.#events.suspended();
  }

  #recoveryHost(session: Session): RecoveryHost {
    const { parameters, window, tsih } = session;
    return {
      parameters,
      window,
      members: () => this.#members,
      pick: () => this.pick() ?? this.#members[0],
      reinstate: ({ cid, portal }, outcome) => {
        const place = { cid, tsih, window, session: parameters };
        this.#login(portal, place, {
          up: (fullFeature) => {
            this.#joined(fullFeature);
            outcome.up(fullFeature, tsih);
            this.#events.up(false);
          },
          down: (error) => outcome.down(error, undefined),
        });
      },
      backoff: this.#backoff,
      moved: (task) => this.#events.taskMoved(task),
      recovered: () => this.topUp(),
      giveUp: (error) => this.end(error),
    };
  }

  /** Resolves with the answer (RFC 7143 §11.15.1); undefined when there is none. */
  async #logOut(via: FullFeature, reason: number, error: InitiatorError): Promise<number | undefined> {
    if (via.connection.ended) return undefined;
    const cut = this.#seams.clock.setTimer(LOGOUT_TIMEOUT_MS, () => via.connection.fail(error));
    // A connection that breaks here is gone as well.
    const answer = await via.exchanges.logout({ reason, cid: via.cid }).catch(() => undefined);
    cut();
    return answer?.response;
  }

  #newCid(): number {
    const inUse = (cid: number): boolean =>
      this.#members.some((member) => member.cid === cid) || this.#recovery?.knows(cid) === true;
    let cid = this.#nextCid;
    while (inUse(cid)) cid = (cid + 1) & CID_MASK;
    this.#nextCid = (cid + 1) & CID_MASK;
    return cid;
  }

  /** Initiator Task Tags are unique among what is outstanding in the session (RFC 7143 §11.2.1.8). */
  #newTag(): number {
    do this.#nextTag = (this.#nextTag + 1) & 0x7fffffff;
    while (this.#tagInUse(this.#nextTag));
    return this.#nextTag;
  }

  #tagInUse(tag: number): boolean {
    for (const { tasks } of this.#members) if (tasks.get(tag) !== undefined) return true;
    return this.#recovery?.holdsTag(tag) === true;
  }
}
