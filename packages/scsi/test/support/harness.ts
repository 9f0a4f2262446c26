import { MemoryDevice, SeededRandom, type BlockDevice } from '@lunbox/block';
import {
  CopyDomain,
  encodeLun,
  LogicalUnit,
  parseSense,
  REQUEST_SENSE,
  ScsiTarget,
  Status,
  TEST_UNIT_READY,
  type Execution,
  type LogicalUnitOptions,
  type Nexus,
  type NexusOptions,
  type ScsiCommand,
  type SenseData,
  type TaskAttribute,
} from '../../src/index.ts';

/** How a command is sent. */
export interface SendOptions {
  readonly lun?: number;
  readonly dataOut?: Uint8Array;
  readonly attribute?: TaskAttribute;
  /** Piece length that data is moved in. Default: whole. */
  readonly pieceBytes?: number;
  /** Data-In is not pulled further than this. */
  readonly dataInBytes?: number;
  /** Announce the length of the Data-Out, as a transport that knows it does. */
  readonly announce?: boolean;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly sense: SenseData | undefined;
  readonly data: Uint8Array;
}

export const IDENTITY: Uint8Array = Uint8Array.from({ length: 16 }, (_, index) => index * 17);
export const TARGET_NAME = 'iqn.2026-01.test.lunbox:disk0';

/** One target with one or more units of memory, and initiators that talk to it without a transport. */
export class Harness {
  readonly target: ScsiTarget;
  readonly internalErrors: unknown[] = [];
  readonly device: BlockDevice;
  readonly unit: LogicalUnit;
  readonly initiator: Initiator;

  constructor(device: BlockDevice, options: Partial<LogicalUnitOptions> = {}) {
    const { clock } = options;
    const random = new SeededRandom(1);
    this.target = new ScsiTarget({
      onInternalError: (error) => this.internalErrors.push(error),
      copyDomain: new CopyDomain({ random, ...(clock === undefined ? {} : { clock }) }),
    });
    this.device = device;
    this.unit = new LogicalUnit({ device, identity: IDENTITY, ...options });
    this.target.addUnit(0, this.unit);
    this.initiator = this.connect('iqn.2026-01.test.initiator:a,i,0x000000000001');
  }

  /** A new nexus with its unit attentions still pending. */
  connect(initiatorPort: string): Initiator {
    return new Initiator(this.target, initiatorPort);
  }

  /** A new nexus that has heard of the power on. */
  async connectReady(initiatorPort: string): Promise<Initiator> {
    const initiator = this.connect(initiatorPort);
    await initiator.settle();
    return initiator;
  }
}

/** The initiator's end of a nexus. */
export class Initiator {
  readonly nexus: Nexus;
  readonly abortedLuns: number[] = [];
  /** Told of each of them as it happens, as a transport is. */
  onTasksAborted: (lun: number, except?: ScsiCommand) => void = () => undefined;
  readonly changes: { lun: number; sense: SenseData | undefined }[] = [];

  constructor(
    target: ScsiTarget,
    initiatorPort: string,
    relativePort = 1,
    more: Pick<NexusOptions, 'lunMap' | 'readOnly' | 'taskManagement' | 'principal' | 'user'> = {},
  ) {
    this.nexus = target.openNexus({
      initiatorPort,
      targetName: TARGET_NAME,
      relativePort,
      portalGroupTag: relativePort,
      ...more,
      onTasksAborted: (lun, except) => {
        this.abortedLuns.push(lun);
        this.onTasksAborted(lun, except);
      },
      onUnitChanged: (lun, sense) => this.changes.push({ lun, sense: parseSense(sense) }),
    });
  }

  /** Has the next unit attention by REQUEST SENSE, which ends it in any case. */
  async drop(): Promise<void> {
    await this.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252 }));
  }

  /** Takes every pending unit attention. */
  async settle(lun = 0): Promise<void> {
    for (let i = 0; i < 10; i++) {
      const { status } = await this.send(TEST_UNIT_READY.encode(), { lun });
      if (status === Status.GOOD) return;
    }
    throw new Error('unit attentions without end');
  }

  command(cdb: Uint8Array, options: SendOptions = {}): ScsiCommand {
    const padded = new Uint8Array(Math.max(16, cdb.length));
    padded.set(cdb);
    const announced = options.announce === true ? { dataOutLengthBytes: options.dataOut?.length ?? 0 } : {};
    return { cdb: padded, attribute: options.attribute ?? 'simple', aborted: false, ...announced };
  }

  /** Sends a command and moves its data, as a transport would. */
  async send(cdb: Uint8Array, options: SendOptions = {}): Promise<Answer> {
    const command = this.command(cdb, options);
    const execution = await this.nexus.execute(encodeLun(options.lun ?? 0), command);
    return this.carry(execution, options, command);
  }

  /** Moves the data of an execution to its end. */
  async carry(execution: Execution, options: SendOptions = {}, command?: ScsiCommand): Promise<Answer> {
    if (execution.kind === 'finished') return answerOf(execution);
    try {
      if (execution.kind === 'data-in') {
        const data = new Uint8Array(Math.min(execution.lengthBytes, options.dataInBytes ?? Infinity));
        for (const [at, end] of pieces(data.length, options.pieceBytes)) {
          await execution.read([data.subarray(at, end)], at);
        }
        return { status: Status.GOOD, sense: undefined, data };
      }
      const dataOut = (options.dataOut ?? new Uint8Array(0)).subarray(0, execution.lengthBytes);
      for (const [at, end] of pieces(dataOut.length, options.pieceBytes)) {
        await execution.write([dataOut.subarray(at, end)], at);
      }
      return answerOf(await execution.finish(dataOut.length));
    } catch (error) {
      if (command !== undefined) this.nexus.commandFailed(encodeLun(options.lun ?? 0), command);
      return answerOf((error as { toFinished(): Execution }).toFinished());
    } finally {
      execution.end?.();
    }
  }
}

/** A harness over memory whose first initiator has taken its power-on attention. */
export async function memoryHarness(
  options: { blockSize?: number; blocks?: number } & Partial<LogicalUnitOptions> = {},
): Promise<Harness & { device: MemoryDevice }> {
  const { blockSize = options.kind === 'cd-rom' ? 2048 : 512, blocks = 1024, ...unit } = options;
  const harness = new Harness(new MemoryDevice({ size: blocks * blockSize, blockSize }), unit);
  await harness.initiator.settle();
  return harness as Harness & { device: MemoryDevice };
}

/** `count` bytes that differ from block to block. */
export function pattern(count: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (index * 7 + (index >> 8) + seed) & 0xff);
}

/** {@link pattern} over and over: for lengths that take too long to count out. */
export function longPattern(count: number, seed = 1): Uint8Array {
  return new Uint8Array(Buffer.alloc(count, pattern(65_521, seed)).buffer);
}

/** Bytes from hexadecimal text; white space is ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

/** Whether two byte strings are the same; a deep comparison of long ones takes seconds. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function answerOf(execution: Execution): Answer {
  if (execution.kind !== 'finished') throw new Error('not finished');
  const sense = execution.sense === undefined ? undefined : parseSense(execution.sense);
  return { status: execution.status, sense, data: execution.data ?? new Uint8Array(0) };
}

function* pieces(length: number, pieceBytes = length): Generator<[number, number]> {
  for (let at = 0; at < length; at += pieceBytes) yield [at, Math.min(length, at + pieceBytes)];
}
