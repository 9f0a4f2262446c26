import { LoginStatus } from '@lunbox/iscsi-pdu';
import { decodeLun, encodeLun, type Nexus, type SupportedTmf } from '@lunbox/scsi';
import createDebug from 'debug';
import { grantsTheSame, type AccessEntry } from './auth/access-entry.ts';
import type { Admission, Candidate } from './auth/admission.ts';
import { sessionUser } from './auth/session-user.ts';
import { BufferPool } from './buffer-pool.ts';
import { announceScsiEvent } from './async-message.ts';
import type { Connection, Phase } from './connection.ts';
import { FullFeaturePhase, type SessionOwner } from './full-feature-phase.ts';
import { HalfOpenLogins } from './half-open-logins.ts';
import { callHook, type SessionEndReason, type TargetHooks } from './hooks.ts';
import type { TargetLimits } from './limits.ts';
import type {
  CommandWindow,
  Establishment,
  LoginAuthority,
  LoginGrant,
  LoginResult,
} from './login-authority.ts';
import { LoginError } from './login-error.ts';
import { LoginGate } from './login-gate.ts';
import type { LoginNames } from './login-negotiation.ts';
import { Remnants } from './remnants.ts';
import type { AbortedTasks } from './multi-task-abort.ts';
import type { SendTargetsContext } from './send-targets.ts';
import { sessionStatus } from './session-status.ts';
import { joinedParameters, type OperationalParameters } from './parameters.ts';
import { Session, type SessionIdentity, type SessionConnection } from './session.ts';
import { PORTAL_GROUP_TAG, targetPort } from './target.ts';
import type { TargetDirectory } from './target-directory.ts';
import type { Task } from './task.ts';
import type { Portal, Transport } from './transport.ts';

/** Narrowest command window: enough to keep a disk busy. */
const SMALLEST_QUEUE_DEPTH = 8;

/** The functions that SCSI knows: all, but those of RFC 7144 only where it is negotiated. */
function taskManagement(protocolLevel: number): Partial<SupportedTmf> {
  const base = { ATS: 1, ATSS: 1, CACAS: 1, CTSS: 1, LURS: 1 };
  return protocolLevel >= 2 ? { ...base, QTS: 1, QAES: 1, QTSS: 1, ITNRS: 1 } : base;
}

const log = createDebug('lunbox:iscsi-target:sessions');

/** The sessions of all targets: who may log in, which session a login takes over, whom a reset concerns. */
export class SessionRegistry implements LoginAuthority, SessionOwner {
  readonly limits: TargetLimits;
  readonly pool: BufferPool = new BufferPool();
  readonly gate: LoginGate;
  readonly halfOpen: HalfOpenLogins;
  readonly #admission: Admission;
  /** What each session was granted. */
  readonly #access = new WeakMap<Session, AccessEntry>();
  /** The target port that each session is with. */
  readonly #ports = new WeakMap<Session, string>();
  /** The targets and portals that there are. */
  readonly directory: TargetDirectory;
  readonly #hooks: TargetHooks;
  readonly #sessions = new Set<Session>();
  readonly #remnants = new Map<string, Remnants>();
  #nextTsih = 0;
  /** What waits for what is at work. */
  readonly #turns: (() => void)[] = [];
  #atWork = false;
  #collected: AbortedTasks[] | undefined = undefined;
  /** The session whose request aborts tasks; its answer will show the window. */
  #resetting: Session | undefined = undefined;
  #endReason: SessionEndReason | undefined = undefined;

  constructor(directory: TargetDirectory, limits: TargetLimits, hooks: TargetHooks, admission: Admission) {
    this.directory = directory;
    this.limits = limits;
    this.#hooks = hooks;
    this.gate = new LoginGate(hooks);
    this.halfOpen = new HalfOpenLogins(limits.maxHalfOpenLogins);
    this.#admission = admission;
  }

