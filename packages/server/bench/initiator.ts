import { Connection } from './connection.ts';
import {
  bhsLength,
  loginKeys,
  loginRequest,
  noTag,
  opcode,
  readLogin,
  writeCommand,
  writeDataOut,
  writeLogout,
  writeNopOut,
  type Negotiated,
} from './initiator-pdu.ts';
import { CommandError, Task } from './task.ts';

/** Where to log in. */
export interface InitiatorOptions {
  readonly host: string;
  readonly port: number;
  readonly iqn: string;
  readonly lun: number;
  /** Distinguishes sessions of one initiator name; 24 bits. Default 1. */
  readonly isid?: number;
  readonly initiatorName?: string;
  /** Insists on CRC32C digests of headers and data. Default false. */
  readonly digests?: boolean;
}

const pingTag = 0xfffffff0;
const logoutTag = 0xfffffff1;
/** Command PDU flags (RFC 7143 §11.3.1). */
const flag = { final: 0x80, read: 0x40, write: 0x20 } as const;

/**
 * A small iSCSI initiator (one connection, no authentication, ErrorRecoveryLevel 0) that costs so little per command
 * that the target is what gets measured. Data is offered as libiscsi offers it, in whole words.
 */
export class Initiator {
  readonly #options: InitiatorOptions;
  readonly #connection: Connection;
  /** Tasks in flight by tag; tags are small numbers and used again. */
  readonly #tasks: (Task | undefined)[] = [];
  readonly #freeTags: number[] = [];
  readonly #waiting: Task[] = [];
  readonly #numbers = { cmdSn: 1, expStatSn: 0 };
  #maxCmdSn = 1;
  #negotiated: Negotiated | undefined;

  // The PDU that is arriving.
  readonly #header: Buffer = Buffer.alloc(bhsLength);
  #opcode = 0;
  #task: Task | undefined;
  #endsTask = false;
  #dataAt = 0;
  readonly #control: Buffer[] = [];

  #onLogin: ((header: Buffer, data: Buffer) => void) | undefined;
  #onPing: (() => void) | undefined;
  #onLogout: (() => void) | undefined;
  #tellAsync: (event: number) => void = () => undefined;
  /** Fulfilled with the event code of the first asynchronous message; 1 asks for a logout (RFC 7143 §11.9.1). */
  readonly asyncMessage: Promise<number> = new Promise((resolve) => (this.#tellAsync = resolve));

  private constructor(options: InitiatorOptions) {
    this.#options = options;
    this.#connection = new Connection(options.host, options.port, {
      onHeader: (bytes, at) => this.#beginPdu(bytes, at),
      onData: (bytes, start, end) => this.#takeData(bytes, start, end),
      onEnd: () => this.#endPdu(),
    });
  }

  /** Connects and logs in. */
  static async connect(options: InitiatorOptions): Promise<Initiator> {
    const initiator = new Initiator(options);
    await initiator.#connection.orClosed(initiator.#login());
    return initiator;
  }

  /** Fulfilled when the connection has ended; with the reason unless this side asked for it. */
  get closed(): Promise<Error | undefined> {
    return this.#connection.closed;
  }

  /** Starts a command; `task.onDone` is called with its status. It waits when the command window is closed. */
  submit(task: Task): void {
    task.submittedAt = performance.now();
    if (this.#windowIsOpen()) this.#send(task);
    else this.#waiting.push(task);
    this.#connection.scheduleFlush();
  }

  /** Runs one command to its end, whatever its status. */
  execute(task: Task): Promise<Task> {
    const done = new Promise<Task>((resolve) => (task.onDone = resolve));
    this.submit(task);
    return this.#connection.orClosed(done);
  }

  /** Sends a CDB that reads or moves no data; anything but GOOD is a {@link CommandError}. */
  async command(cdb: readonly number[], readLength = 0): Promise<Buffer> {
    const task = new Task();
    task.cdb.set(cdb);
    task.direction = readLength > 0 ? 'read' : 'none';
    task.lengthBytes = readLength;
    task.data = Buffer.alloc(readLength);
    await this.execute(task);
    if (task.status !== 0 || task.response !== 0) throw new CommandError(task);
    return task.data.subarray(0, task.receivedBytes);
  }

  /** Sends a NOP-Out ping; resolves to the round trip in milliseconds. One at a time. */
  ping(): Promise<number> {
    const startedAt = performance.now();
    const answered = new Promise<number>((resolve) => {
      this.#onPing = () => resolve(performance.now() - startedAt);
    });
    this.#nopOut(pingTag, noTag);
    this.#connection.scheduleFlush();
    return this.#connection.orClosed(answered);
  }

  /** Logs out in order and closes the connection. */
  async logout(): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.#onLogout = resolve));
    const { outbox } = this.#connection;
    const at = outbox.reserve(bhsLength);
    writeLogout(outbox.slab, at, logoutTag, this.#numbers);
    this.#sealHeader(at);
    this.#connection.scheduleFlush();
    await this.#connection.orClosed(answered);
    this.#connection.end();
    await this.closed;
  }

  /** Drops the connection without a word. */
  destroy(): void {
    this.#connection.destroy();
  }

  async #login(): Promise<void> {
    const {
      initiatorName = 'iqn.2026-01.example.judge:bench',
      iqn,
      isid = 1,
      digests = false,
    } = this.#options;
    const request = loginRequest(isid, loginKeys(initiatorName, iqn, digests), this.#numbers);
    const answer = new Promise<Negotiated>((resolve, reject) => {
      this.#onLogin = (header, data) => {
        const outcome = readLogin(header, data);
        if (outcome instanceof Error) reject(outcome);
        else if (outcome.digests !== digests) reject(new Error('the target does not agree to both digests'));
        else {
          if (digests) this.#connection.useDigests();
          resolve(outcome);
        }
      };
    });
    this.#connection.outbox.payload(request, 0, request.length);
    this.#connection.scheduleFlush();
    this.#negotiated = await answer;
  }

