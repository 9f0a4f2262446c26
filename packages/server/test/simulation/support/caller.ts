import {
  InitiatorError,
  type IscsiSession,
  type NegotiationOptions,
  type ScsiRequest,
  type ScsiResult,
} from '@lunbox/iscsi-initiator';
import { TaskManagementFunction } from '@lunbox/iscsi-pdu';
import type { Dice } from '../../../../iscsi-target/test/support/dice.ts';
import { BLOCK_BYTES, fillBlocks, type DiskModel } from './disk-model.ts';
import type { SimulatedTime } from './simulated-time.ts';
import type { WireLog } from './wire-log.ts';

const READ_10 = 0x28;
const WRITE_10 = 0x2a;
const SYNCHRONIZE_CACHE_10 = 0x35;
const UNIT_ATTENTION = 6;
const SPENT = 0xa5;

/** Where a caller works, and what it may do. */
export interface CallerOptions {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly model: DiskModel;
  readonly log: WireLog;
  /** Tells the callers of a history apart. */
  readonly number: number;
  readonly blockCount: number;
  /**
   * Resets of others, or one whose own answer was lost with its connection, may abort commands of this caller without
   * an answer: its time-outs are all that it hears.
   */
  readonly preyed: boolean;
  readonly negotiation: NegotiationOptions | undefined;
  readonly aborts: number;
  readonly management: number;
  /** Share of the functions that are those of RFC 7144. */
  readonly level2: number;
  /** Dice for those. */
  readonly extras: Dice;
  readonly reshaping: number;
  /** Hears of writes that may be done once at most. */
  readonly onceOnly: (stamp: number) => void;
}

/** How a request may end other than well: every one of these says what happened. */
const DEFINITE = new Set([
  'INITIATOR_CONNECTION_LOST',
  'INITIATOR_DIGEST',
  'INITIATOR_REJECTED',
  'INITIATOR_TIMEOUT',
  'INITIATOR_ABORTED',
  'INITIATOR_TASK_MANAGEMENT',
  'INITIATOR_TASK_TERMINATED',
]);

/** A connection that is added has to log in, and may be one too many; the last one cannot be taken away. */
const RESHAPING = new Set([
  ...DEFINITE,
  'INITIATOR_OPTIONS',
  'INITIATOR_UNREACHABLE',
  'INITIATOR_LOGIN_REFUSED',
  'INITIATOR_CLOSED',
]);

const MANAGEMENT = [
  TaskManagementFunction.ABORT_TASK_SET,
  TaskManagementFunction.CLEAR_TASK_SET,
  TaskManagementFunction.LOGICAL_UNIT_RESET,
  TaskManagementFunction.TARGET_WARM_RESET,
] as const;

/** Uses a session as a program would, and judges every answer by the model of the disk. */
export class Caller {
  session: IscsiSession;
  /** Requests that have not ended. */
  open = 0;
  readonly #options: CallerOptions;
  /** The last command. */
  #latest: ScsiRequest | undefined;
  /** Buffers that were given back: nobody may touch them any more. */
  readonly #spent: Uint8Array[] = [];

  constructor(session: IscsiSession, options: CallerOptions) {
    this.session = session;
    this.#options = options;
  }

