import {
  AsyncEvent,
  LogoutReason,
  serialDistance,
  TaskManagementFunction,
  type InitiatorPdu,
  type LoginResponsePdu,
  type LogoutRequestPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import { AbortWatch } from './abort-watch.ts';
import { framesOf, type Digests, type Frame } from './frame.ts';
import { LoginWatch, type WireParameters } from './login-watch.ts';
import { SessionWatch } from './session-watch.ts';
import { StatusWatch } from './status-watch.ts';
import type { WireLog } from './wire-log.ts';

const FULL_FEATURE = 3;

/** All sessions on the wires of one target, by TSIH; and who of them has been replaced. */
export interface WireSessions {
  readonly log: WireLog;
  /** Commands that the target takes at most. */
  readonly queueDepth: number;
  readonly byTsih: Map<number, { session: SessionWatch; initiatorPort: string }>;
  /** Logins that have arrived, and whose last answer has not left: the target may have granted them. */
  readonly entering: Set<ConnectionWatch>;
  /** Calls `then` with the bytes of a login that went through. */
  loggedIn(watch: ConnectionWatch, requests: readonly Uint8Array[]): void;
}

/** Looks at what travels on one connection, and holds it against RFC 7143. */
export class ConnectionWatch {
  readonly number: number;
  session: SessionWatch | undefined;
  #aborts: AbortWatch | undefined;
  readonly #sessions: WireSessions;
  readonly #log: WireLog;
  readonly #login = new LoginWatch();
  readonly #loginBytes: Uint8Array[] = [];
  #parameters: WireParameters | undefined;
  #digests: Digests = { header: false, data: false };
  readonly #requests: Travelling = new Travelling();
  readonly #responses: Travelling = new Travelling();
  #excuse: string | undefined;
  readonly #statuses: StatusWatch = new StatusWatch((what) => this.#complain(what));

  constructor(sessions: WireSessions) {
    this.#sessions = sessions;
    this.#log = sessions.log;
    this.number = ++sessions.log.links;
  }

  get initiatorPort(): string {
    return this.#login.initiatorPort;
  }

  /** True once full feature phase has begun. */
  get loggedIn(): boolean {
    return this.#parameters !== undefined;
  }

  /** From here on the connection may end at any time. */
  excuse(reason: string): void {
    this.#excuse ??= reason;
    this.#sessions.entering.delete(this);
    this.#log.note(this.number, `-- ${reason} --`);
    this.#log.count(reason);
  }

  /** Something has happened to the connection: its end may also cost the session, with the other connections. */
  struck(reason: string): void {
    this.excuse(reason);
    if (this.session !== undefined) this.session.ending ??= `link ${this.number}: ${reason}`;
  }

  initiatorEnded(orderly: boolean): void {
    this.#ended('initiator', orderly);
  }

  targetEnded(orderly: boolean): void {
    this.#ended('target', orderly);
  }

  requestsLeave(bytes: Uint8Array): Frame[] {
    if (!this.loggedIn) this.#loginBytes.push(bytes.slice());
    const frames: Frame[] = [];
    for (const frame of this.#framesOf(bytes)) {
      const { pdu } = frame;
      frames.push(frame);
      this.#log.note(this.number, '→', pdu);
      this.#log.count(pdu.type);
      this.#requestLeaves(pdu as InitiatorPdu);
    }
    this.#requests.add(frames, bytes.length);
    return frames;
  }

  requestsArrive(lengthBytes: number): void {
    for (const frame of this.#requests.arrive(lengthBytes)) this.#requestArrives(frame);
  }

  /** @param givenMs - when the target had sent them, as far as it knows. */
  responsesLeave(bytes: Uint8Array, givenMs: number): Frame[] {
    const frames: Frame[] = [];
    for (const frame of this.#framesOf(bytes)) {
      const { pdu } = frame;
      frames.push(frame);
      this.#log.note(this.number, '←', pdu);
      this.#log.count(pdu.type);
      this.#responseLeaves(pdu as TargetPdu, givenMs);
    }
    this.#responses.add(frames, bytes.length);
    return frames;
  }

  responsesArrive(lengthBytes: number): void {
    for (const frame of this.#responses.arrive(lengthBytes)) this.#responseArrives(frame);
  }

  /** Flips bits where a digest covers them; false when there is no such place among the frames. */
  damage(frames: readonly Frame[], bytes: Uint8Array, dice: Dice): boolean {
    const exposed = frames.filter(
      ({ digests, dataStart, end }) => digests.header || (digests.data && end > dataStart),
    );
    if (exposed.length === 0) return false;
    const frame = dice.pick(exposed);
    const { digests, start, dataStart, end } = frame;
    const inData = digests.data && end > dataStart && (!digests.header || dice.chance(0.6));
    const from = inData ? dataStart : start;
    const length = (inData ? end : dataStart) - from;
    const first = dice.below(length);
    flipBit(bytes, from + first, dice);
    // Other bytes than the first: flips must not undo each other.
    for (let flips = dice.below(3); flips > 0 && length > 1; flips--) {
      flipBit(bytes, from + ((first + 1 + dice.below(length - 1)) % length), dice);
    }
    frame.damaged = inData ? 'data' : 'header';
    this.struck(`damaged ${frame.damaged} of ${frame.pdu.type}`);
    return true;
  }

  #ended(who: string, orderly: boolean): void {
    this.#sessions.entering.delete(this);
    const why = this.#excuse ?? this.#joined?.ending;
    this.#log.note(this.number, `-- the ${who} ${orderly ? 'closes' : 'resets'} (${why ?? 'WHY?'}) --`);
    // A login that the target has granted may be replaced before the answer has left.
    const hasBegun = who === 'target' ? this.loggedIn : this.#loginBytes.length > 0;
    if (why === undefined && hasBegun) this.#complain(`the ${who} ended a sound connection`);
  }

  /** The session of the connection, or the one that it is about to join. */
  get #joined(): SessionWatch | undefined {
    return this.session ?? this.#sessions.byTsih.get(this.#login.tsih)?.session;
  }

  #framesOf(bytes: Uint8Array): Iterable<Frame> {
    return framesOf(
      bytes,
      () => this.#digests,
      (what) => this.#complain(what),
    );
  }

  #complain(what: string): void {
    this.#log.problem(`link ${this.number}: ${what}`);
  }

  #requestLeaves(pdu: InitiatorPdu): void {
    if (pdu.type === 'login-request') return this.#login.request(pdu);
    const { session, session: { tasks } = {} } = this;
    if (session === undefined) return this.#complain(`${pdu.type} before the login is over`);
    // RFC 7143 §11.14.4: a logout of another connection has the ExpStatSN of that one.
    const ofAnother = pdu.type === 'logout-request' && pdu.cid !== this.#login.cid;
    if (!ofAnother) this.#acknowledges(pdu.expStatSn);
    if ('immediate' in pdu) session.numberLeaves(pdu);
    this.#aborts?.requestLeaves(pdu, this.number);
    if (pdu.type === 'scsi-command') {
      session.commandLeaves(pdu, this.number, this.#parameters as WireParameters);
    } else if (pdu.type === 'data-out') {
      tasks?.get(pdu.initiatorTaskTag)?.dataOutLeaves(pdu);
    } else if (pdu.type === 'logout-request') this.#logsOut(session, pdu);
    else if (pdu.type === 'task-management-request') {
      // RFC 7144 §6.3: it costs all connections.
      if (pdu.function === TaskManagementFunction.I_T_NEXUS_RESET) session.ending = 'I_T nexus reset';
    }
  }

  #logsOut(session: SessionWatch, { reason, cid }: LogoutRequestPdu): void {
    if (reason === LogoutReason.CLOSE_SESSION) session.ending = 'logout of the session';
    else session.connections.get(cid)?.excuse('logout of the connection');
  }

  /** What the initiator has the status of is over for both. */
  #acknowledges(expStatSn: number): void {
    for (const pdu of this.#statuses.acknowledged(expStatSn)) {
      const ends = pdu.type === 'scsi-response' || pdu.type === 'data-in';
      if (ends) this.session?.acknowledged(pdu.initiatorTaskTag);
    }
  }

  #requestArrives({ pdu, damaged }: Frame): void {
    const { session } = this;
    if (pdu.type === 'login-request') this.#loginArrives();
    if (session === undefined || damaged === 'header') return;
    if ('immediate' in pdu && !pdu.immediate) session.numberArrives(pdu.cmdSn);
    if (pdu.type === 'scsi-command') {
      session.tasks.get(pdu.initiatorTaskTag)?.arrives(damaged !== undefined);
    } else if (pdu.type === 'data-out') {
      session.tasks.get(pdu.initiatorTaskTag)?.dataOutArrives(pdu, damaged !== undefined);
    } else if (pdu.type === 'task-management-request') session.managementArrives(pdu, this.number);
  }

  #responseLeaves(pdu: TargetPdu, givenMs: number): void {
    if (pdu.type === 'login-response') {
      this.#login.response(pdu);
      if (pdu.statusClass !== 0) this.excuse(`login status ${pdu.statusClass}`);
      else if (pdu.transit && pdu.nsg === FULL_FEATURE) this.#enterFullFeature(pdu);
      return void this.#statuses.leaves(pdu);
    }
    const { session } = this;
    if (session === undefined) return this.#complain(`${pdu.type} before the login is over`);
    if (!this.#statuses.leaves(pdu)) return;
    session.expectationLeaves(pdu.expCmdSn, pdu.type);
    const widthOfWindow = serialDistance(pdu.expCmdSn, pdu.maxCmdSn) + 1;
    if (widthOfWindow !== 2 ** 32 && widthOfWindow > this.#sessions.queueDepth) {
      this.#complain(`${pdu.type} opens the window for ${widthOfWindow} commands`);
    }
    switch (pdu.type) {
      case 'data-in':
        if (session.dataAgain(pdu)) return undefined;
        return session.taskOf(pdu, this.number, givenMs)?.dataInLeaves(pdu);
      case 'r2t':
        return session.taskOf(pdu, this.number, givenMs)?.r2tLeaves(pdu);
      case 'scsi-response':
        return session.taskOf(pdu, this.number, givenMs)?.responseLeaves(pdu);
      case 'task-management-response':
        return session.managementAnswered(pdu, this.number, this.#log.nowMs);
      case 'reject':
        return session.rejected(pdu, new DataView(pdu.data.buffer, pdu.data.byteOffset).getUint32(16));
      case 'async-message':
        if (this.#aborts?.messageLeaves(pdu) === true) return undefined;
        if (pdu.asyncEvent !== AsyncEvent.SCSI_EVENT) session.ending = 'asynchronous message';
        return undefined;
      default:
        return undefined;
    }
  }

  #enterFullFeature({ tsih }: LoginResponsePdu): void {
    const { byTsih } = this.#sessions;
    const { initiatorPort } = this;
    const own = this.#login.parameters();
    const leading = byTsih.get(tsih)?.session.parameters;
    const { headerDigest, dataDigest, targetSegmentBytes, initiatorSegmentBytes } = own;
    // Lengths of segments and digests belong to a connection, the rest to the session (RFC 7143 §13, "scope").
    const ofConnection = { headerDigest, dataDigest, targetSegmentBytes, initiatorSegmentBytes };
    const parameters = this.#login.tsih === 0 ? own : { ...(leading ?? own), ...ofConnection };
    this.#parameters = parameters;
    this.#statuses.recoverable = parameters.errorRecoveryLevel > 0;
    this.#digests = { header: parameters.headerDigest, data: parameters.dataDigest };
    if (this.#login.tsih === 0) {
      const session = new SessionWatch(this.#login.firstCmdSn, parameters, (what) => this.#complain(what));
      byTsih.set(tsih, { session, initiatorPort });
    }
    this.#sessions.entering.delete(this);
    this.session = byTsih.get(tsih)?.session;
    if (this.session === undefined) this.#complain(`TSIH ${tsih} is of no session`);
    // What has happened to it meanwhile happens to the session now.
    if (this.session !== undefined && this.#excuse !== undefined) this.session.ending ??= this.#excuse;
    this.session?.connections.set(this.#login.cid, this);
    if (this.session !== undefined)
      this.#aborts = new AbortWatch(this.session, (what) => this.#complain(what));
    this.#sessions.loggedIn(this, this.#loginBytes);
  }

  /** RFC 7143 §6.3.5: who logs in anew ends the session that the same initiator port had. */
  #loginArrives(): void {
    const { tsih, cid } = this.#login;
    const joins = this.#sessions.byTsih.get(tsih);
    // RFC 7143 §6.3.4: a login with a CID that is in use takes its place.
    if (tsih !== 0) return joins?.session.connections.get(cid)?.struck('another login with its CID');
    const why = 'another login of its initiator';
    for (const { session, initiatorPort } of this.#sessions.byTsih.values()) {
      if (initiatorPort === this.initiatorPort) session.ending ??= why;
    }
    const { entering } = this.#sessions;
    for (const other of entering)
      if (other !== this && other.initiatorPort === this.initiatorPort) other.excuse(why);
    if (!this.loggedIn && this.#excuse === undefined) entering.add(this);
  }

  #responseArrives({ pdu: any, damaged }: Frame): void {
    const pdu = any as TargetPdu;
    if (damaged !== undefined) return;
    this.#statuses.arrives(pdu);
    this.#aborts?.timePasses(this.#log.nowMs);
    if (pdu.type === 'async-message') this.#aborts?.messageArrives(pdu, this.#log.nowMs);
    else if (pdu.type === 'task-management-response') this.#aborts?.answerArrives(pdu);
    this.#joined?.windowArrives(pdu.maxCmdSn);
  }
}

function flipBit(bytes: Uint8Array, at: number, dice: Dice): void {
  bytes[at] = (bytes[at] as number) ^ (1 << dice.below(8));
}

/** PDUs between two ends, until the last byte of each has arrived. */
class Travelling {
  readonly #frames: { frame: Frame; endBytes: number }[] = [];
  #leftBytes = 0;
  #arrivedBytes = 0;

  add(frames: readonly Frame[], lengthBytes: number): void {
    for (const frame of frames) this.#frames.push({ frame, endBytes: this.#leftBytes + frame.end });
    this.#leftBytes += lengthBytes;
  }

  arrive(lengthBytes: number): Frame[] {
    this.#arrivedBytes += lengthBytes;
    const arrived: Frame[] = [];
    while (this.#frames.length > 0 && this.#frames[0]!.endBytes <= this.#arrivedBytes) {
      arrived.push((this.#frames.shift() as { frame: Frame }).frame);
    }
    return arrived;
  }
}
