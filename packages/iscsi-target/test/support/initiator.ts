import {
  Framer,
  NO_TTT,
  RESERVED_TAG,
  decodePdu,
  decodeText,
  encodeText,
  serializePdu,
  type FrameHeader,
  type InitiatorPdu,
  type LoginRequestPdu,
  type LoginResponsePdu,
  type ScsiCommandPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { DEFAULT_LIMITS, type TargetEngine } from '../../src/index.ts';
import type { Connection } from '../../src/connection.ts';
import { MemoryTransport } from './memory-transport.ts';

export const TARGET_NAME = 'iqn.2026-11.io.lunbox:test';
export const INITIATOR_NAME = 'iqn.1994-05.com.example:tester';

/** What the first Login Request of every connection of a normal session says. */
export const NAMES: Readonly<Record<string, string>> = {
  InitiatorName: INITIATOR_NAME,
  TargetName: TARGET_NAME,
};

const EMPTY = new Uint8Array(0);

/** Changes to the login that {@link TestInitiator.login} makes. */
export interface LoginOptions {
  readonly keys?: Record<string, string>;
  readonly discovery?: boolean;
  readonly isid?: number;
  readonly initiatorName?: string;
}

/**
 * An initiator for tests: it sends exactly the PDU it is told to, and gives back what the target sent. It does
 * no more than number its PDUs.
 */
export class TestInitiator {
  readonly transport: MemoryTransport;
  readonly connection: Connection;
  readonly engine: TargetEngine;
  cmdSn = 1;
  expStatSn = 0;
  headerDigest = false;
  dataDigest = false;
  nowMs = 0;
  /** The session that {@link login} opened. */
  isid = isidOf(1);
  tsih = 0;
  #nextItt = 1;
  readonly #received: TargetPdu[] = [];
  readonly #framer: Framer;

  constructor(engine: TargetEngine, transport: MemoryTransport = new MemoryTransport()) {
    this.engine = engine;
    this.transport = transport;
    const connection = engine.accept(this.transport, 0);
    if (connection === undefined) throw new Error('the engine refused the connection');
    this.connection = connection as Connection;
    const receiver = {
      onHeader: () => undefined,
      onPdu: (header: FrameHeader, data: Uint8Array) => {
        const bytes = header.bytes.slice(header.offset, header.offset + header.headerLength);
        this.#received.push(decodePdu(bytes, data.slice()) as TargetPdu);
      },
    };
    this.#framer = new Framer(receiver, { maxDataSegmentLength: 0xffffff });
  }

  /** A fresh initiator task tag. */
  newTag(): number {
    return this.#nextItt++;
  }

  /** Sends PDUs in one piece and returns what the target answers when nothing more happens. */
  async send(...pdus: InitiatorPdu[]): Promise<TargetPdu[]> {
    const digests = { header: this.headerDigest, data: this.dataDigest };
    const answers = await this.sendBytes(...pdus.map((pdu) => serializePdu(pdu, digests)));
    const waits = answers.length === 0 && pdus.some(({ type }) => type === 'login-request');
    if (!waits || this.connection.ended) return answers;
    // Whom the login evicts is asked for a sign of life first (T-L9), and nobody answers here.
    this.engine.tick(this.nowMs + DEFAULT_LIMITS.evictionPingMs);
    return this.settle();
  }

  /** Sends raw bytes, each piece as one chunk of the stream. */
  async sendBytes(...pieces: Uint8Array[]): Promise<TargetPdu[]> {
    for (const piece of pieces) this.connection.receive(piece, this.nowMs);
    return this.settle();
  }

  /** Waits until the target has nothing more to do; returns what it sent since. */
  async settle(): Promise<TargetPdu[]> {
    for (const bytes of await this.transport.settle()) this.#framer.push(bytes);
    const pdus = this.#received.splice(0);
    for (const pdu of pdus) if ('statSn' in pdu && takesStatSn(pdu)) this.expStatSn = (pdu.statSn + 1) >>> 0;
    return pdus;
  }

  /** A Login Request with this initiator's numbers. */
  loginRequest(fields: Partial<LoginRequestPdu>, keys: Record<string, string>): LoginRequestPdu {
    return {
      type: 'login-request',
      transit: true,
      continue: false,
      csg: 1,
      nsg: 3,
      versionMax: 0,
      versionMin: 0,
      isid: isidOf(1),
      tsih: 0,
      initiatorTaskTag: 0,
      cid: 0,
      cmdSn: this.cmdSn,
      expStatSn: this.expStatSn,
      data: encodeText(Object.entries(keys)),
      ...fields,
    };
  }

  /** Logs in with one request and returns the keys that the target answered. */
  async login(options: LoginOptions = {}): Promise<Record<string, string>> {
    const InitiatorName = options.initiatorName ?? INITIATOR_NAME;
    const names: Record<string, string> = options.discovery
      ? { InitiatorName, SessionType: 'Discovery' }
      : { ...NAMES, InitiatorName };
    const isid = isidOf(options.isid ?? 1);
    const [response] = await this.send(this.loginRequest({ isid }, { ...names, ...options.keys }));
    const login = response as LoginResponsePdu;
    if (login?.statusClass !== 0) throw new Error(`login failed: ${JSON.stringify(login)}`);
    this.isid = isid;
    this.tsih = login.tsih;
    this.headerDigest = this.#framer.headerDigest = options.keys?.['HeaderDigest'] === 'CRC32C';
    this.dataDigest = this.#framer.dataDigest = options.keys?.['DataDigest'] === 'CRC32C';
    return Object.fromEntries(decodeText(login.data));
  }

  /** A SCSI Command with the next CmdSN and a fresh tag. */
  command(cdb: readonly number[], fields: Partial<ScsiCommandPdu> = {}): ScsiCommandPdu {
    const padded = new Uint8Array(16);
    padded.set(cdb);
    return {
      type: 'scsi-command',
      immediate: false,
      final: true,
      read: false,
      write: false,
      attribute: 1,
      priority: 0,
      lun: new Uint8Array(8),
      initiatorTaskTag: this.newTag(),
      expectedDataTransferLength: 0,
      cdb: padded,
      cmdSn: fields.immediate === true ? this.cmdSn : this.cmdSn++,
      expStatSn: this.expStatSn,
      data: EMPTY,
      ...fields,
    };
  }

  /** READ(10) of `blocks` blocks at `lba`. */
  read10(lba: number, blocks: number, fields: Partial<ScsiCommandPdu> = {}): ScsiCommandPdu {
    const expectedDataTransferLength = blocks * 512;
    return this.command(cdb10(0x28, lba, blocks), { read: true, expectedDataTransferLength, ...fields });
  }

  /** WRITE(10) of `blocks` blocks at `lba`. */
  write10(lba: number, blocks: number, fields: Partial<ScsiCommandPdu> = {}): ScsiCommandPdu {
    const expectedDataTransferLength = blocks * 512;
    return this.command(cdb10(0x2a, lba, blocks), { write: true, expectedDataTransferLength, ...fields });
  }

  /** A Data-Out PDU for a command. */
  dataOut(
    command: ScsiCommandPdu,
    fields: {
      data: Uint8Array;
      bufferOffset: number;
      dataSn: number;
      final: boolean;
      targetTransferTag?: number;
    },
  ): InitiatorPdu {
    return {
      type: 'data-out',
      lun: command.lun,
      initiatorTaskTag: command.initiatorTaskTag,
      targetTransferTag: NO_TTT,
      expStatSn: this.expStatSn,
      ...fields,
    };
  }
}

function isidOf(number: number): Uint8Array {
  return Uint8Array.of(0x80, 0, 0, 0, 0, number);
}

/** An initiator that is logged in with these keys. */
export async function loggedIn(
  engine: TargetEngine,
  keys: Record<string, string> = {},
): Promise<TestInitiator> {
  const initiator = new TestInitiator(engine);
  await initiator.login({ keys });
  return initiator;
}

/** What {@link joinSession} sends in its Login Request. */
export interface JoinOptions {
  readonly cid: number;
  readonly keys?: Record<string, string>;
  readonly fields?: Partial<LoginRequestPdu>;
}

/**
 * One Login Request to the session of `first`, for a further connection or in place of the one with this CID, and
 * the answer, whatever its status. Commands of the connection are best made by `first`, which numbers them.
 */
export async function joinSession(
  first: TestInitiator,
  { cid, keys, fields }: JoinOptions,
): Promise<{ joined: TestInitiator; response: LoginResponsePdu }> {
  const joined = new TestInitiator(first.engine);
  const { isid, tsih, cmdSn } = first;
  const request = joined.loginRequest({ isid, tsih, cid, cmdSn, ...fields }, { ...NAMES, ...keys });
  const [response] = await joined.send(request);
  return { joined, response: response as LoginResponsePdu };
}

/** An R2T and a ping show the next StatSN and do not take it (RFC 7143 §11.8.3, §11.19.4). */
function takesStatSn(pdu: TargetPdu): boolean {
  return pdu.type !== 'r2t' && !(pdu.type === 'nop-in' && pdu.initiatorTaskTag === RESERVED_TAG);
}

/** A 10-byte CDB with an LBA and a transfer length in blocks. */
export function cdb10(opcode: number, lba: number, blocks: number): number[] {
  return [
    opcode,
    0,
    lba >>> 24,
    (lba >>> 16) & 255,
    (lba >>> 8) & 255,
    lba & 255,
    0,
    blocks >> 8,
    blocks & 255,
    0,
  ];
}
