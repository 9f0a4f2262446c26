import { AsyncEvent, LoginStatus } from '@lunbox/iscsi-pdu';
import { decodeLun, type Nexus } from '@lunbox/scsi';
import createDebug from 'debug';
import { BufferPool } from './buffer-pool.ts';
import { Connection, type ConnectionOwner, type Phase } from './connection.ts';
import { TargetError } from './errors.ts';
import { FullFeaturePhase, type SessionOwner } from './full-feature-phase.ts';
import { DEFAULT_LIMITS, type TargetLimits } from './limits.ts';
import { LoginError } from './login-error.ts';
import type { LoginNames } from './login-negotiation.ts';
import { LoginPhase, type LoginAuthority, type LoginResult } from './login-phase.ts';
import { SlabPool } from './outbox.ts';
import type { SendTargetsContext } from './send-targets.ts';
import { Session } from './session.ts';
import { PORTAL_GROUP_TAG, checkTarget, type TargetOptions } from './target.ts';
import type { Task } from './task.ts';
import type { Endpoint, Transport } from './transport.ts';

const log = createDebug('lunbox:iscsi-target:engine');

const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

/** What a session looks like from outside. */
export interface SessionStatus {
  readonly tsih: number;
  readonly initiatorName: string;
  /** Undefined for a discovery session. */
  readonly targetName: string | undefined;
  readonly remote: Endpoint;
  /** Commands at work. */
  readonly tasks: number;
}

/**
 * The iSCSI target without sockets, clock or random numbers: connections are accepted from transports, time
 * comes in by {@link TargetEngine.tick}. Several targets share it; each is reached through every portal.
 */
export class TargetEngine implements ConnectionOwner, LoginAuthority, SessionOwner {
  readonly limits: TargetLimits;
  readonly slabs: SlabPool = new SlabPool();
  readonly pool: BufferPool = new BufferPool();
  readonly #targets = new Map<string, TargetOptions>();
  readonly #connections = new Set<Connection>();
  readonly #phases = new Map<Session, FullFeaturePhase>();
  readonly #portals: Endpoint[] = [];
  #nextTsih = 0;
  #draining = false;
  #collected: Task[] | undefined = undefined;

  /**
   * @throws TargetError `TARGET_NAME_INVALID` or `TARGET_NAME_DUPLICATE`.
   */
  constructor(targets: readonly TargetOptions[], limits: Partial<TargetLimits> = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    for (const target of targets) {
      if (this.#targets.has(target.name)) {
        throw new TargetError({ code: 'TARGET_NAME_DUPLICATE', name: target.name });
      }
      this.#targets.set(target.name, checkTarget(target));
    }
  }