  /** Sessions with at least one connection in full feature phase. */
  get sessions(): readonly Session[] {
    return [...this.#sessions];
  }

  /** Sessions that `action` ends have ended for `reason`. */
  ending(reason: SessionEndReason, action: () => void): void {
    this.#endReason = reason;
    action();
    this.#endReason = undefined;
  }

  sessionClosed(session: Session): void {
    const last = session.lastConnection;
    if (!this.#sessions.delete(session) || last === undefined) return;
    session.remnants.whenFree(() => this.#forgetRemnants(session.identity));
    last.owner.observer?.sessionEnded(session.identity);
    const reason = this.#endReason ?? last.ending ?? 'failed';
    const status = { ...sessionStatus(session), remotes: [last.transport.remote] };
    callHook(() => this.#hooks.onSessionEnd?.(status, reason), undefined);
  }

  endSession(session: Session, leave: (leaving: SessionConnection) => void): void {
    session.end(leave);
    this.sessionClosed(session);
  }

  /** Time passes: sessions give up what nobody came back for. */
  tick(nowMs: number): void {
    for (const session of this.#sessions) {
      session.alarms.tick(nowMs);
      if (session.departed.size === 0) continue;
      session.expire(nowMs);
      if (!session.open) this.sessionClosed(session);
    }
  }

  refused(names: LoginNames, connection: Connection, status: number): void {
    this.gate.refused(connection.transport, names, status);
  }

  authorize(names: LoginNames, connection: Connection): LoginGrant {
    const { transport } = connection;
    this.gate.check(transport, names);
    const targetName = names.discovery ? undefined : names.targetName;
    const initiatorName = names.initiatorName as string;
    const nowMs = (): number => connection.nowMs;
    const security = this.#admission.admit({ initiatorName, targetName, transport, nowMs });
    return { alias: targetName === undefined ? undefined : this.directory.find(targetName)?.alias, security };
  }

  windowOf(isid: string, tsih: number): CommandWindow | undefined {
    return this.sessions.find(({ identity }) => identity.tsih === tsih && identity.isid === isid);
  }

  inTheWay(connection: Connection, login: LoginResult): readonly SessionConnection[] {
    const session = this.#find(this.#portOf(connection.transport, login), login);
    // A discovery session is sent nothing but answers (RFC 7143 §7.4.3).
    if (session?.nexus === undefined) return [];
    if (login.tsih === 0) this.#checkOwner(session, login);
    else this.#checkMember(session, login);
    return [...session.connections.values()].filter(({ cid }) => login.tsih === 0 || cid === login.cid);
  }

  establish(connection: Connection, login: LoginResult, overLive: boolean): Establishment {
    if (login.tsih !== 0) return this.#join(connection, login);
    const port = this.#portOf(connection.transport, login);
    const replaced = this.#find(port, login);
    if (replaced !== undefined) this.#replace(replaced, login, overLive);
    if (this.#sessions.size >= this.limits.maxSessions) {
      throw new LoginError(LoginStatus.OUT_OF_RESOURCES, 'too many sessions');
    }
    const session = this.#newSession(login, connection.transport);
    this.#sessions.add(session);
    this.#access.set(session, login.access);
    this.#ports.set(session, port);
    log('session %d: %s logged in to %s', session.identity.tsih, login.initiatorName, login.targetName);
    const entered = this.#enter(session, connection, login, session.parameters);
    callHook(() => this.#hooks.onSessionStart?.(sessionStatus(session)), undefined);
    return entered;
  }

  /** Another connection of a session, or one that takes the place of a dead one (RFC 7143 §6.3.1, §6.3.4). */
  #join(connection: Connection, login: LoginResult): Establishment {
    const session = this.#find(this.#portOf(connection.transport, login), login);
    if (session === undefined) throw new LoginError(LoginStatus.SESSION_DOES_NOT_EXIST, `TSIH ${login.tsih}`);
    this.#checkMember(session, login);
    const replaced = session.connections.get(login.cid);
    // RFC 7143 §6.3.4: where connections are recovered, one more may come to clean another up.
    const most = session.parameters.maxConnections + (session.reassigns ? 1 : 0);
    if (replaced === undefined && session.connections.size >= most) {
      throw new LoginError(LoginStatus.TOO_MANY_CONNECTIONS, `session ${login.tsih} is full`);
    }
    const entered = this.#enter(
      session,
      connection,
      login,
      joinedParameters(session.parameters, login.parameters),
    );
    const afterwards = (): void => {
      replaced?.connection.fail();
      // RFC 7143 §6.3.4: the login logs an old connection of its CID out, for recovery where there is one.
      session.cleanUp(login.cid, session.reassigns, connection.nowMs);
    };
    return { ...entered, afterwards };
  }

  /**
   * RFC 7143 §6.3.5: the same initiator port logs in again, so its old session is over, alive or not (T-L9). Only an
   * initiator whose session has failed may do that; one whose session answers shares its name and ISID with another.
   */
  #replace(replaced: Session, login: LoginResult, alive: boolean): void {
    this.#checkOwner(replaced, login);
    if (alive)
      log('session %d of %s is taken over, though alive', replaced.identity.tsih, login.initiatorName);
    this.ending(alive ? 'taken-over' : 'reinstated', () =>
      this.endSession(replaced, ({ connection }) => connection.fail()),
    );
  }

  /** A session keeps what it was granted: a connection with other rights, or less proven, must not share it. */
  #checkMember(session: Session, login: LoginResult): void {
    if (session.identity.targetName !== login.targetName)
      throw new LoginError(LoginStatus.SESSION_DOES_NOT_EXIST, `TSIH ${login.tsih}`);
    if (!grantsTheSame(this.#access.get(session) as AccessEntry, login.access)) {
      throw new LoginError(LoginStatus.CANNOT_INCLUDE_IN_SESSION, `session ${login.tsih} has other rights`);
    }
  }

  /** Whoever has not proven the identity of a session must not end it by logging in under its name. */
  #checkOwner(session: Session, login: LoginResult): void {
    const owner = this.#access.get(session)?.chap?.user;
    if (owner !== undefined && owner !== login.access.chap?.user) {
      throw new LoginError(LoginStatus.AUTHORIZATION_FAILURE, 'the session is of another CHAP user');
    }
  }

  #enter(
    session: Session,
    connection: Connection,
    login: LoginResult,
    parameters: OperationalParameters,
  ): { tsih: number; phase: Phase } {
    const phase = new FullFeaturePhase(connection, session, login.cid, parameters, this);
    session.attach(phase);
    return { tsih: session.identity.tsih, phase };
  }

