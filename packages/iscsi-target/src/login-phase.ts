import {
  LoginStage,
  LoginStatus,
  Opcode,
  PduError,
  TextAssembler,
  decodePdu,
  encodeText,
  type FrameHeader,
  type LoginRequestPdu,
} from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import type { AccessEntry } from './auth/access-entry.ts';
import type { SecurityNegotiation } from './auth/security-negotiation.ts';
import type { Connection, Phase } from './connection.ts';
import type { HalfOpenLogins } from './half-open-logins.ts';
import type { TargetLimits } from './limits.ts';
import { LoginError } from './login-error.ts';
import { LoginNegotiation, type LoginNames } from './login-negotiation.ts';
import { settleParameters, type OperationalParameters } from './parameters.ts';
import { PORTAL_GROUP_TAG } from './target.ts';

const log = createDebug('lunbox:iscsi-target:login');

/** A login that went through, as the session is made from it. */
export interface LoginResult {
  readonly initiatorName: string;
  readonly targetName: string | undefined;
  readonly isid: string;
  /** The TSIH the initiator sent: zero asks for a new session. */
  readonly tsih: number;
  readonly cid: number;
  /** CmdSN of the first command in full feature phase (RFC 7143 §11.12.8). */
  readonly firstCmdSn: number;
  readonly parameters: OperationalParameters;
  /** What the initiator may do. */
  readonly access: AccessEntry;
}

/** What a login is told once it has said who it is. */
export interface LoginGrant {
  /** TargetAlias to declare, if any. */
  readonly alias: string | undefined;
  /** What the initiator has to prove first. */
  readonly security: SecurityNegotiation;
}

/** Who decides about logins. */
export interface LoginAuthority {
  readonly limits: TargetLimits;
  readonly halfOpen: HalfOpenLogins;
  /** Checks that the names may log in if they prove to be right; throws a {@link LoginError} when not. */
  authorize(names: LoginNames, connection: Connection): LoginGrant;
  /** A login was answered with a status other than success. */
  refused(names: LoginNames, connection: Connection, status: number): void;
  /** Makes the session and returns its TSIH; throws a {@link LoginError} when it cannot be. */
  establish(connection: Connection, login: LoginResult): { tsih: number; phase: Phase };
}

/** The login phase of a connection (RFC 7143 §6.3): requests and responses, one at a time. */
export class LoginPhase implements Phase {
  readonly #connection: Connection;
  readonly #authority: LoginAuthority;
  readonly #negotiation: LoginNegotiation;
  readonly #text: TextAssembler;
  readonly #deadlineMs: number;
  /** ISID, TSIH and CID of the first request; the later ones must repeat them. */
  #identity: string | undefined = undefined;
  #stage: number | undefined = undefined;
  #requests = 0;
  #security: SecurityNegotiation | undefined = undefined;
  #segmentDeclared = false;
  #cmdSn = 0;
  /** The session's command window, once there is a session. */
  #next: Phase | undefined = undefined;

  constructor(connection: Connection, authority: LoginAuthority) {
    this.#connection = connection;
    this.#authority = authority;
    this.#negotiation = new LoginNegotiation(authority.limits);
    this.#text = new TextAssembler(authority.limits.maxTextBytes);
    this.#deadlineMs = connection.nowMs + authority.limits.loginTimeoutMs;
    authority.halfOpen.enter(connection);
  }

  get expCmdSn(): number {
    return this.#next?.expCmdSn ?? this.#cmdSn;
  }

  get maxCmdSn(): number {
    return this.#next?.maxCmdSn ?? this.#cmdSn;
  }

  onHeader(): undefined {
    return undefined;
  }

