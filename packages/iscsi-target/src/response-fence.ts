import { serialLess } from '@lunbox/iscsi-pdu';
import {
  hasNaca,
  PR_OUT_PREEMPT_AND_ABORT,
  SenseKey,
  Status,
  parseSense,
  type Finished,
  type ScsiCommand,
} from '@lunbox/scsi';
import type { Alarms } from './alarms.ts';
import type { SessionConnection } from './session.ts';

/** What a fence has to know of its session. */
export interface FencedSession {
  readonly connections: ReadonlyMap<number, SessionConnection>;
  readonly alarms: Alarms;
}

/**
 * Response Fence (RFC 7143 §4.2.2.3): a response that must not overtake others, nor be overtaken, on the connections of
 * one session. While it is up the session sends no other response, of whatever unit.
 */
export class ResponseFence {
  readonly #session: FencedSession;
  /** Connections that have to acknowledge what was sent before a StatSN; undefined while no fence is up. */
  #awaited: Map<SessionConnection, number> | undefined = undefined;
  #acknowledged: () => void = () => undefined;
  #held: (() => void)[] = [];

  constructor(session: FencedSession) {
    this.#session = session;
  }

  /** True while responses have to wait. */
  get raised(): boolean {
    return this.#awaited !== undefined;
  }

  /**
   * Sends a response, by `respond` and on the connection `from`, after all responses before it are acknowledged, and
   * lets no other pass before it is acknowledged itself. Order on one connection needs nothing of this (§4.2.2.3.3 a).
   */
  send(from: SessionConnection, respond: () => void): void {
    if (this.raised) return this.hold(() => this.send(from, respond));
    if (this.#session.connections.size < 2) return respond();
    this.#await([...this.#session.connections.values()], () => {
      respond();
      this.#await([from], () => this.#lower());
    });
  }

  /** Keeps a response until the fence is down; `respond` is then called once, and may find another fence. */
  hold(respond: () => void): void {
    this.#held.push(respond);
  }

  /** An ExpStatSN has come by a connection. */
  acknowledged(by: SessionConnection): void {
    const statSn = this.#awaited?.get(by);
    if (statSn !== undefined && !serialLess(by.acknowledgedStatSn, statSn)) this.left(by);
  }

  /** A connection has nothing more to acknowledge, or is gone. */
  left(connection: SessionConnection): void {
    if (this.#awaited?.delete(connection) === true && this.#awaited.size === 0) this.#acknowledged();
  }

  #await(connections: readonly SessionConnection[], next: () => void): void {
    const behind = connections.filter(
      ({ connection, acknowledgedStatSn }) =>
        !connection.ended && serialLess(acknowledgedStatSn, connection.statSn),
    );
    this.#awaited = new Map(behind.map((waiting) => [waiting, waiting.connection.statSn]));
    const [first] = behind;
    if (first === undefined) return next();
    const { nowMs, owner } = first.connection;
    // A connection that acknowledges nothing, though it is asked to, is as good as dead.
    const callOff = this.#session.alarms.set(nowMs + owner.limits.pingTimeoutMs, () => {
      for (const silent of [...(this.#awaited?.keys() ?? [])]) silent.connection.fail();
    });
    this.#acknowledged = () => {
      callOff();
      next();
    };
    for (const waiting of behind) waiting.ping();
  }

  #lower(): void {
    this.#awaited = undefined;
    const held = this.#held;
    this.#held = [];
    for (const respond of held) respond();
    for (const connection of this.#session.connections.values()) connection.goOn();
  }
}

/**
 * True for the status of a command that RFC 7143 §4.2.2.3.4 has fenced: a) a unit attention, c) what establishes an ACA
 * condition, d) ACA ACTIVE, f) PREEMPT AND ABORT.
 */
export function isFenced({ cdb }: Pick<ScsiCommand, 'cdb'>, { status, sense }: Finished): boolean {
  const { operationCode, serviceAction } = PR_OUT_PREEMPT_AND_ABORT;
  if (cdb[0] === operationCode && ((cdb[1] ?? 0) & 0x1f) === serviceAction) return true;
  if (status === Status.ACA_ACTIVE) return true;
  if (status !== Status.CHECK_CONDITION || sense === undefined) return false;
  return hasNaca(cdb) || parseSense(sense)?.senseKey === SenseKey.UNIT_ATTENTION;
}