  #windowIsOpen(): boolean {
    return ((this.#maxCmdSn - this.#numbers.cmdSn) | 0) >= 0;
  }

  #send(task: Task): void {
    const tag = this.#freeTags.pop() ?? this.#tasks.length;
    this.#tasks[tag] = task;
    task.itt = tag;
    task.receivedBytes = 0;
    const { outbox } = this.#connection;
    const { lengthBytes, direction } = task;
    const { immediate, unsolicited } = this.#burst(task);
    const at = outbox.reserve(bhsLength);
    let flags = direction === 'read' ? flag.read : direction === 'write' ? flag.write : 0;
    if (unsolicited <= immediate) flags |= flag.final;
    const fields = {
      flags,
      immediateLength: immediate,
      lun: this.#options.lun,
      itt: tag,
      lengthBytes,
      cdb: task.cdb,
    };
    writeCommand(outbox.slab, at, fields, this.#numbers);
    this.#sealHeader(at);
    this.#numbers.cmdSn = (this.#numbers.cmdSn + 1) >>> 0;
    if (immediate > 0 && task.data) this.#sendPayload(task.data, 0, immediate);
    if (unsolicited > immediate) this.#sendData(task, noTag, immediate, unsolicited);
  }

  /** How much of a write goes with the command, and how much before the first R2T (RFC 7143 §13.10–13.14). */
  #burst(task: Task): { immediate: number; unsolicited: number } {
    const negotiated = this.#negotiated;
    if (task.direction !== 'write' || !negotiated) return { immediate: 0, unsolicited: 0 };
    const first = Math.min(negotiated.firstBurstLength, task.lengthBytes);
    const immediate = negotiated.immediateData ? Math.min(first, negotiated.sendSegmentLength) : 0;
    return { immediate, unsolicited: negotiated.initialR2t ? immediate : first };
  }

  #sendData(task: Task, ttt: number, start: number, end: number): void {
    const { outbox } = this.#connection;
    const step = this.#negotiated?.sendSegmentLength ?? 8192;
    const { lun } = this.#options;
    let dataSn = 0;
    for (let offset = start; offset < end; offset += step) {
      const length = Math.min(step, end - offset);
      const isFinal = offset + length === end;
      const at = outbox.reserve(bhsLength);
      const fields = { isFinal, length, lun, itt: task.itt, ttt, dataSn: dataSn++, offset };
      writeDataOut(outbox.slab, at, fields, this.#numbers.expStatSn);
      this.#sealHeader(at);
      if (task.data) this.#sendPayload(task.data, offset, offset + length);
    }
  }

  #sendPayload(data: Buffer, start: number, end: number): void {
    const { outbox } = this.#connection;
    outbox.payload(data, start, end);
    if (this.#negotiated?.digests) outbox.digest(data, start, end);
  }

  /** Ends the header that was written at the end of the outbox. */
  #sealHeader(at: number): void {
    const { outbox } = this.#connection;
    if (this.#negotiated?.digests) outbox.digest(outbox.slab, at, at + bhsLength);
  }