  onPdu(header: FrameHeader, data: Uint8Array): void {
    // RFC 7143 §7.13: anything but a Login Request before full feature phase ends the connection.
    if (header.opcode !== Opcode.LOGIN_REQUEST)
      return this.#refuse(undefined, LoginStatus.INVALID_DURING_LOGIN);
    let request: LoginRequestPdu | undefined;
    try {
      const bytes = header.bytes.subarray(header.offset, header.offset + header.headerLength);
      request = decodePdu(bytes, data) as LoginRequestPdu;
      this.#take(request);
    } catch (error) {
      if (!(error instanceof LoginError) && !(error instanceof PduError)) throw error;
      log('%s: %s', this.#connection.transport.remote.address, error.message);
      if (error instanceof LoginError) this.#refuse(request, error.status, error.keys);
      else this.#refuse(request, LoginStatus.INITIATOR_ERROR);
    }
  }

  drained(): void {
    // A login sends one response at a time and waits for nothing.
  }

  tick(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    log('%s: login not finished in time', this.#connection.transport.remote.address);
    this.#connection.fail();
  }

  closed(): void {
    this.#authority.halfOpen.leave(this.#connection);
  }

  #take(request: LoginRequestPdu): void {
    this.#check(request);
    const pairs = this.#text.push(request.data, request.continue);
    // RFC 7143 §6.2: until the C bit is 0 there is nothing to answer but an empty response.
    if (pairs === undefined) return this.#respond(request, [], false, 0);
    const rest = this.#negotiation.declare(pairs);
    const { security, answers } = this.#introduce();
    const stage = request.csg === LoginStage.SECURITY_NEGOTIATION ? 'security' : 'operational';
    // RFC 7143 §6.3: nothing operational is negotiated before the initiator has proven who it is.
    if (stage === 'operational') security.mayLeave();
    answers.push(...this.#negotiation.answer(rest, stage, security));
    if (stage === 'operational' && !this.#segmentDeclared) {
      this.#segmentDeclared = true;
      this.#negotiation.parameters.receiveSegmentBytes = this.#authority.limits.maxReceiveSegmentBytes;
      answers.push(['MaxRecvDataSegmentLength', String(this.#authority.limits.maxReceiveSegmentBytes)]);
    }
    if (!request.transit || !security.mayLeave()) return this.#respond(request, answers, false, 0);
    this.#stage = request.nsg;
    if (request.nsg === LoginStage.FULL_FEATURE_PHASE) this.#complete(request, answers);
    else this.#respond(request, answers, true, 0);
  }

  /** Order, version, stages and identity of a request (RFC 7143 §6.3, §11.12). */
  #check(request: LoginRequestPdu): void {
    this.#requests++;
    const limit = this.#authority.limits.maxLoginRequests;
    if (this.#requests > limit)
      throw new LoginError(LoginStatus.INITIATOR_ERROR, `more than ${limit} requests`);
    if (this.#identity === undefined) this.#connection.startStatSn(request.expStatSn);
    this.#cmdSn = request.cmdSn;
    // RFC 7143 §11.12.4: only version 0 is known.
    if (request.versionMin > 0) throw new LoginError(LoginStatus.UNSUPPORTED_VERSION, 'version');
    this.#checkStages(request);
    const identity = `${hex(request.isid)} ${request.tsih} ${request.cid}`;
    this.#identity ??= identity;
    if (this.#identity !== identity) {
      throw new LoginError(LoginStatus.INITIATOR_ERROR, 'ISID, TSIH or CID changed during login');
    }
  }

  #checkStages({ csg, nsg, transit, continue: more }: LoginRequestPdu): void {
    const expected = this.#stage ?? csg;
    const known = csg === LoginStage.SECURITY_NEGOTIATION || csg === LoginStage.OPERATIONAL_NEGOTIATION;
    if (!known || csg !== expected) throw new LoginError(LoginStatus.INITIATOR_ERROR, `stage ${csg}`);
    this.#stage = csg;
    if (!transit) return;
    // RFC 7143 §6.3: 0→1, 0→3 and 1→3; §11.12.2: T and C exclude each other.
    const legal =
      nsg > csg && (nsg === LoginStage.OPERATIONAL_NEGOTIATION || nsg === LoginStage.FULL_FEATURE_PHASE);
    if (!legal || more) throw new LoginError(LoginStatus.INITIATOR_ERROR, `transition ${csg} to ${nsg}`);
  }

  /** After the first whole request it is known who asks; the answer names the portal group (RFC 7143 §6.3.1, T-L7). */
  #introduce(): { security: SecurityNegotiation; answers: [string, string][] } {
    if (this.#security !== undefined) return { security: this.#security, answers: [] };
    const names = this.#negotiation.names;
    if (names.initiatorName === undefined)
      throw new LoginError(LoginStatus.MISSING_PARAMETER, 'no InitiatorName');
    if (!names.discovery && names.targetName === undefined) {
      throw new LoginError(LoginStatus.MISSING_PARAMETER, 'no TargetName');
    }
    const { alias, security } = this.#authority.authorize(names, this.#connection);
    this.#security = security;
    this.#negotiation.settleNames();
    const tag = this.#connection.transport.portal?.tag ?? PORTAL_GROUP_TAG;
    const answers: [string, string][] = [['TargetPortalGroupTag', String(tag)]];
    if (alias !== undefined) answers.push(['TargetAlias', alias]);
    return { security, answers };
  }

  #complete(request: LoginRequestPdu, answers: [string, string][]): void {
    const { names, parameters } = this.#negotiation;
    settleParameters(parameters);
    const { tsih, phase } = this.#authority.establish(this.#connection, {
      initiatorName: names.initiatorName as string,
      targetName: names.discovery ? undefined : names.targetName,
      isid: hex(request.isid),
      tsih: request.tsih,
      cid: request.cid,
      firstCmdSn: request.cmdSn,
      parameters,
      access: this.#security?.granted as AccessEntry,
    });
    this.#authority.halfOpen.leave(this.#connection);
    this.#next = phase;
    this.#respond(request, answers, true, tsih);
    // RFC 7143 §13.1: digests and lengths hold from the first PDU of full feature phase.
    const { framer, writer } = this.#connection;
    framer.headerDigest = writer.headerDigest = parameters.headerDigest;
    framer.dataDigest = writer.dataDigest = parameters.dataDigest;
    framer.maxDataSegmentLength = parameters.receiveSegmentBytes;
    this.#connection.enter(phase);
  }

  #respond(request: LoginRequestPdu, answers: [string, string][], transit: boolean, tsih: number): void {
    this.#connection.send({
      type: 'login-response',
      transit,
      continue: false,
      csg: request.csg,
      nsg: transit ? request.nsg : 0,
      versionMax: 0,
      versionActive: 0,
      isid: request.isid,
      tsih: transit && request.nsg === LoginStage.FULL_FEATURE_PHASE ? tsih : request.tsih,
      initiatorTaskTag: request.initiatorTaskTag,
      statusClass: 0,
      statusDetail: 0,
      data: encodeText(answers),
      ...this.#connection.numbers(),
    });
  }

  #refuse(
    request: LoginRequestPdu | undefined,
    status: number,
    keys: readonly [string, string][] = [],
  ): void {
    this.#authority.refused(this.#negotiation.names, this.#connection, status);
    this.#connection.send({
      type: 'login-response',
      transit: false,
      continue: false,
      csg: 0,
      nsg: 0,
      versionMax: 0,
      versionActive: 0,
      isid: request?.isid ?? new Uint8Array(6),
      tsih: request?.tsih ?? 0,
      initiatorTaskTag: request?.initiatorTaskTag ?? 0,
      statusClass: status >> 8,
      statusDetail: status & 0xff,
      data: encodeText(keys),
      ...this.#connection.numbers(),
    });
    this.#connection.finish();
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
