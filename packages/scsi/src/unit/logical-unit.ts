import { RangeLock, systemClock, type BlockDevice, type Clock, type MaybePromise } from '@lunbox/block';
import { Medium } from '../media/medium.ts';
import { whileHeld } from '../media/while-held.ts';
import { AdditionalSenseCode, type AdditionalSense } from '../sense/additional-sense.ts';
import { ModeStore } from '../mode/mode-store.ts';
import { PersistentReservations } from '../persistent-reservation/persistent-reservations.ts';
import { IdentifyingInformation } from './identifying-information.ts';
import { unitIdentity, VENDOR_IDENTIFICATION, type UnitIdentity } from './identity.ts';
import type { ItlNexus } from './itl-nexus.ts';
import { MediumOperations } from './medium-operations.ts';
import { SpaceThresholds } from './space-thresholds.ts';
import type { SpaceSource, SpaceUsage } from './space-usage.ts';
import { TaskSet } from './task-set.ts';
import {
  DEFAULT_PHYSICAL_BLOCK_BYTES,
  MAX_ATOMIC_WRITE_BYTES,
  unitLimits,
  type UnitLimits,
} from './unit-limits.ts';
import { KeptState, type UnitStateStore } from './unit-state.ts';
import { UnitStatistics } from './unit-statistics.ts';
import { UnitTimestamp } from './unit-timestamp.ts';

/** Options of {@link LogicalUnit}. */
export interface LogicalUnitOptions {
  /** What the unit stores. Its block size must be 512 or 4096. The unit does not close it. */
  readonly device: BlockDevice;
  /** The random id that the object was born with, 16 bytes: the source of serial number and NAA. */
  readonly identity: Uint8Array;
  /** T10 VENDOR IDENTIFICATION, up to 8 characters. Default `LUNBOX`. */
  readonly vendor?: string;
  /** PRODUCT IDENTIFICATION, up to 16 characters. Default `LUNBOX DISK`. */
  readonly product?: string;
  /** PRODUCT REVISION LEVEL, up to 4 characters. Default `0001`. */
  readonly revision?: string;
  /** Refuse every change with DATA PROTECT, also when the device would take it. */
  readonly readOnly?: boolean;
  /** Physical block to report, a power of two from the block size on; default 4096 bytes. */
  readonly physicalBlockBytes?: number;
  /**
   * How much the device writes whole or not at all, also when the power goes: whole blocks, up to 256 KiB. Default:
   * one block, which disks write whole.
   */
  readonly atomicWriteBytes?: number;
  /**
   * Where the unit keeps what must survive a loss of power: persistent reservations with APTPL, saved mode pages,
   * identifying information. Without one all of that is refused.
   */
  readonly stateStore?: UnitStateStore;
  /**
   * Tells how much space the unit takes and can get. Without it the Logical Block Provisioning log page and the
   * thresholds of thin provisioning are not there.
   */
  readonly space?: SpaceSource;
  /** What commands are timed with, and where REPORT TIMESTAMP has the time from. Default: the machine's clock. */
  readonly clock?: Clock;
}

/** A disk as SCSI sees it: a block device with an identity, mode pages, a reservation and a task set. */
export class LogicalUnit {
  readonly device: BlockDevice;
  /** 32 hexadecimal digits, from the identity. */
  readonly serialNumber: string;
  /** @internal */
  readonly naa: UnitIdentity['naa'];
  /** @internal */
  readonly vendor: string;
  /** @internal */
  readonly product: string;
  /** @internal */
  readonly revision: string;
  /** @internal */
  readonly blockSize: number;
  /** @internal */
  readonly limits: UnitLimits;
  /** @internal */
  readonly modes: ModeStore;
  /** @internal */
  readonly tasks: TaskSet;
  /** The device, as commands must access it. @internal */
  readonly medium: Medium;
  /** @internal */
  readonly persistent: PersistentReservations;
  /** @internal */
  readonly information: IdentifyingInformation;
  /** @internal */
  readonly statistics: UnitStatistics;
  /** @internal */
  readonly thresholds: SpaceThresholds;
  /** @internal */
  readonly timestamp: UnitTimestamp;
  /** FORMAT UNIT and SANITIZE. @internal */
  readonly operations: MediumOperations;
  readonly #space: SpaceSource | undefined;
  /** Stopped by START STOP UNIT: commands that need the medium are refused until it is started. @internal */
  stopped = false;
  /** Who has the unit by RESERVE. @internal */
  reservedBy: ItlNexus | undefined = undefined;
  /** A PRE-FETCH goes on in the background. @internal */
  prefetching = false;
  /** The data buffer of WRITE BUFFER, once it is used. @internal */
  dataBuffer: Uint8Array | undefined = undefined;
  /** Held by who changes a reservation; shared by those whom no change may interrupt. */
  readonly #reservationLock = new RangeLock({ limit: Number.MAX_SAFE_INTEGER });
  readonly #readOnly: boolean;
  readonly #nexuses = new Set<ItlNexus>();
  readonly #endResize: () => void;
  #blockCount: number;

