import { isPromise, mapMaybe, yieldTurn, type BlockDevice, type MaybePromise } from '@lunbox/block';
import { STEP_BYTES, UNMAP_STEP_BYTES } from '../media/in-steps.ts';
import type { Medium } from '../media/medium.ts';
import type { Pace } from '../media/pace.ts';
import { ProtectedDevice } from '../protection/protected-device.ts';
import type { ProtectionType } from '../protection/protection-information.ts';
import { AdditionalSenseCode, SenseKey, type AdditionalSense } from '../sense/additional-sense.ts';
import { blockFailure } from '../sense/block-failures.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { SenseData } from '../sense/sense-data.ts';
import {
  UnfinishedOperations,
  type MediumStateStore,
  type OperationKind,
  type UnfinishedOperation,
} from './unfinished-operations.ts';

/** One way over the whole medium, which is durable before the next begins. A pattern has the length of a block. */
export type MediumPass =
  | { readonly kind: 'pattern'; readonly block: Uint8Array }
  /**
   * What is stored is overwritten with data of zeroes: `writeZeroes` of a file leaves the old data where it is and only
   * marks it as unwritten, and giving the space back leaves it for others to find.
   */
  | { readonly kind: 'overwrite-stored' }
  | { readonly kind: 'unmap' }
  /** What is stored is read. */
  | { readonly kind: 'read' };

/** What FORMAT UNIT or SANITIZE does to the medium. */
export interface MediumOperation {
  readonly kind: OperationKind;
  readonly passes: readonly MediumPass[];
  /** What the unit is formatted with afterwards, where it has room for protection information. Default: as before. */
  readonly protection?: ProtectionType;
  /** True when nothing but another SANITIZE may follow a failure. */
  readonly restricted: boolean;
}

/** What initiators are told of an operation. */
interface OperationSense {
  /** Of NOT READY while it goes on. */
  readonly inProgress: AdditionalSense;
  /** Of the MEDIUM ERROR that the command ends with when it fails. */
  readonly failed: AdditionalSense;
  /** Of the MEDIUM ERROR that other commands end with from then on. */
  readonly unusable: AdditionalSense;
}

const SENSE: Readonly<Record<OperationKind, OperationSense>> = {
  format: {
    inProgress: AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS,
    failed: AdditionalSenseCode.FORMAT_COMMAND_FAILED,
    unusable: AdditionalSenseCode.MEDIUM_FORMAT_CORRUPTED,
  },
  sanitize: {
    inProgress: AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS,
    failed: AdditionalSenseCode.SANITIZE_COMMAND_FAILED,
    unusable: AdditionalSenseCode.SANITIZE_COMMAND_FAILED,
  },
};

/** The failure that initiators are told of comes first. */
const KINDS: readonly OperationKind[] = ['sanitize', 'format'];

const PROGRESS_PARTS = 0x1_0000;

/** What goes with the operations on a medium. */
interface OperationSettings {
  readonly store: MediumStateStore | undefined;
  /** How fast data is moved; as fast as it goes when undefined. */
  readonly pace: Pace | undefined;
  /** Of the medium that was in the unit before; it may be the same one, which has come in anew. */
  readonly former: MediumOperations | undefined;
}

/**
 * The operations on the whole medium: one at a time, in turns of the event loop, whatever becomes of the command
 * that began it. The medium is closed to everybody else meanwhile, and stays so when the operation fails.
 */
export class MediumOperations {
  readonly #medium: Medium;
  readonly #pace: Pace | undefined;
  #current: MediumOperation | undefined = undefined;
  readonly #unfinished: UnfinishedOperations;
  #doneBytes = 0;
  #totalBytes = 1;

  constructor(medium: Medium, { store, pace, former }: OperationSettings) {
    const cameBack = former !== undefined && former.#medium.device === medium.device;
    this.#medium = medium;
    this.#pace = pace;
    this.#unfinished = cameBack ? former.#unfinished : new UnfinishedOperations(store);
  }

