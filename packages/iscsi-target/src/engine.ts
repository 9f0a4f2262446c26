import { normalizeIscsiName } from '@lunbox/iscsi-pdu';
import { announceSessionDrop, askForLogout, askForNegotiation } from './async-message.ts';
import type { AccessEntry, DiscoveryEntry } from './auth/access-entry.ts';
import { Admission, type SecurityOptions } from './auth/admission.ts';
import { checkLimits } from './check-limits.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import { TargetError } from './errors.ts';
import { callHook, type TargetHooks } from './hooks.ts';
import { DEFAULT_LIMITS, type TargetLimits } from './limits.ts';
import { LoginPhase } from './login-phase.ts';
import { SlabPool } from './outbox.ts';
import type { Session } from './session.ts';
import { SessionRegistry } from './session-registry.ts';
import { sessionStatus, type SessionStatus } from './session-status.ts';
import type { TargetOptions } from './target.ts';
import { TargetDirectory } from './target-directory.ts';
import { whenAllEnded } from './task.ts';
import type { CommandObserver } from './trace/command-observer.ts';
import type { Portal, Transport } from './transport.ts';

/** What a {@link TargetEngine} may be given besides targets and limits. */
export interface EngineOptions {
  readonly hooks?: TargetHooks;
  /** How initiators prove who they are. */
  readonly security?: SecurityOptions;
  /** Hears of every SCSI command. */
  readonly observer?: CommandObserver;
}

/** The engine's end of one connection: whoever moves the bytes calls it. */
export interface TargetConnection {
  /** Takes bytes from the network; `chunk` may be used again afterwards. `nowMs` never goes back. */
  receive(chunk: Uint8Array, nowMs: number): void;
  /** The network says that the connection is gone. */
  disconnected(): void;
}

/**
 * The iSCSI target without sockets, clock or random numbers: connections are accepted from transports, time
 * comes in by {@link TargetEngine.tick}. Several targets share it; each is reached through every portal.
 */
export class TargetEngine {
  readonly #limits: TargetLimits;
  readonly #owner: ConnectionOwner;
  readonly #registry: SessionRegistry;
  readonly #admission: Admission;
  readonly #connections = new Set<Connection>();