  /** Does one thing. */
  act(): void {
    const { dice, management } = this.#options;
    if (dice.chance(management)) return this.#manage();
    if (dice.chance(this.#options.reshaping)) return this.#reshape();
    const choice = dice.below(20);
    if (choice === 0) this.#watch('ping', this.session.ping());
    else if (choice === 1) this.#watch('flush', this.#scsi({ cdb: cdb10(SYNCHRONIZE_CACHE_10, 0, 0) }));
    else if (choice === 2) this.#watch('text', this.session.text([['SendTargets', '']]));
    else {
      const count = 1 + dice.below(dice.pick([2, 6, 12]));
      const block = dice.below(this.#options.blockCount - count + 1);
      if (choice < 11) this.#read(block, count);
      else this.#write(block, count);
    }
  }

  /** Reads everything, as often as it takes within reason. True when that has been possible. */
  async survey(): Promise<boolean> {
    const { blockCount } = this.#options;
    for (let tries = 0; tries < 5; tries++) {
      if (await this.#readOnce(0, blockCount, { idempotent: true })) return true;
    }
    return false;
  }

  /** What was done to buffers that had been given back. */
  spoiledBuffers(): number {
    const untouched = new Uint8Array(this.#options.blockCount * BLOCK_BYTES).fill(SPENT);
    const isSpoiled = (buffer: Uint8Array): boolean =>
      Buffer.compare(buffer, untouched.subarray(0, buffer.length)) !== 0;
    return this.#spent.filter(isSpoiled).length;
  }

  #read(block: number, count: number): void {
    this.#watch('read', this.#readOnce(block, count, { ...this.#abortion(), idempotent: true }));
  }

  async #readOnce(block: number, count: number, more: Partial<ScsiRequest>): Promise<boolean> {
    const { model, log } = this.#options;
    const buffer = new Uint8Array(count * BLOCK_BYTES);
    const read = model.beginRead(block, count);
    let result: ScsiResult | undefined;
    try {
      result = await this.#scsi({ cdb: cdb10(READ_10, block, count), read: this.#cut(buffer), ...more });
    } finally {
      const good = result?.status === 0;
      const wrong = model.endRead(read, good ? buffer : undefined, this.#readsInPieces);
      if (wrong !== undefined) log.problem(`read ${count} blocks at ${block}: ${wrong}`);
      const residual = good ? (result?.residualBytes ?? 0) : 0;
      if (residual !== 0) log.problem(`read with residual ${residual}`);
      this.#spend(buffer);
    }
    return result?.status === 0;
  }

  /** Data-In PDUs that end within a block read the block in parts. */
  get #readsInPieces(): boolean {
    const { negotiation = {} } = this.#options;
    const { maxReceiveSegmentBytes = 0, maxBurstBytes = 0 } = negotiation;
    return maxReceiveSegmentBytes % BLOCK_BYTES !== 0 || maxBurstBytes % BLOCK_BYTES !== 0;
  }

  #write(block: number, count: number): void {
    this.#watch('write', this.#writeOnce(block, count));
  }

  async #writeOnce(block: number, count: number, again = true): Promise<void> {
    const { dice, model, log } = this.#options;
    const buffer = new Uint8Array(count * BLOCK_BYTES);
    const write = model.beginWrite(this.#options.number, block, count);
    if (log.detailed) log.note(0, `write ${write.stamp}: blocks ${block} to ${block + count - 1}`);
    fillBlocks(buffer, write.stamp, block);
    const more = { ...this.#abortion(), idempotent: dice.chance(0.7) };
    if (!more.idempotent) this.#options.onceOnly(write.stamp);
    const cdb = cdb10(WRITE_10, block, count);
    if (dice.chance(0.2)) cdb[1] = 0x08;
    let result: ScsiResult | undefined;
    try {
      result = await this.#scsi({ cdb, write: this.#cut(buffer), ...more });
    } finally {
      // A unit attention is told instead of doing anything (SAM-5 5.14); what a retry did before it is unknown.
      const untouched = result?.sense?.senseKey === UNIT_ATTENTION && !more.idempotent;
      const outcome = result?.status === 0 ? 'done' : untouched ? 'nothing' : 'doubt';
      model.endWrite(write, outcome);
      log.count(`write ${outcome}`);
      // Whoever is told that a write has failed likes to do it again at once.
      if (outcome === 'doubt' && again && dice.chance(0.5)) {
        this.#watch('write', this.#writeOnce(block, count, false));
      }
      if (log.detailed) log.note(0, `write ${write.stamp}: ${outcome}`);
      this.#spend(buffer);
    }
  }

  /** Adds a connection, or takes one away. */
  #reshape(): void {
    const { dice } = this.#options;
    const { connections } = this.session;
    if (connections.length < 2 || dice.chance(0.5)) {
      return this.#watch('adding a connection', this.session.addConnection(), RESHAPING);
    }
    const { cid } = dice.pick(connections);
    this.#watch('removing a connection', this.session.removeConnection(cid), RESHAPING);
  }

  #manage(): void {
    const { dice, extras, level2 } = this.#options;
    const request = { function: dice.pick(MANAGEMENT), lun: 0 };
    if (extras.chance(level2)) this.#manageAtLevel2();
    else this.#watch('task management', this.session.manage(request));
  }

  #manageAtLevel2(): void {
    const { extras } = this.#options;
    const { taskManagement } = this.session;
    const choice = extras.below(8);
    if (choice < 3) this.#watch('query', this.#queryTaskSet());
    else if (choice < 5) this.#watch('query', this.#queryEvent());
    else if (choice < 7) this.#watch('query', this.#queryTask());
    else this.#watch('nexus reset', taskManagement.resetNexus());
  }