  /** Why the medium cannot be used now; undefined when it can. */
  get condition(): SenseData | undefined {
    if (this.#current !== undefined) return this.#notReady(this.#current);
    const failed = KINDS.find((kind) => this.failureOf(kind) !== undefined);
    return failed && { senseKey: SenseKey.MEDIUM_ERROR, ...SENSE[failed].unusable };
  }

  /** True while an operation goes on. */
  get inProgress(): boolean {
    return this.#current !== undefined;
  }

  /** The operation of a kind that failed or was cut off, as long as nothing has made up for it. */
  failureOf(kind: OperationKind): UnfinishedOperation | undefined {
    return this.#unfinished.of(kind);
  }

  /** Throws what keeps a command from the medium; with `repairs` a failure does not. */
  refuse(repairs: boolean): void {
    const { condition } = this;
    if (condition === undefined || (repairs && this.#current === undefined)) return;
    throw new CheckConditionError(condition);
  }

  /** Throws NOT READY while an operation goes on. */
  refuseInProgress(): void {
    this.refuse(true);
  }

  /** The medium may be used again in spite of a SANITIZE that failed. */
  forgetSanitizeFailure(): MaybePromise<void> {
    if (this.failureOf('sanitize') !== undefined) return this.#unfinished.remove('sanitize');
  }

  /**
   * An operation begins; there must be none going on. When this completes it is durable that it has, and the medium is
   * as it was; {@link MediumOperations.run} must follow.
   */
  begin(operation: MediumOperation): MaybePromise<void> {
    this.#current = operation;
    this.#doneBytes = 0;
    this.#totalBytes = Math.max(1, this.#medium.device.size * operation.passes.length);
    const abandon = (error: unknown): never => {
      this.#current = undefined;
      throw error;
    };
    try {
      const entered = this.#unfinished.enter(operation.kind, { restricted: operation.restricted });
      return isPromise(entered) ? entered.catch(abandon) : entered;
    } catch (error) {
      return abandon(error);
    }
  }

  /**
   * Does the operation that has begun; completes with its end. A failure of the device is a MEDIUM ERROR; any other is
   * thrown as it is, and the medium is unusable all the same. `afterStep` is called again and again while it goes on.
   */
  async run(operation: MediumOperation, afterStep: () => void): Promise<void> {
    const refusal = (): Error => new CheckConditionError(this.#notReady(operation));
    try {
      await this.#medium.sealed(refusal, (device) => this.#runOn(device, operation, afterStep));
      // SANITIZE makes up for a FORMAT UNIT, too; after a SANITIZE that failed there is no FORMAT UNIT.
      await this.#unfinished.remove(...KINDS);
    } catch (error) {
      if (blockFailure(error, 'write', undefined) === undefined) throw error;
      const { failed } = SENSE[operation.kind];
      throw new CheckConditionError({ senseKey: SenseKey.MEDIUM_ERROR, ...failed }, error);
    } finally {
      this.#current = undefined;
    }
  }

  #notReady({ kind }: MediumOperation): SenseData {
    const parts = Math.floor((this.#doneBytes / this.#totalBytes) * PROGRESS_PARTS);
    const progress = Math.min(PROGRESS_PARTS - 1, parts);
    return { senseKey: SenseKey.NOT_READY, ...SENSE[kind].inProgress, progress };
  }

  /** SBC-3 4.11, 5.3: all protection information is FFh, from before the first pass on. */
  async #runOn(
    device: BlockDevice,
    { passes, protection }: MediumOperation,
    afterStep: () => void,
  ): Promise<void> {
    if (!(device instanceof ProtectedDevice)) return this.#runPasses(device, passes, afterStep);
    await device.format(protection ?? device.type);
    await this.#runPasses(device.data, passes, afterStep);
  }

  async #runPasses(device: BlockDevice, passes: readonly MediumPass[], afterStep: () => void): Promise<void> {
    for (const pass of passes) {
      const { size } = device;
      const step = stepOf(device, pass, this.#pace);
      for (let offset = 0; offset < size;) {
        const doneBytes = await step(offset, size - offset);
        offset += doneBytes;
        this.#doneBytes += doneBytes;
        afterStep();
        await yieldTurn();
      }
      await device.flush();
    }
  }
}

/** Does a piece of the bytes that are left from `offset` on; answers how long it was. */
type PassStep = (offset: number, leftBytes: number) => MaybePromise<number>;

function stepOf(device: BlockDevice, pass: MediumPass, pace: Pace | undefined): PassStep {
  if (pass.kind === 'unmap') {
    return (offset, leftBytes) => {
      const length = Math.min(leftBytes, UNMAP_STEP_BYTES);
      return mapMaybe(device.unmap(offset, length), () => length);
    };
  }
  const buffer = new Uint8Array(Math.min(STEP_BYTES, device.size));
  const paced = (bytes: number, work: () => MaybePromise<void>): MaybePromise<void> =>
    pace === undefined ? work() : mapMaybe(pace.admit(bytes), work);
  const write = (piece: Uint8Array, offset: number): MaybePromise<void> =>
    paced(piece.length, () => device.write([piece], offset));
  if (pass.kind === 'overwrite-stored') return storedStep(device, buffer, write);
  if (pass.kind === 'read') {
    return storedStep(device, buffer, (piece, offset) =>
      paced(piece.length, () => device.read([piece], offset)),
    );
  }
  for (let at = 0; at < buffer.length; at += pass.block.length) buffer.set(pass.block, at);
  return (offset, leftBytes) => {
    const piece = buffer.subarray(0, leftBytes);
    return mapMaybe(write(piece, offset), () => piece.length);
  };
}

/** Goes over what is stored; where nothing is, there is nothing to do. */
function storedStep(
  device: BlockDevice,
  buffer: Uint8Array,
  work: (piece: Uint8Array, offset: number) => MaybePromise<void>,
): PassStep {
  return (offset, leftBytes) =>
    mapMaybe(device.extents(offset, leftBytes, { limit: 1 }), ([extent]) => {
      if (extent?.state === 'hole') return extent.length;
      const piece = buffer.subarray(0, Math.min(leftBytes, extent?.length ?? leftBytes));
      return mapMaybe(work(piece, offset), () => piece.length);
    });
}