  sendTargetsContext(connection: Connection, session: Session): SendTargetsContext {
    const { initiatorName, targetName } = session.identity;
    const candidate = { initiatorName, transport: connection.transport };
    return {
      sessionTarget: targetName,
      targetNames: this.directory.names.filter((name) => this.#isShown(name, candidate, session)),
      portals: this.directory.portalsBeside(portalOf(connection.transport)),
    };
  }

  /** A target is named to who may use it, and finds a unit there. */
  #isShown(
    name: string,
    candidate: Pick<Candidate, 'initiatorName' | 'transport'>,
    session: Session,
  ): boolean {
    const entries = this.#admission.entriesOf(candidate, name);
    // Whoever has proven a name would prove the same one there.
    const proven = this.#access.get(session)?.chap?.user;
    const own = entries.filter(({ chap }) => chap !== undefined && chap.user === proven);
    const { scsi } = this.directory.find(name)!;
    return (own.length > 0 ? own : entries).some(
      (entry) => scsi.hidesAll?.(sessionUser(entry, candidate.initiatorName), entry.lunMap) !== true,
    );
  }

  inTurn(work: () => void): void {
    this.#turns.push(work);
    if (this.#atWork) return;
    this.#atWork = true;
    try {
      for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) next();
    } finally {
      this.#atWork = false;
    }
  }

  collectAborted(by: Session, reset: () => void): AbortedTasks[] {
    const collected: AbortedTasks[] = [];
    this.#collected = collected;
    this.#resetting = by;
    reset();
    this.#collected = this.#resetting = undefined;
    return collected;
  }

  dropSessions(targetName: string | undefined): void {
    this.ending('dropped', () => {
      for (const session of this.sessions) {
        if (session.identity.targetName !== targetName) continue;
        this.endSession(session, ({ connection }) => connection.finish());
      }
    });
  }

  #newSession(login: LoginResult, transport: Transport): Session {
    const { initiatorName, targetName, isid } = login;
    const identity = { initiatorName, targetName, isid, tsih: this.#takeTsih() };
    const nexus =
      targetName === undefined ? undefined : this.#openNexus(login, targetName, transport, () => session);
    const session: Session = new Session(
      identity,
      login.parameters,
      nexus,
      login.firstCmdSn,
      this.#queueDepth(),
      this.#remnantsOf(identity),
    );
    return session;
  }

