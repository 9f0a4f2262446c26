import { LogoutReason, LogoutResult, serialLess } from '@lunbox/iscsi-pdu';
import type { Clock } from '@lunbox/block';
import createDebug from 'debug';
import type { Backoff } from './backoff.ts';
import { connectionLost, type InitiatorError } from './errors.ts';
import type { FullFeature } from './full-feature.ts';
import type { LoginOutcome } from './login-attempt.ts';
import type { CommandWindow } from './numbering.ts';
import type { SessionParameters } from './parameters.ts';
import { isFinal } from './reconnector.ts';
import type { Task } from './task.ts';
import type { Portal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:recovery');

/** How long the logout of a connection may take whose commands are not recovered. */
const CLEANUP_MS = 15_000;

/** A connection that broke, and the commands that were allegiant to it. */
export interface LostConnection {
  readonly cid: number;
  readonly portal: Portal;
  /** The last that was acknowledged on it (RFC 7143 §11.14.4). */
  readonly expStatSn: number;
  readonly tasks: readonly Task[];
  /** Why it broke; what commands end with that cannot go on. */
  readonly error: InitiatorError;
  /** What the target said when it dropped the connection (RFC 7143 §7.5.2). */
  readonly times: DropTimes | undefined;
}

/** When recovery may begin, and how long it may take after that, in seconds. */
export interface DropTimes {
  readonly time2WaitS: number;
  readonly time2RetainS: number;
}

/** What recovery needs of the session. */
export interface RecoveryHost {
  readonly parameters: SessionParameters;
  readonly window: CommandWindow;
  readonly backoff: Backoff;
  members(): readonly FullFeature[];
  /** The connection for a command. */
  pick(): FullFeature | undefined;
  /** Logs in with the CID of a connection that is gone (RFC 7143 §6.3.4). */
  reinstate(lost: LostConnection, outcome: LoginOutcome): void;
  /** A command goes on by another connection. */
  moved(task: Task): void;
  /** Nothing is left to be done for a lost connection. */
  recovered(): void;
  /** The session is beyond recovery. */
  giveUp(error: InitiatorError): void;
}

/** One lost connection on its way. */
interface Case {
  readonly lost: LostConnection;
  readonly tasks: readonly Task[];
  state: 'waiting' | 'ready' | 'at-work';
  /** How often its logout by another connection has failed. */
  failures: number;
  cancelTimer: () => void;
  readonly cancelDeadline: () => void;
}

/**
 * Cleans up after connections that were lost (RFC 7143 §7.1.4.3, §7.14): logs each out, by another connection or by a
 * login with its CID, and goes on with its commands elsewhere. A command that the target has never received is sent
 * again under its CmdSN, which closes the gap in the order. One that it has received is reassigned at
 * ErrorRecoveryLevel 2, and ends with a definite error below that, when the target can do nothing more of it.
 */
export class ConnectionRecovery {
  readonly #host: RecoveryHost;
  readonly #clock: Clock;
  /** ErrorRecoveryLevel 2: commands go on by another connection. */
  readonly #reassigns: boolean;
  readonly #cases = new Set<Case>();
  #reinstating = false;
  #stopped = false;

  constructor(host: RecoveryHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    const { errorRecoveryLevel, time2RetainS } = host.parameters;
    this.#reassigns = errorRecoveryLevel === 2 && time2RetainS > 0;
  }

  /** True while there is something to be cleaned up. */
  get busy(): boolean {
    return this.#cases.size > 0;
  }

  /** True when the CID is still to be logged out. */
  knows(cid: number): boolean {
    return [...this.#cases].some(({ lost }) => lost.cid === cid);
  }

  /** True when a command that waits here has this Initiator Task Tag. */
  holdsTag(tag: number): boolean {
    for (const { tasks } of this.#cases)
      for (const task of tasks) if (task.initiatorTaskTag === tag) return true;
    return false;
  }

  /**
   * A connection is lost; `alone` when it was the last. False when the session is over with it: the caller ends the
   * commands.
   */
  take(lost: LostConnection, alone: boolean): boolean {
    if (alone && !this.#reassigns) return false;
    const { window, parameters } = this.#host;
    // Below level 2, what the target has received ends where its connection ended. What changes nothing ends at once;
    // the rest may still be at work in the target, and must not come after what its caller sends next elsewhere.
    const over = ({ cmdSn, request }: Task): boolean =>
      !this.#reassigns && request.read !== undefined && window.acknowledged(cmdSn);
    // RFC 7143 §7.5: nothing is tried before Time2Wait, and all must be done in Time2Retain after that.
    const { time2WaitS, time2RetainS } = lost.times ?? parameters;
    const waitMs = time2WaitS * 1000;
    const leftMs = this.#reassigns ? time2RetainS * 1000 : CLEANUP_MS;
    const begin = (): void => {
      entry.state = 'ready';
      this.#cleanUp(entry);
    };
    const giveUp = (): void => this.#host.giveUp(connectionLost('not recovered in time', lost.error));
    const entry: Case = {
      lost,
      tasks: lost.tasks.filter((task) => !over(task)).sort(byCmdSn),
      state: 'waiting',
      failures: 0,
      cancelTimer: this.#clock.setTimer(waitMs, begin),
      cancelDeadline: this.#clock.setTimer(waitMs + leftMs, giveUp),
    };
    this.#cases.add(entry);
    for (const task of lost.tasks) if (over(task)) task.end(lost.error);
    return true;
  }

  /** There is a connection: what waited for some connection goes on. */
  proceed(): void {
    for (const entry of [...this.#cases]) this.#cleanUp(entry);
  }

  /** The session is over: what waits here ends. */
  stop(error: InitiatorError): void {
    this.#stopped = true;
    for (const entry of [...this.#cases]) {
      this.#close(entry);
      for (const task of entry.tasks) task.end(error);
    }
  }

  /** Begins, unless it has begun or may not yet. Without any connection one is made, and the others wait for it. */
  #cleanUp(entry: Case): void {
    if (entry.state !== 'ready') return;
    const [via] = this.#host.members();
    if (via !== undefined) void this.#logOut(entry, via);
    else if (!this.#reinstating) this.#reinstate(entry);
  }

  /** A login with the old CID logs it out by itself (RFC 7143 §11.14, implicit logout). */
  #reinstate(entry: Case): void {
    this.#reinstating = true;
    entry.state = 'at-work';
    this.#host.reinstate(entry.lost, {
      up: () => {
        this.#reinstating = false;
        this.#resume(entry);
      },
      down: (error) => {
        this.#reinstating = false;
        if (this.#stopped) return;
        if (isFinal(error)) return this.#host.giveUp(connectionLost('the session is gone', error));
        log('connection %d is not reinstated: %s', entry.lost.cid, error.message);
        this.#tryLater(entry);
      },
    });
  }

  async #logOut(entry: Case, via: FullFeature): Promise<void> {
    const { cid, expStatSn } = entry.lost;
    entry.state = 'at-work';
    const reason = this.#reassigns
      ? LogoutReason.REMOVE_CONNECTION_FOR_RECOVERY
      : LogoutReason.CLOSE_CONNECTION;
    try {
      const { response } = await via.exchanges.logout({ reason, cid, expStatSn });
      if (this.#stopped) return;
      if (isLoggedOut(response)) this.#resume(entry);
      else this.#host.giveUp(connectionLost(`the logout of connection ${cid} was answered with ${response}`));
    } catch (error) {
      log('the logout of connection %d failed: %s', cid, (error as Error).message);
      if (this.#stopped) return;
      // The connection that asked is lost as well; another one asks at once, and from then on they take their time.
      if (entry.failures++ > 0) return this.#tryLater(entry);
      entry.state = 'ready';
      this.#cleanUp(entry);
    }
  }

  /** Tries follow each other with growing pauses, until the time for all of them is over. */
  #tryLater(entry: Case): void {
    if (!this.#cases.has(entry)) return;
    entry.cancelTimer = this.#clock.setTimer(this.#host.backoff.next(), () => {
      entry.state = 'ready';
      this.#cleanUp(entry);
    });
  }

  #resume(entry: Case): void {
    this.#close(entry);
    log('connection %d is logged out; %d commands go on', entry.lost.cid, entry.tasks.length);
    for (const task of entry.tasks) this.#goOn(task, entry.lost.error);
    this.proceed();
    this.#host.recovered();
  }

  #goOn(task: Task, error: InitiatorError): void {
    const via = this.#host.pick();
    const isNew = !this.#host.window.acknowledged(task.cmdSn);
    if (via === undefined || (!isNew && !this.#reassigns)) return task.end(error);
    if (isNew) via.reissue(task);
    // A connection that is lost again takes its commands here again.
    else via.reassign(task).catch(() => undefined);
    this.#host.moved(task);
  }

  #close(entry: Case): void {
    entry.cancelTimer();
    entry.cancelDeadline();
    this.#cases.delete(entry);
  }
}

/** True for an answer after which a connection needs no other logout (RFC 7143 §11.15.1). */
export function isLoggedOut(response: number | undefined): boolean {
  // A CID that the target does not know any more is logged out as well as it can be.
  return response === LogoutResult.CLOSED || response === LogoutResult.CID_NOT_FOUND;
}

function byCmdSn(a: Task, b: Task): number {
  return serialLess(a.cmdSn, b.cmdSn) ? -1 : 1;
}
