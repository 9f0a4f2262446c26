import { LoginStatus } from '@lunbox/iscsi-pdu';
import { decodeLun, type Nexus } from '@lunbox/scsi';
import createDebug from 'debug';
import { BufferPool } from './buffer-pool.ts';
import type { Connection, Phase } from './connection.ts';
import { FullFeaturePhase, type SessionOwner } from './full-feature-phase.ts';
import type { TargetLimits } from './limits.ts';
import { LoginError } from './login-error.ts';
import type { LoginNames } from './login-negotiation.ts';
import type { LoginAuthority, LoginResult } from './login-phase.ts';
import type { SendTargetsContext } from './send-targets.ts';
import { Session } from './session.ts';
import { PORTAL_GROUP_TAG, type TargetOptions } from './target.ts';
import type { Task } from './task.ts';
import type { Endpoint } from './transport.ts';

const log = createDebug('lunbox:iscsi-target:sessions');

/** The sessions of all targets: who may log in, which session a login takes over, whom a reset concerns. */
export class SessionRegistry implements LoginAuthority, SessionOwner {
  readonly limits: TargetLimits;
  readonly pool: BufferPool = new BufferPool();
  readonly #targets: ReadonlyMap<string, TargetOptions>;
  readonly #portals: readonly Endpoint[];
  readonly #phases = new Map<Session, FullFeaturePhase>();
  #nextTsih = 0;
  #closed = false;
  #collected: Task[] | undefined = undefined;

  constructor(
    targets: ReadonlyMap<string, TargetOptions>,
    portals: readonly Endpoint[],
    limits: TargetLimits,
  ) {
    this.#targets = targets;
    this.#portals = portals;
    this.limits = limits;
  }

  /** Full feature phases, one for each session. */
  get phases(): readonly FullFeaturePhase[] {
    return [...this.#phases.values()];
  }

  /** From now on every login is refused. */
  refuseLogins(): void {
    this.#closed = true;
  }

  sessionClosed(session: Session): void {
    this.#phases.delete(session);
  }

  authorize(names: LoginNames): string | undefined {
    if (this.#closed) throw new LoginError(LoginStatus.SERVICE_UNAVAILABLE, 'going down');
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
