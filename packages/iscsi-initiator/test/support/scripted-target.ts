import { SeededRandom, SimulatedClock } from '@lunbox/block';
import {
  decodePdu,
  decodeText,
  encodeText,
  Framer,
  NO_TTT,
  RESERVED_TAG,
  serializePdu,
  type DataInPdu,
  type FrameHeader,
  type InitiatorPdu,
  type LoginRequestPdu,
  type ScsiCommandPdu,
  type ScsiResponsePdu,
  type TargetPdu,
  type TaskManagementRequestPdu,
} from '@lunbox/iscsi-pdu';
import { IscsiSession, type Channel, type ChannelEvents, type Portal } from '../../src/index.ts';
import type { SessionOptions, SessionSeams } from '../../src/index.ts';
import { chapDigest } from '../../src/shell/chap-digest.ts';

export const PORTAL: Portal = { host: 'target.example', port: 3260 };
export const TARGET_NAME = 'iqn.2026-11.io.lunbox:scripted';

const EMPTY = new Uint8Array(0);
const NO_LUN = new Uint8Array(8);

/** The answer to one login request: text, and what differs from plain agreement. */
export interface LoginAnswer {
  readonly keys?: Record<string, string>;
  readonly transit?: boolean;
  readonly continue?: boolean;
  readonly status?: number;
  /** The text of the answer as bytes, for what is no proper text. */
  readonly data?: Uint8Array;
}

/** One connection of the initiator under test: what it sent, and a voice to answer with. */
export class ScriptedConnection implements Channel {
  readonly portal: Portal;
  readonly received: InitiatorPdu[] = [];
  statSn = 1000;
  maxCmdSn = 64;
  ended = false;
  /** The next PDU arrives with its last bit flipped. */
  spoilNext = false;
  headerDigest = false;
  dataDigest = false;
  readonly #target: ScriptedTarget;
  readonly #events: ChannelEvents;
  readonly #framer: Framer;