  async #queryTaskSet(): Promise<void> {
    const present = await this.session.taskManagement.queryTaskSet(0);
    this.#options.log.count(`task set ${present ? 'busy' : 'empty'}`);
  }

  async #queryTask(): Promise<void> {
    const { log } = this.#options;
    if (this.#latest === undefined) return;
    const { present } = await this.session.taskManagement.queryTask(this.#latest);
    log.count(`task ${present ? 'present' : 'absent'}`);
  }

  /** Nothing else than unit attentions waits to be told. */
  async #queryEvent(): Promise<void> {
    const { log } = this.#options;
    const event = await this.session.taskManagement.queryAsynchronousEvent(0);
    log.count(event === undefined ? 'no event' : 'event');
    if (event !== undefined && event.senseKey !== UNIT_ATTENTION)
      log.problem(`an event ${JSON.stringify(event)}`);
  }

  async #scsi(request: Omit<ScsiRequest, 'lun'>): Promise<ScsiResult> {
    const { model, log, number, preyed } = this.#options;
    const since = model.now();
    try {
      this.#latest = { lun: 0, ...request };
      const result = await this.session.command(this.#latest);
      model.answered(number, since);
      return result;
    } catch (error) {
      const timedOut = (error as InitiatorError).code === 'INITIATOR_TIMEOUT';
      if (timedOut && request.timeoutMs === undefined && !preyed) log.problem('a command took too long');
      throw error;
    }
  }

  /** A signal that may abort the request after a while. */
  #abortion(): Partial<ScsiRequest> {
    const { dice, time, aborts } = this.#options;
    if (!dice.chance(aborts)) return {};
    if (dice.chance(0.3)) return { timeoutMs: 1 + dice.below(500) };
    const controller = new AbortController();
    time.after(dice.below(100), () => controller.abort());
    return { signal: controller.signal };
  }

  /** Every request ends once: well, or with an error that says what happened. */
  #watch(what: string, request: Promise<unknown>, definite: ReadonlySet<string> = DEFINITE): void {
    const { log } = this.#options;
    this.open++;
    request.then(
      () => {
        this.open--;
        log.count('done');
      },
      (error: unknown) => {
        this.open--;
        if (error instanceof InitiatorError && definite.has(error.code)) log.count(error.code);
        else log.problem(`${what} ended with ${String(error)}`);
      },
    );
  }

  /** The buffer in one piece or several. */
  #cut(buffer: Uint8Array): Uint8Array[] {
    const { dice } = this.#options;
    if (dice.chance(0.7)) return [buffer];
    const at = 1 + dice.below(buffer.length - 1);
    return [buffer.subarray(0, at), buffer.subarray(at)];
  }

  #spend(buffer: Uint8Array): void {
    buffer.fill(SPENT);
    this.#spent.push(buffer);
  }
}

function cdb10(opcode: number, block: number, count: number): Uint8Array {
  const cdb = new Uint8Array(10);
  const view = new DataView(cdb.buffer);
  view.setUint8(0, opcode);
  view.setUint32(2, block);
  view.setUint16(7, count);
  return cdb;
}