  /**
   * @throws TargetError `LIMIT_INVALID`, `TARGET_NAME_INVALID`, `TARGET_NAME_DUPLICATE`, `ACCESS_INVALID` or
   * `CHAP_UNAVAILABLE`.
   */
  constructor(
    targets: readonly TargetOptions[],
    limits: Partial<TargetLimits> = {},
    options: EngineOptions = {},
  ) {
    checkLimits(limits);
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    const directory = new TargetDirectory(targets);
    this.#admission = new Admission(directory.targets, options.security ?? {}, this.#limits);
    this.#registry = new SessionRegistry(directory, this.#limits, options.hooks ?? {}, this.#admission);
    this.#owner = {
      limits: this.#limits,
      slabs: new SlabPool(),
      observer: options.observer,
      connectionClosed: (connection) => this.#closed(connection, options.hooks),
    };
  }

  /** Sessions in full feature phase. */
  get sessions(): SessionStatus[] {
    return this.#registry.sessions.map(sessionStatus);
  }

  /** Open connections, those still logging in included. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** True while a session has commands at work. */
  get busy(): boolean {
    return this.#registry.sessions.some(({ tasks }) => tasks.size > 0);
  }

  /**
   * Replaces the access list of a target, as to change a secret; sessions that are there stay.
   *
   * @throws TargetError `TARGET_NAME_INVALID` when there is no such target, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`.
   */
  setAccess(targetName: string, access: readonly AccessEntry[]): void {
    this.#admission.setAccess(targetName, access);
  }

  /**
   * Serves another target from now on; it is reached through every portal.
   *
   * @throws TargetError `TARGET_NAME_INVALID`, `TARGET_NAME_DUPLICATE`, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`.
   */
  addTarget(options: TargetOptions): void {
    const { directory } = this.#registry;
    const target = directory.check(options);
    this.#admission.addTarget(target);
    directory.add(target);
  }

  /**
   * Serves a target no more: nobody can log in to it, and the sessions with it end, as {@link TargetEngine.stop} ends
   * them. `quiet` is called when nothing of their commands is at work any more.
   *
   * @throws TargetError `TARGET_NAME_INVALID` when there is no such target.
   */
  removeTarget(targetName: string, quiet: () => void = () => undefined): void {
    const name = normalizeIscsiName(targetName);
    const { directory } = this.#registry;
    if (directory.find(name) === undefined) throw new TargetError({ code: 'TARGET_NAME_INVALID', name });
    this.#admission.removeTarget(name);
    directory.remove(name);
    this.#drop((session) => session.identity.targetName === name, quiet);
  }

  /**
   * Replaces who may open discovery sessions, as to change a secret; those that are there stay.
   *
   * @throws TargetError `ACCESS_INVALID` or `CHAP_UNAVAILABLE`.
   */
  setDiscovery(discovery: readonly DiscoveryEntry[]): void {
    this.#admission.setDiscovery(discovery);
  }

  /**
   * Names an address at which connections come in, for SendTargets. Its portal group is a target port of every target.
   * Throws a RangeError for more portal groups than a unit can have target ports.
   */
  addPortal(portal: Portal): void {
    this.#registry.directory.addPortal(portal);
  }

  /**
   * Takes a new connection. Undefined when there are too many: the caller closes the transport.
   */
  accept(transport: Transport, nowMs: number): TargetConnection | undefined {
    if (this.#connections.size >= this.#limits.maxConnections) return undefined;
    const connection = new Connection(this.#owner, transport, nowMs);
    connection.enter(new LoginPhase(connection, this.#registry));
    this.#connections.add(connection);
    return connection;
  }

  /** Time passes: call it about once a second. */
  tick(nowMs: number): void {
    for (const connection of [...this.#connections]) connection.tick(nowMs);
    this.#registry.tick(nowMs);
  }

  /**
   * Sends everybody away: new logins are redirected to `redirectTo` (`host:port`), or refused with "service
   * unavailable" without it, and every session is asked to log out within `logoutWithinS` seconds (RFC 7143 §11.9,
   * event 1). What is running goes on; {@link TargetEngine.connectionCount} and {@link TargetEngine.busy} tell who
   * is left.
   */
  drain(logoutWithinS: number, redirectTo?: string): void {
    this.#registry.gate.shut(redirectTo);
    const addressed = new Set(this.#addressed());
    for (const connection of [...this.#connections]) {
      if (addressed.has(connection)) askForLogout(connection, logoutWithinS);
      else connection.fail();
    }
  }

  /**
   * Asks every initiator to negotiate within `withinS` seconds (RFC 7143 §11.9, event 4), by each of its connections:
   * it answers with a Text Request, or with a Logout Request. May be asked again.
   */
  requestNegotiation(withinS: number): void {
    for (const connection of this.#addressed()) askForNegotiation(connection, withinS);
  }

  /** Takes logins again, after {@link TargetEngine.drain}. */
  resume(): void {
    this.#registry.gate.open();
  }

  /**
   * Ends the connections that are left, telling their initiators that the sessions are dropped (event 3). `quiet` is
   * called when nothing of their commands is at work any more.
   */
  stop(quiet: () => void = () => undefined): void {
    this.#drop(() => true, quiet);
    for (const connection of [...this.#connections]) connection.finish();
  }

  /** Ends some sessions, and tells their initiators. */
  #drop(isMeant: (session: Session) => boolean, quiet: () => void): void {
    const sessions = this.#registry.sessions.filter(isMeant);
    const tasks = sessions.flatMap((session) => [...session.tasks.values()]);
    this.#registry.ending('dropped', () => {
      const addressed = new Set(this.#addressed());
      for (const session of sessions) {
        this.#registry.endSession(session, ({ connection }) => {
          if (addressed.has(connection)) announceSessionDrop(connection, session.parameters.defaultTime2Wait);
          connection.finish();
        });
      }
    });
    whenAllEnded(tasks, quiet);
  }

  /** Connections that may be sent an Asynchronous Message: not those of discovery sessions (RFC 7143 §7.4.3). */
  #addressed(): Connection[] {
    const normal = this.#registry.sessions.filter(({ nexus }) => nexus !== undefined);
    return normal.flatMap(({ connections }) => [...connections.values()].map(({ connection }) => connection));
  }

  #closed(connection: Connection, hooks: TargetHooks | undefined): void {
    this.#connections.delete(connection);
    const { ending, transport } = connection;
    if (ending === undefined || ending === 'logout') return;
    callHook(() => hooks?.onConnectionLost?.(transport.remote, ending), undefined);
  }
}