  constructor(target: ScriptedTarget, portal: Portal, events: ChannelEvents) {
    this.portal = portal;
    this.#target = target;
    this.#events = events;
    const onPdu = (header: FrameHeader, data: Uint8Array, digestOk: boolean): void => {
      if (!digestOk) throw new Error('the initiator sent a wrong data digest');
      const bytes = header.bytes.slice(header.offset, header.offset + header.headerLength);
      const pdu = decodePdu(bytes, data.slice()) as InitiatorPdu;
      this.received.push(pdu);
      queueMicrotask(() => this.ended || this.#target.answer(this, pdu));
    };
    this.#framer = new Framer({ onHeader: () => undefined, onPdu }, { maxDataSegmentLength: 0xffffff });
  }

  /** PDUs of one type, in their order. */
  sent<K extends InitiatorPdu['type']>(type: K): Extract<InitiatorPdu, { type: K }>[] {
    return this.received.filter((pdu) => pdu.type === type) as Extract<InitiatorPdu, { type: K }>[];
  }

  /** Sends a PDU as it is. */
  say(pdu: TargetPdu): void {
    const bytes = serializePdu(pdu, { header: this.headerDigest, data: this.dataDigest });
    if (this.spoilNext) bytes[bytes.length - 1]! ^= 1;
    this.spoilNext = false;
    this.hear(bytes);
  }

  /** Sends raw bytes. */
  hear(bytes: Uint8Array): void {
    if (!this.ended) this.#events.received(bytes);
  }

  /** The numbers of a PDU that uses a StatSN up. */
  numbers(): { statSn: number; expCmdSn: number; maxCmdSn: number } {
    const numbers = this.#currentNumbers();
    this.statSn++;
    return numbers;
  }

  /** The answer to a task management request. */
  managed({ initiatorTaskTag }: TaskManagementRequestPdu, response = 0): void {
    const rest = { response, additionalResponse: 0, initiatorTaskTag };
    this.say({ type: 'task-management-response', ...rest, ...this.numbers() });
  }

  /** A Reject of what was received. */
  reject(reason: number, rejected: InitiatorPdu): void {
    const data = serializePdu(rejected, { header: false, data: false }).slice(0, 48);
    this.say({ type: 'reject', reason, dataSn: 0, data, ...this.numbers() });
  }

  /** A SCSI Response. */
  respond(
    { initiatorTaskTag }: ScsiCommandPdu,
    status = 0,
    data: Uint8Array = EMPTY,
    more: Partial<ScsiResponsePdu> = {},
  ): void {
    const flags = { bidirectionalOverflow: false, bidirectionalUnderflow: false, overflow: false };
    const counts = { bidirectionalResidualCount: 0, residualCount: 0, expDataSn: 0, snackTag: 0 };
    const rest = { underflow: false, response: 0, status, statusQualifier: 0, initiatorTaskTag, data };
    const numbers = more.statSn === undefined ? this.numbers() : this.#currentNumbers();
    this.say({ type: 'scsi-response', ...flags, ...counts, ...rest, ...numbers, ...more });
  }

  /** Data-In, with GOOD status when it is the last. */
  dataIn(
    { initiatorTaskTag }: ScsiCommandPdu,
    place: { bufferOffset: number; dataSn: number; final: boolean } & Partial<DataInPdu>,
    data: Uint8Array,
  ): void {
    const { hasStatus = place.final } = place;
    const flags = { acknowledge: false, overflow: false, underflow: false };
    const rest = { status: 0, lun: NO_LUN, initiatorTaskTag, targetTransferTag: NO_TTT, residualCount: 0 };
    const numbers = hasStatus ? this.numbers() : { ...this.#currentNumbers(), statSn: 0 };
    this.say({ type: 'data-in', ...flags, ...rest, ...numbers, ...place, hasStatus, data });
  }

  /** An R2T. */
  r2t(
    { initiatorTaskTag, lun }: ScsiCommandPdu,
    tag: number,
    r2tSn: number,
    offset: number,
    length: number,
  ): void {
    const place = { r2tSn, bufferOffset: offset, desiredDataTransferLength: length };
    const tags = { lun, initiatorTaskTag, targetTransferTag: tag };
    this.say({ type: 'r2t', ...tags, ...place, ...this.#currentNumbers() });
  }

  /** The connection breaks. */
  cut(reason?: string): void {
    if (this.ended) return;
    this.ended = true;
    this.#events.closed(reason === undefined ? undefined : new Error(reason));
  }

  /** Answers a login request. */
  loginResponse(request: LoginRequestPdu, answer: LoginAnswer): void {
    const { keys = {}, transit = request.transit, status = 0 } = answer;
    this.say({
      type: 'login-response',
      transit: transit && status === 0,
      continue: answer.continue ?? false,
      csg: request.csg,
      nsg: transit ? request.nsg : 0,
      versionMax: 0,
      versionActive: 0,
      isid: request.isid,
      tsih: 1,
      initiatorTaskTag: request.initiatorTaskTag,
      statusClass: status >> 8,
      statusDetail: status & 0xff,
      data: answer.data ?? encodeText(Object.entries(keys)),
      ...this.numbers(),
    });
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    for (const segment of segments) this.#framer.push(segment);
    queueMicrotask(done);
  }

  defer(callback: () => void): void {
    queueMicrotask(callback);
  }

  end(): void {
    this.cut();
  }

  destroy(): void {
    this.cut();
  }

  /** Full feature phase: digests as the script negotiated them. */
  useDigests(header: boolean, data: boolean): void {
    this.headerDigest = this.#framer.headerDigest = header;
    this.dataDigest = this.#framer.dataDigest = data;
  }

  #currentNumbers(): { statSn: number; expCmdSn: number; maxCmdSn: number } {
    return {
      statSn: this.statSn,
      expCmdSn: this.#target.expCmdSn ?? this.#receivedCmdSn,
      maxCmdSn: this.maxCmdSn,
    };
  }

  /** Everything that came by any connection of the session counts. */
  get #receivedCmdSn(): number {
    const open = this.#target.connections.filter(({ ended }) => !ended);
    const commands = open.flatMap((connection) => connection.sent('scsi-command'));
    return Math.max(0, ...commands.filter(({ immediate }) => !immediate).map(({ cmdSn }) => cmdSn)) + 1;
  }
}

/** A target that does what the test says, without a network: it takes every login and answers pings and logouts. */
export class ScriptedTarget {
  readonly connections: ScriptedConnection[] = [];
  readonly clock: SimulatedClock = new SimulatedClock();
  /** Answers to login requests; by default agreement, with a word for each key that needs one. */
  login: (request: Record<string, string>, count: number, portal: Portal) => LoginAnswer = (keys) => ({
    keys: agreement(keys),
  });
  /** What happens to commands; by default they are answered with GOOD. */
  command: (connection: ScriptedConnection, pdu: ScsiCommandPdu) => void = (connection, pdu) =>
    connection.respond(pdu);
  /** False: connections are refused. */
  reachable = true;
  /** Overrides what is told of the commands that have come. */
  expCmdSn: number | undefined;
  /** What happens to task management requests; by default nothing. */
  manage: (connection: ScriptedConnection, pdu: TaskManagementRequestPdu) => void = () => undefined;
  /** The answer to a logout (RFC 7143 §11.15.1). */
  logoutResponse = 0;
  /** False: pings are not answered. */
  alive = true;
  readonly #random: SessionSeams['random'];

  constructor(random: SessionSeams['random'] = new SeededRandom(1)) {
    this.#random = random;
  }

  /** The latest connection. */
  get connection(): ScriptedConnection {
    return this.connections.at(-1) as ScriptedConnection;
  }

  /** What leads to this target instead of the network. */
  get seams(): SessionSeams {
    return { clock: this.clock, random: this.#random, chapDigest, dial: this.#dial };
  }

  session(options: Partial<SessionOptions> = {}): IscsiSession {
    return new IscsiSession({ portal: PORTAL, targetName: TARGET_NAME, ...options }, this.seams);
  }

  /** A session that is open. */
  async open(options: Partial<SessionOptions> = {}): Promise<IscsiSession> {
    const session = this.session(options);
    await session.open();
    return session;
  }

  /** Agrees to both digests at login. */
  useDigests(): void {
    const { login } = this;
    this.login = (keys, count, portal) => {
      const answer = login(keys, count, portal);
      if (keys['HeaderDigest'] === undefined) return answer;
      const { connection } = this;
      queueMicrotask(() => connection.useDigests(true, true));
      return { ...answer, keys: { ...answer.keys, HeaderDigest: 'CRC32C', DataDigest: 'CRC32C' } };
    };
  }

  /** Lets time pass in small steps, and everything happen that follows. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      this.clock.advance(Math.min(50, left));
      await settle();
    }
  }

  answer(connection: ScriptedConnection, pdu: InitiatorPdu): void {
    switch (pdu.type) {
      case 'login-request': {
        const count = connection.sent('login-request').length;
        const keys = Object.fromEntries(decodeText(pdu.data));
        connection.loginResponse(pdu, this.login(keys, count, connection.portal));
        return;
      }
      case 'nop-out':
        if (this.alive && pdu.initiatorTaskTag !== RESERVED_TAG) {
          const tags = { initiatorTaskTag: pdu.initiatorTaskTag, targetTransferTag: NO_TTT };
          connection.say({ type: 'nop-in', lun: NO_LUN, ...tags, data: EMPTY, ...connection.numbers() });
        }
        return;
      case 'logout-request': {
        const { initiatorTaskTag } = pdu;
        const rest = { response: this.logoutResponse, initiatorTaskTag, time2Wait: 0, time2Retain: 0 };
        connection.say({ type: 'logout-response', ...rest, ...connection.numbers() });
        return;
      }
      case 'scsi-command':
        this.command(connection, pdu);
        return;
      case 'task-management-request':
        this.manage(connection, pdu);
        return;
      default:
    }
  }

  readonly #dial: SessionSeams['dial'] = (portal, events) => {
    const connection = new ScriptedConnection(this, portal, events);
    this.connections.push(connection);
    queueMicrotask(() => (this.reachable ? events.opened() : connection.cut('refused')));
    return connection;
  };
}

/** Lets promises and microtasks run until they are through. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Takes what is offered, of a list the first; digests stay off. */
export function agreement(offered: Record<string, string>): Record<string, string> {
  if (offered['AuthMethod'] === undefined && offered['HeaderDigest'] === undefined) return {};
  if (offered['AuthMethod'] !== undefined) return { AuthMethod: 'None', TargetPortalGroupTag: '1' };
  const silent = ['MaxRecvDataSegmentLength', 'HeaderDigest', 'DataDigest'];
  const answers = Object.entries(offered).filter(([name]) => !silent.includes(name));
  const [taskReporting] = (offered['TaskReporting'] ?? '').split(',');
  return {
    ...Object.fromEntries(answers),
    ...(taskReporting ? { TaskReporting: taskReporting } : {}),
    HeaderDigest: 'None',
    DataDigest: 'None',
    MaxRecvDataSegmentLength: '8192',
  };
}