  /** One for an initiator and a target, as long as there are sessions or a device is still at work. */
  #remnantsOf({ initiatorName, targetName }: SessionIdentity): Remnants {
    const nexus = `${initiatorName} ${targetName}`;
    const known = this.#remnants.get(nexus) ?? new Remnants();
    this.#remnants.set(nexus, known);
    return known;
  }

  #forgetRemnants({ initiatorName, targetName }: SessionIdentity): void {
    for (const { identity } of this.#sessions) {
      if (identity.initiatorName === initiatorName && identity.targetName === targetName) return;
    }
    this.#remnants.delete(`${initiatorName} ${targetName}`);
  }

  #openNexus(login: LoginResult, targetName: string, transport: Transport, session: () => Session): Nexus {
    const target = this.directory.find(targetName);
    // It went while the initiator logged in.
    if (target === undefined) throw new LoginError(LoginStatus.NOT_FOUND, `no target ${targetName}`);
    const { lunMap, readOnly = false, chap } = login.access;
    return target.scsi.openNexus({
      initiatorPort: `${login.initiatorName},i,0x${login.isid}`,
      ...targetPort(targetName, portalOf(transport).tag),
      ...(lunMap === undefined ? {} : { lunMap }),
      readOnly,
      user: sessionUser(login.access, login.initiatorName),
      // What an initiator without a secret has shown is where it is.
      principal: chap === undefined ? `address ${transport.remote.address}` : `user ${chap.user}`,
      taskManagement: taskManagement(login.parameters.protocolLevel),
      onTasksAborted: (lun, except) => {
        const ofUnit = (task: Task): boolean => task !== except && decodeLun(task.lun) === lun;
        const tasks = session().abort(ofUnit);
        this.#collected?.push({ session: session(), tasks, atWork: session().remnants.select(ofUnit) });
        if (tasks.length > 0 && session() !== this.#resetting) session().showWindow();
      },
      onUnitChanged: (lun, sense) => {
        const [any] = session().connections.values();
        if (any !== undefined) announceScsiEvent(any.connection, encodeLun(lun), sense);
      },
    });
  }

  /**
   * The target port that a login is for: the target and its portal group (RFC 7143 §4.4.3, ISID RULE). Without a
   * target, or with one that the initiator may not use, the address that was called (§7.4.2.1, UNNAMED ISID RULE).
   */
  #portOf(transport: Transport, { initiatorName, targetName, namedTarget }: LoginResult): string {
    const candidate = { initiatorName, transport };
    const visible = namedTarget !== undefined && this.#admission.mayUse(candidate, namedTarget);
    return targetName !== undefined || visible
      ? `${namedTarget},${portalOf(transport).tag}`
      : `${transport.local.address} ${transport.local.port}`;
  }

  /** The session of the same initiator port with the same target port, by name, ISID and, if given, TSIH (§6.3.1). */
  #find(targetPort: string, login: LoginResult): Session | undefined {
    for (const session of this.#sessions) {
      const { identity } = session;
      const samePort = identity.initiatorName === login.initiatorName && identity.isid === login.isid;
      const sameTarget = this.#ports.get(session) === targetPort;
      if (samePort && sameTarget && (login.tsih === 0 || login.tsih === identity.tsih)) return session;
    }
    return undefined;
  }

  /** What is left of the commands of all sessions for one more, but always some. */
  #queueDepth(): number {
    const share = Math.floor(this.limits.totalQueueDepth / (this.#sessions.size + 1));
    return Math.min(this.limits.queueDepth, Math.max(share, SMALLEST_QUEUE_DEPTH));
  }

  #takeTsih(): number {
    const used = new Set(this.sessions.map((session) => session.identity.tsih));
    do this.#nextTsih = (this.#nextTsih % 0xffff) + 1;
    while (used.has(this.#nextTsih));
    return this.#nextTsih;
  }
}

/** The portal that an initiator came in by, as it is told to initiators. */
function portalOf({ portal, local }: Transport): Portal {
  return portal ?? { ...local, tag: PORTAL_GROUP_TAG };
}