  #nopOut(itt: number, ttt: number): void {
    const { outbox } = this.#connection;
    const at = outbox.reserve(bhsLength);
    writeNopOut(outbox.slab, at, { lun: this.#options.lun, itt, ttt }, this.#numbers);
    this.#sealHeader(at);
  }

  #beginPdu(bytes: Buffer, at: number): void {
    this.#opcode = bytes[at]! & 0x3f;
    this.#endsTask = false;
    this.#task = undefined;
    this.#updateWindow(bytes, at);
    const isDataIn = this.#opcode === opcode.dataIn;
    if (!isDataIn && this.#opcode !== opcode.response && this.#opcode !== opcode.r2t) {
      bytes.copy(this.#header, 0, at, at + bhsLength);
      return;
    }
    const tag = bytes.readUInt32BE(at + 16);
    const task = this.#tasks[tag];
    if (!task) throw new Error(`PDU ${this.#opcode.toString(16)} for unknown task tag ${tag.toString(16)}`);
    this.#task = task;
    if (this.#opcode === opcode.r2t) this.#answerR2t(task, bytes, at);
    else if (isDataIn) this.#dataAt = bytes.readUInt32BE(at + 40);
    // The S bit of Data-In says that it carries the status too (§11.7.3).
    if (this.#opcode === opcode.response || (isDataIn && (bytes[at + 1]! & 1) !== 0)) {
      this.#endsTask = true;
      this.#readStatus(task, bytes, at, isDataIn);
    }
  }

  #readStatus(task: Task, bytes: Buffer, at: number, isDataIn: boolean): void {
    const flags = bytes[at + 1]!;
    task.response = isDataIn ? 0 : bytes[at + 2]!;
    task.status = bytes[at + 3]!;
    const residual = bytes.readUInt32BE(at + 44);
    task.residualBytes = (flags & 2) !== 0 ? residual : (flags & 4) !== 0 ? -residual : 0;
    if (task.sense.length > 0) task.sense = Buffer.alloc(0);
  }

  #answerR2t(task: Task, bytes: Buffer, at: number): void {
    const offset = bytes.readUInt32BE(at + 40);
    this.#sendData(task, bytes.readUInt32BE(at + 20), offset, offset + bytes.readUInt32BE(at + 44));
  }

  #takeData(bytes: Buffer, start: number, end: number): void {
    const task = this.#task;
    if (!task || this.#opcode !== opcode.dataIn) {
      this.#control.push(Buffer.from(bytes.subarray(start, end)));
      return;
    }
    if (task.data && task.direction === 'read') bytes.copy(task.data, this.#dataAt, start, end);
    this.#dataAt += end - start;
    task.receivedBytes += end - start;
  }

  #endPdu(): void {
    const task = this.#task;
    if (!task) this.#takeControl();
    else if (this.#endsTask) this.#finish(task);
    this.#control.length = 0;
  }

  #finish(task: Task): void {
    // Sense data follows its own two-byte length (§11.4.7.1).
    if (this.#control.length > 0) task.sense = Buffer.concat(this.#control).subarray(2);
    this.#tasks[task.itt] = undefined;
    this.#freeTags.push(task.itt);
    task.onDone(task);
  }

  #takeControl(): void {
    const header = this.#header;
    if (this.#opcode === opcode.loginResponse) this.#onLogin?.(header, Buffer.concat(this.#control));
    else if (this.#opcode === opcode.nopIn) this.#takeNopIn(header);
    else if (this.#opcode === opcode.logoutResponse) this.#onLogout?.();
    else if (this.#opcode === opcode.asyncMessage) this.#tellAsync(header[36]!);
    else throw new Error(`the target sent ${header.toString('hex')}`);
  }

  #takeNopIn(header: Buffer): void {
    const ttt = header.readUInt32BE(20);
    if (ttt !== noTag) this.#nopOut(noTag, ttt);
    else if (header.readUInt32BE(16) === pingTag) this.#onPing?.();
  }

  #updateWindow(bytes: Buffer, at: number): void {
    const isDataInWithoutStatus = this.#opcode === opcode.dataIn && (bytes[at + 1]! & 1) === 0;
    if (!isDataInWithoutStatus && this.#opcode !== opcode.r2t) {
      const isUnnumbered = this.#opcode === opcode.nopIn && bytes.readUInt32BE(at + 16) === noTag;
      if (!isUnnumbered) this.#numbers.expStatSn = (bytes.readUInt32BE(at + 24) + 1) >>> 0;
    }
    const maxCmdSn = bytes.readUInt32BE(at + 32);
    if (((maxCmdSn - this.#maxCmdSn) | 0) > 0) this.#maxCmdSn = maxCmdSn;
    while (this.#waiting.length > 0 && this.#windowIsOpen()) this.#send(this.#waiting.shift()!);
  }
}
