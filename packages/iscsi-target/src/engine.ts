import { AsyncEvent } from '@lunbox/iscsi-pdu';
import { Connection, type ConnectionOwner } from './connection.ts';
import { TargetError } from './errors.ts';
import type { TargetHooks } from './hooks.ts';
import { DEFAULT_LIMITS, type TargetLimits } from './limits.ts';
import { LoginPhase } from './login-phase.ts';
import { SlabPool } from './outbox.ts';
import { SessionRegistry } from './session-registry.ts';
import { sessionStatus, type SessionStatus } from './session-status.ts';
import { checkTarget, type TargetOptions } from './target.ts';
import type { CommandObserver } from './trace/command-observer.ts';
import type { Portal, Transport } from './transport.ts';

const NO_LUN = new Uint8Array(8);
const EMPTY = new Uint8Array(0);

/** What a {@link TargetEngine} may be given besides targets and limits. */
export interface EngineOptions {
  readonly hooks?: TargetHooks;
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
  readonly #connections = new Set<Connection>();
  readonly #portals: Portal[] = [];
  #draining = false;

  /** @throws TargetError `TARGET_NAME_INVALID` or `TARGET_NAME_DUPLICATE`. */
  constructor(
    targets: readonly TargetOptions[],
    limits: Partial<TargetLimits> = {},
    options: EngineOptions = {},
  ) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    const named = namedTargets(targets);
    this.#registry = new SessionRegistry(named, this.#portals, this.#limits, options.hooks ?? {});
    this.#owner = {
      limits: this.#limits,
      slabs: new SlabPool(),
      observer: options.observer,
      connectionClosed: (connection) => this.#connections.delete(connection),
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

  /** Names an address at which connections come in, for SendTargets. */
  addPortal(portal: Portal): void {
    this.#portals.push(portal);
  }

  /**
   * Takes a new connection. Undefined when there are too many, or the target is going down: the caller closes
   * the transport.
   */
  accept(transport: Transport, nowMs: number): TargetConnection | undefined {
    if (this.#draining || this.#connections.size >= this.#limits.maxConnections) return undefined;
    const connection = new Connection(this.#owner, transport, nowMs);
    connection.enter(new LoginPhase(connection, this.#registry));
    this.#connections.add(connection);
    return connection;
  }

  /** Time passes: call it about once a second. */
  tick(nowMs: number): void {
    for (const connection of [...this.#connections]) connection.tick(nowMs);
  }

  /**
   * Goes down in order: no new connections and logins, and every session is asked to log out within
   * `logoutWithinS` seconds (RFC 7143 §11.9, event 1). What is running goes on; {@link TargetEngine.connectionCount}
   * and {@link TargetEngine.busy} tell who is left.
   */
  drain(logoutWithinS: number): void {
    this.#draining = true;
    this.#registry.gate.shut();
    const phases = this.#registry.sessions.flatMap(({ connections }) => [...connections.values()]);
    const inSession = new Set(phases.map(({ connection }) => connection));
    for (const connection of [...this.#connections]) {
      if (inSession.has(connection)) sendAsync(connection, AsyncEvent.LOGOUT_REQUEST, logoutWithinS);
      else connection.fail();
    }
  }

  /** Ends the connections that are left, telling their initiators that the sessions are dropped (event 3). */
  stop(): void {
    this.#registry.ending('dropped', () => {
      for (const connection of [...this.#connections]) {
        sendAsync(connection, AsyncEvent.SESSION_DROP, 0);
        connection.finish();
      }
    });
  }
}

function namedTargets(targets: readonly TargetOptions[]): Map<string, TargetOptions> {
  const named = new Map<string, TargetOptions>();
  for (const options of targets) {
    const target = checkTarget(options);
    if (named.has(target.name)) throw new TargetError({ code: 'TARGET_NAME_DUPLICATE', name: target.name });
    named.set(target.name, target);
  }
  return named;
}

function sendAsync(connection: Connection, asyncEvent: number, parameter3: number): void {
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
