import {
  LoginStage,
  LoginStatus,
  Opcode,
  PduError,
  TextAssembler,
  decodePdu,
  encodeText,
  splitText,
  type FrameHeader,
  type LoginRequestPdu,
} from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import type { AccessEntry } from './auth/access-entry.ts';
import type { SecurityNegotiation } from './auth/security-negotiation.ts';
import type { Connection, Phase } from './connection.ts';
import { DEFAULT_SEGMENT_BYTES } from './limits.ts';
import type { CommandWindow, LoginAuthority, LoginResult } from './login-authority.ts';
import { LoginError } from './login-error.ts';
import { LoginNegotiation } from './login-negotiation.ts';
import { settleParameters } from './parameters.ts';
import { SignOfLife, type Pingable } from './sign-of-life.ts';
import { PORTAL_GROUP_TAG } from './target.ts';

const log = createDebug('lunbox:iscsi-target:login');

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
  /** To be told once the initiator has proven who it is. */
  #alias: string | undefined = undefined;
  /** What is left of an answer that does not fit into one PDU. */
  #segments: Uint8Array[] = [];
  #cmdSn = 0;
  /** Of the session that the connection wants to join: its other connections go by these numbers as well. */
  #joined: CommandWindow | undefined = undefined;
  #next: Phase | undefined = undefined;
  /** Whom the login evicts is asked first whether it is still there. */
  #asking: SignOfLife | undefined = undefined;

  constructor(connection: Connection, authority: LoginAuthority) {
    this.#connection = connection;
    this.#authority = authority;
    this.#negotiation = new LoginNegotiation(authority.limits);
    this.#text = new TextAssembler(authority.limits.maxTextBytes);
    this.#deadlineMs = connection.nowMs + authority.limits.loginTimeoutMs;
    authority.halfOpen.enter(connection);
  }

  get expCmdSn(): number {
    return (this.#next ?? this.#joined)?.expCmdSn ?? this.#cmdSn;
  }

  get maxCmdSn(): number {
    return (this.#next ?? this.#joined)?.maxCmdSn ?? this.#cmdSn;
  }

  onHeader(): undefined {
    return undefined;
  }

  onPdu(header: FrameHeader, data: Uint8Array): void {
    // RFC 7143 §4.2.4: anything but a Login Request ends the connection; unanswered, if it is the first.
    if (header.opcode !== Opcode.LOGIN_REQUEST && this.#requests === 0) return this.#connection.fail();
    if (header.opcode !== Opcode.LOGIN_REQUEST)
      return this.#refuse(undefined, LoginStatus.INVALID_DURING_LOGIN);
    let request: LoginRequestPdu | undefined;
    try {
      const bytes = header.bytes.subarray(header.offset, header.offset + header.headerLength);
      request = decodePdu(bytes, data) as LoginRequestPdu;
      this.#take(request);
    } catch (error) {
      this.#failed(error, request);
    }
  }

  malformed(): void {
    this.#connection.fail();
  }

  drained(): void {
    // A login sends one response at a time and waits for nothing.
  }

  tick(nowMs: number): void {
    this.#asking?.tick(nowMs);
    if (this.#next !== undefined || nowMs < this.#deadlineMs) return;
    log('%s: login not finished in time', this.#connection.transport.remote.address);
    this.#connection.fail();
  }

  closed(): void {
    this.#authority.halfOpen.leave(this.#connection);
    this.#asking = undefined;
  }

  #failed(error: unknown, request: LoginRequestPdu | undefined): void {
    if (!(error instanceof LoginError) && !(error instanceof PduError)) throw error;
    log('%s: %s', this.#connection.transport.remote.address, error.message);
    if (error instanceof LoginError) this.#refuse(request, error.status, error.keys);
    else this.#refuse(request, LoginStatus.INITIATOR_ERROR);
  }

  #take(request: LoginRequestPdu): void {
    this.#check(request);
    if (this.#segments.length > 0) return this.#answerGoesOn(request);
    const pairs = this.#text.push(request.data, request.continue);
    // RFC 7143 §6.2: until the C bit is 0 there is nothing to answer but an empty response.
    if (pairs === undefined) return this.#respond(request, EMPTY, {});
    const rest = this.#negotiation.declare(pairs);
    const { security, answers } = this.#introduce();
    const stage = request.csg === LoginStage.SECURITY_NEGOTIATION ? 'security' : 'operational';
    // RFC 7143 §6.3: nothing operational is negotiated before the initiator has proven who it is.
    if (stage === 'operational') security.mayLeave();
    answers.push(...this.#negotiation.answer(rest, stage, security, request.tsih === 0));
    answers.push(...this.#declarations(stage, security));
    // RFC 7143 §6.3: the default MaxRecvDataSegmentLength holds during login, for what we send too.
    this.#segments = splitText(encodeText(answers), DEFAULT_SEGMENT_BYTES);
    this.#answer(request);
  }

  /** RFC 7143 §6.2: a response with the C bit is answered with an empty request, and nothing else. */
  #answerGoesOn(request: LoginRequestPdu): void {
    if (request.data.length > 0 || request.continue)
      throw new LoginError(LoginStatus.INITIATOR_ERROR, 'text while the answer goes on');
    this.#answer(request);
  }

  #answer(request: LoginRequestPdu): void {
    const data = this.#segments.shift() as Uint8Array;
    if (this.#segments.length > 0) return this.#respond(request, data, { more: true });
    if (!request.transit || this.#security?.mayLeave() !== true) return this.#respond(request, data, {});
    this.#stage = request.nsg;
    if (request.nsg === LoginStage.FULL_FEATURE_PHASE) this.#complete(request, data);
    else this.#respond(request, data, { transit: true });
  }

  /** What this side says of its own, each once. */
  #declarations(stage: 'security' | 'operational', security: SecurityNegotiation): [string, string][] {
    const declared: [string, string][] = [];
    if (this.#alias !== undefined && security.granted !== undefined) {
      declared.push(['TargetAlias', this.#alias]);
      this.#alias = undefined;
    }
    if (stage === 'operational' && !this.#segmentDeclared) {
      this.#segmentDeclared = true;
      const { maxReceiveSegmentBytes } = this.#authority.limits;
      this.#negotiation.parameters.receiveSegmentBytes = maxReceiveSegmentBytes;
      declared.push(['MaxRecvDataSegmentLength', String(maxReceiveSegmentBytes)]);
    }
    return declared;
  }

  /** Order, version, stages and identity of a request (RFC 7143 §6.3, §11.12). */
  #check(request: LoginRequestPdu): void {
    this.#requests++;
    // RFC 7143 §6.3: a request is answered before the next is sent.
    if (this.#asking !== undefined) throw new LoginError(LoginStatus.INITIATOR_ERROR, 'two requests at once');
    const limit = this.#authority.limits.maxLoginRequests;
    if (this.#requests > limit)
      throw new LoginError(LoginStatus.INITIATOR_ERROR, `more than ${limit} requests`);
    if (this.#identity === undefined) this.#connection.startStatSn(request.expStatSn);
    this.#cmdSn = request.cmdSn;
    if (request.tsih !== 0) this.#joined ??= this.#authority.windowOf(hex(request.isid), request.tsih);
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
    this.#alias = alias;
    this.#negotiation.settleNames();
    const tag = this.#connection.transport.portal?.tag ?? PORTAL_GROUP_TAG;
    return { security, answers: [['TargetPortalGroupTag', String(tag)]] };
  }

  #complete(request: LoginRequestPdu, data: Uint8Array): void {
    const { names, parameters } = this.#negotiation;
    settleParameters(parameters);
    const digests = parameters.headerDigest && parameters.dataDigest;
    if (this.#authority.limits.requireDigests && !names.discovery && !digests) {
      throw new LoginError(LoginStatus.INITIATOR_ERROR, 'CRC32C digests are required');
    }
    const login: LoginResult = {
      initiatorName: names.initiatorName as string,
      targetName: names.discovery ? undefined : names.targetName,
      namedTarget: names.targetName,
      isid: hex(request.isid),
      tsih: request.tsih,
      cid: request.cid,
      firstCmdSn: request.cmdSn,
      parameters,
      access: this.#security?.granted as AccessEntry,
    };
    const evicted = this.#authority.inTheWay(this.#connection, login);
    const waitMs = this.#authority.limits.evictionPingMs;
    if (evicted.length === 0 || waitMs === 0) return this.#establish(request, data, login, false);
    this.#asking = new SignOfLife(evicted, this.#connection.nowMs, waitMs, (alive) => {
      if (this.#asking === undefined) return;
      try {
        this.#checkOvertaken(login, evicted);
        this.#establish(request, data, login, alive);
      } catch (error) {
        this.#failed(error, request);
      }
    });
  }

  /** Who has logged in while this login waited was not asked, and came later: this login is the stale one. */
  #checkOvertaken(login: LoginResult, asked: readonly Pingable[]): void {
    const inTheWay = this.#authority.inTheWay(this.#connection, login);
    if (inTheWay.length === 0 || inTheWay.some((each) => asked.includes(each))) return;
    throw new LoginError(LoginStatus.SERVICE_UNAVAILABLE, 'a later login has overtaken this one');
  }

  #establish(request: LoginRequestPdu, data: Uint8Array, login: LoginResult, overLive: boolean): void {
    const { parameters } = login;
    const { tsih, phase, afterwards } = this.#authority.establish(this.#connection, login, overLive);
    this.#authority.halfOpen.leave(this.#connection);
    this.#next = phase;
    this.#respond(request, data, { transit: true, tsih });
    // RFC 7143 §13.1: digests and lengths hold from the first PDU of full feature phase.
    const { framer, writer } = this.#connection;
    framer.headerDigest = writer.headerDigest = parameters.headerDigest;
    framer.dataDigest = writer.dataDigest = parameters.dataDigest;
    framer.maxDataSegmentLength = parameters.receiveSegmentBytes;
    this.#connection.outbox.grow();
    this.#connection.enter(phase);
    afterwards?.();
  }

  /** @param how - Whether the stage ends, or the text goes on; the TSIH is for the last response. */
  #respond(
    request: LoginRequestPdu,
    data: Uint8Array,
    {
      transit = false,
      more = false,
      tsih = request.tsih,
    }: { transit?: boolean; more?: boolean; tsih?: number },
  ): void {
    this.#connection.send({
      type: 'login-response',
      transit,
      continue: more,
      csg: request.csg,
      nsg: transit ? request.nsg : 0,
      versionMax: 0,
      versionActive: 0,
      isid: request.isid,
      tsih,
      initiatorTaskTag: request.initiatorTaskTag,
      statusClass: 0,
      statusDetail: 0,
      data,
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

const EMPTY = new Uint8Array(0);

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