  /**
   * Throws a RangeError for an identity, a text, a physical block or an atomic write size that does not fit, and a
   * `UnitStateError` for a state in the store that no unit can have saved.
   */
  constructor(options: LogicalUnitOptions) {
    const { device } = options;
    const identity = unitIdentity(options.identity);
    this.device = device;
    this.medium = new Medium(device);
    this.operations = new MediumOperations(this.medium);
    const kept = new KeptState(options.stateStore);
    this.persistent = new PersistentReservations(kept);
    this.information = new IdentifyingInformation(kept);
    const clock = options.clock ?? systemClock;
    this.tasks = new TaskSet(clock);
    this.statistics = new UnitStatistics(clock);
    this.thresholds = new SpaceThresholds(this, clock);
    this.timestamp = new UnitTimestamp(clock);
    this.#space = options.space;
    this.serialNumber = identity.serialNumber;
    this.naa = identity.naa;
    this.vendor = fittingText('vendor', options.vendor ?? VENDOR_IDENTIFICATION, 8);
    this.product = fittingText('product', options.product ?? 'LUNBOX DISK', 16);
    this.revision = fittingText('revision', options.revision ?? '0001', 4);
    this.blockSize = device.blockSize;
    this.limits = unitLimits(
      device.blockSize,
      physicalBlock(options.physicalBlockBytes, device.blockSize),
      atomicWrite(options.atomicWriteBytes ?? device.blockSize, device.blockSize),
    );
    this.#readOnly = options.readOnly ?? false;
    this.#blockCount = Math.floor(device.size / device.blockSize);
    this.modes = new ModeStore(this, kept);
    this.#endResize = device.onResize((size) => this.#resized(size));
  }

  /** Capacity in logical blocks. */
  get blockCount(): number {
    return this.#blockCount;
  }

  /** True when writes are refused: by option, by the device, or by the SWP bit of the Control mode page. */
  get writeProtected(): boolean {
    return this.#readOnly || this.device.readOnly || this.modes.softwareWriteProtect;
  }

  /** True when the unit knows its space usage. @internal */
  get tellsSpace(): boolean {
    return this.#space !== undefined;
  }

  /** How much space the unit takes; undefined when it does not know. @internal */
  readSpace(): MaybePromise<SpaceUsage | undefined> {
    return this.#space?.();
  }

  /** Ends the subscription to the device. The device itself stays open. Idempotent. */
  close(): void {
    this.#endResize();
  }

  /** The nexuses that are there now. @internal */
  get nexuses(): ReadonlySet<ItlNexus> {
    return this.#nexuses;
  }

  /** @internal */
  attach(nexus: ItlNexus): void {
    this.#nexuses.add(nexus);
    this.persistent.targetPortSeen(nexus.nexusName.relativePort);
  }

  /** The nexus is gone: so is its reservation (SPC-2 7.21.1). @internal */
  detach(nexus: ItlNexus): void {
    this.#nexuses.delete(nexus);
    if (this.reservedBy === nexus) this.reservedBy = undefined;
  }

  /**
   * Changes a reservation, of whatever kind. Changes come one after another, also when they take time, and
   * not in the middle of what runs {@link LogicalUnit.betweenReservationChanges}. @internal
   */
  changeReservation<T>(change: () => MaybePromise<T>): MaybePromise<T> {
    return whileHeld(this.#reservationLock.acquire(0, 1, 'exclusive'), change);
  }

  /** Does `work` while no reservation changes (T-V1). @internal */
  betweenReservationChanges<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    return whileHeld(this.#reservationLock.acquire(0, 1, 'shared'), work);
  }

  /** Establishes a unit attention condition on every nexus but `except`. @internal */
  raiseAttention(condition: AdditionalSense, except?: ItlNexus): void {
    for (const nexus of this.#nexuses) {
      if (nexus !== except) nexus.attentions.raise(condition);
    }
  }

  /**
   * Logical unit reset (SAM-5 6.3.3): tasks, the reservation by RESERVE, mode pages and the stopped state go;
   * persistent reservations stay (SPC-4 5.13.1). @internal
   */
  reset(): void {
    this.reservedBy = undefined;
    this.stopped = false;
    this.modes.reset();
    this.raiseAttention(AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    for (const nexus of this.#nexuses) nexus.host.options.onTasksAborted(nexus.lun);
  }

  /**
   * CLEAR TASK SET (SAM-5 7.5): the tasks of every nexus are aborted, and the others whose tasks were hear of
   * it. @internal
   */
  clearTaskSet(by: ItlNexus): void {
    for (const nexus of this.#nexuses) {
      if (nexus !== by && nexus.tasks.busy) {
        nexus.attentions.raise(AdditionalSenseCode.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
      }
      nexus.host.options.onTasksAborted(nexus.lun);
    }
  }

  #resized(size: number): void {
    this.#blockCount = Math.floor(size / this.blockSize);
    for (const nexus of this.#nexuses) nexus.announce(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED);
  }
}

/** SPC-4 4.4.1: text fields hold the characters 20h to 7Eh only. */
function fittingText(name: string, value: string, maxLength: number): string {
  if (value.length <= maxLength && /^[\x20-\x7e]*$/.test(value)) return value;
  throw new RangeError(`${name} is not up to ${maxLength} printable ASCII characters`);
}

function physicalBlock(bytes: number | undefined, blockSize: number): number {
  const physical = bytes ?? Math.max(blockSize, DEFAULT_PHYSICAL_BLOCK_BYTES);
  const exponent = Math.log2(physical / blockSize);
  if (Number.isInteger(exponent) && exponent >= 0 && exponent <= 15) return physical;
  throw new RangeError(`physical block of ${physical} bytes over logical blocks of ${blockSize}`);
}

function atomicWrite(bytes: number, blockSize: number): number {
  if (bytes % blockSize === 0 && bytes >= blockSize && bytes <= MAX_ATOMIC_WRITE_BYTES) return bytes;
  throw new RangeError(`atomic writes of ${bytes} bytes over logical blocks of ${blockSize}`);
}