  /** Sessions in full feature phase. */
  get sessions(): SessionStatus[] {
    return [...this.#phases].map(([session, phase]) => ({
      tsih: session.identity.tsih,
      initiatorName: session.identity.initiatorName,
      targetName: session.identity.targetName,
      remote: phase.connection.transport.remote,
      tasks: session.tasks.size,
    }));
  }

  /** Open connections, those still logging in included. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Names an address at which connections come in, for SendTargets. */
  addPortal(portal: Endpoint): void {
    this.#portals.push(portal);
  }

  /** Takes a new connection; undefined when there are too many, or the target is going down: the caller closes it. */
  accept(transport: Transport, nowMs: number): Connection | undefined {
    if (this.#draining || this.#connections.size >= this.limits.maxConnections) return undefined;
    const connection = new Connection(this, transport, nowMs);
    connection.enter(new LoginPhase(connection, this));
    this.#connections.add(connection);
    return connection;
  }

  /** Time passes: call it about once a second. */
  tick(nowMs: number): void {
    for (const connection of [...this.#connections]) connection.tick(nowMs);
  }

  /**
   * Goes down in order: no new connections and logins, and every session is asked to log out (RFC 7143 §11.9,
   * event 1). What is running goes on; see {@link TargetEngine.connectionCount} for who is left.
   */
  drain(logoutWithinS: number): void {
    this.#draining = true;
    for (const connection of [...this.#connections]) {
      const phase = [...this.#phases.values()].find((candidate) => candidate.connection === connection);
      if (phase === undefined) connection.fail();
      else this.#sendAsync(connection, AsyncEvent.LOGOUT_REQUEST, logoutWithinS);
    }
  }

  /** True while a session has commands at work. */
  get busy(): boolean {
    return [...this.#phases.keys()].some((session) => session.tasks.size > 0);
  }

  /** Ends the connections that are left, telling their initiators that the sessions are dropped (event 3). */
  stop(): void {
    for (const connection of [...this.#connections]) {
      this.#sendAsync(connection, AsyncEvent.SESSION_DROP, 0);
      connection.finish();
    }
  }

  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
  }

  sessionClosed(session: Session): void {
    this.#phases.delete(session);
  }

  authorize(names: LoginNames): string | undefined {
    if (this.#draining) throw new LoginError(LoginStatus.SERVICE_UNAVAILABLE, 'going down');
    if (names.discovery) return undefined;
    const target = this.#targets.get(names.targetName as string);
    if (target === undefined) throw new LoginError(LoginStatus.NOT_FOUND, `no target ${names.targetName}`);
    return target.alias;
  }

  establish(connection: Connection, login: LoginResult): { tsih: number; phase: Phase } {
    const existing = this.#find(login);
    if (login.tsih !== 0) {
      // One connection per session is what MaxConnections=1 agreed on; a TSIH without its session is stale.
      const status =
        existing === undefined ? LoginStatus.SESSION_DOES_NOT_EXIST : LoginStatus.TOO_MANY_CONNECTIONS;
      throw new LoginError(status, `TSIH ${login.tsih}`);
    }
    // RFC 7143 §6.3.5: the same initiator port logs in again, so its old session is over (T-L9).
    if (existing !== undefined) existing.connection.fail();
    if (this.#phases.size >= this.limits.maxSessions) {
      throw new LoginError(LoginStatus.OUT_OF_RESOURCES, 'too many sessions');
    }
    const session = this.#newSession(login);
    const phase = new FullFeaturePhase(connection, session, this);
    this.#phases.set(session, phase);
    log('session %d: %s logged in to %s', session.identity.tsih, login.initiatorName, login.targetName);
    return { tsih: session.identity.tsih, phase };
  }

  sendTargetsContext(connection: Connection, session: Session): SendTargetsContext {
    const { local } = connection.transport;
    const others = this.#portals.filter((portal) => alsoReachable(portal, local));
    return {
      sessionTarget: session.identity.targetName,
      targetNames: [...this.#targets.keys()],
      portals: [local, ...others],
    };
  }

  collectAborted(reset: () => void): Task[] {
    const collected: Task[] = [];
    this.#collected = collected;
    reset();
    this.#collected = undefined;
    return collected;
  }

  dropSessions(targetName: string | undefined): void {
    for (const [session, phase] of [...this.#phases]) {
      if (session.identity.targetName === targetName) phase.connection.finish();
    }
  }

  #newSession(login: LoginResult): Session {
    const { initiatorName, targetName, isid } = login;
    const identity = { initiatorName, targetName, isid, tsih: this.#takeTsih() };
    const nexus = targetName === undefined ? undefined : this.#openNexus(login, targetName, () => session);
    const session: Session = new Session(
      identity,
      login.parameters,
      nexus,
      login.firstCmdSn,
      this.limits.queueDepth,
    );
    return session;
  }

  #openNexus(login: LoginResult, targetName: string, session: () => Session): Nexus {
    const target = this.#targets.get(targetName) as TargetOptions;
    return target.scsi.openNexus({
      initiatorPort: `${login.initiatorName},i,0x${login.isid}`,
      targetName,
      relativePort: 1,
      portalGroupTag: PORTAL_GROUP_TAG,
      onTasksAborted: (lun) => {
        const aborted = session().abort((task) => decodeLun(task.lun) === lun);
        this.#collected?.push(...aborted);
      },
    });
  }

  /** The session of the same initiator port with the same target (RFC 7143 §6.3.1): name, ISID and, if given, TSIH. */
  #find(login: LoginResult): FullFeaturePhase | undefined {
    for (const [{ identity }, phase] of this.#phases) {
      const samePort = identity.initiatorName === login.initiatorName && identity.isid === login.isid;
      const sameTarget = identity.targetName === login.targetName;
      if (samePort && sameTarget && (login.tsih === 0 || login.tsih === identity.tsih)) return phase;
    }
    return undefined;
  }

  #takeTsih(): number {
    const used = new Set([...this.#phases.keys()].map((session) => session.identity.tsih));
    do this.#nextTsih = (this.#nextTsih % 0xffff) + 1;
    while (used.has(this.#nextTsih));
    return this.#nextTsih;
  }

  #sendAsync(connection: Connection, asyncEvent: number, parameter3: number): void {
    connection.send({
      type: 'async-message',
      lun: NO_LUN,
      asyncEvent,
      asyncVCode: 0,
      parameter1: 0,
      parameter2: 0,
      parameter3,
      data: EMPTY,
      ...connection.numbers(),
    });
  }
}

/** Another portal is worth naming when it has an address of its own and is no more private than the one in use. */
function alsoReachable(portal: Endpoint, local: Endpoint): boolean {
  const wildcard = portal.address === '0.0.0.0' || portal.address === '::';
  const same = portal.address === local.address && portal.port === local.port;
  return !wildcard && !same && isLoopback(portal.address) === isLoopback(local.address);
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
