import { RangeLock, systemClock, type BlockDevice, type MaybePromise } from '@lunbox/block';
import { UnitCopies } from '../copy/copy-task.ts';
import { MediaEvent } from '../data/media-event.ts';
import { ProtectedDevice, type ProtectionSettings } from '../protection/protected-device.ts';
import { protectionSettings } from '../protection/protection-settings.ts';
import { Medium } from '../media/medium.ts';
import { Pace } from '../media/pace.ts';
import { whileHeld } from '../media/while-held.ts';
import { AdditionalSenseCode, type AdditionalSense } from '../sense/additional-sense.ts';
import { checkManagementAddresses, type ManagementAddress } from '../inquiry/path-vpd-pages.ts';
import { ModeStore } from '../mode/mode-store.ts';
import { TargetPorts, type PortGroupChange, type PortGroupStatus } from '../path/target-ports.ts';
import { changeAccess } from '../path/unit-paths.ts';
import { PersistentReservations } from '../persistent-reservation/persistent-reservations.ts';
import { checkDisc } from './disc-medium.ts';
import { IdentifyingInformation } from './identifying-information.ts';
import { fittingText, unitIdentity, VENDOR_IDENTIFICATION, type UnitIdentity } from './identity.ts';
import type { ItlNexus } from './itl-nexus.ts';
import type { LogicalUnitOptions, MediumOptions, UnitNames, WriteSameZero } from './logical-unit-options.ts';
import { MediumOperations } from './medium-operations.ts';
import { MediumPresenceError } from './medium-presence-error.ts';
import { MediumTray } from './medium-tray.ts';
import { AcaConditions } from './aca-conditions.ts';
import { SpaceThresholds } from './space-thresholds.ts';
import type { SpaceUsage } from './space-usage.ts';
import { taskLimits, TaskSet } from './task-set.ts';
import { unitLimits, type UnitLimits } from './unit-limits.ts';
import { isRemovable, PRODUCTS, type UnitKind } from './unit-kind.ts';
import { KeptState } from './unit-state.ts';
import type { UnitDoor } from './unit-door.ts';
import { UnitStatistics } from './unit-statistics.ts';
import { UnitTimestamp } from './unit-timestamp.ts';

/** A disk as SCSI sees it: a block device with an identity, mode pages, a reservation and a task set. */
export class LogicalUnit {
  readonly kind: UnitKind;
  /** PRODUCT SERIAL NUMBER. */
  readonly serialNumber: string;
  /** 32 hexadecimal digits. @internal */
  readonly identityDigits: string;
  /** @internal */
  readonly naa: UnitIdentity['naa'];
  /** @internal */
  readonly uuid: UnitIdentity['uuid'];
  /** @internal */
  readonly managementAddresses: readonly ManagementAddress[];
  /** @internal */
  readonly vendor: string;
  /** Of the medium that is there or was there last, as is all that is not read-only here. @internal */
  blockSize!: number;
  /** @internal */
  limits!: UnitLimits;
  /** @internal */
  readonly writeSameZero: WriteSameZero;
  /** @internal */
  readonly modes: ModeStore;
  /** @internal */
  readonly tasks: TaskSet;
  /** @internal */
  readonly aca: AcaConditions = new AcaConditions(this);
  /** The device, as commands must access it. @internal */
  medium!: Medium;
  /** The device, where it is one that can hold protection information. @internal */
  protection: ProtectedDevice | undefined = undefined;
  /** True when the unit has room for protection information. @internal */
  readonly protectable: boolean;
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
  operations!: MediumOperations;
  /** Those who use the medium by another way than SCSI. @internal */
  readonly doors: Set<UnitDoor> = new Set();
  /** Whether there is a medium. @internal */
  readonly tray: MediumTray;
  /** True when the unit knows its space usage. @internal */
  readonly tellsSpace: boolean;
  /** The third-party copies that use the unit. @internal */
  readonly copies: UnitCopies = new UnitCopies();
  #product: string;
  #revision: string;
  #mediumOptions!: MediumOptions;
  /** @internal */
  readonly targetPorts: TargetPorts = new TargetPorts();
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
  readonly #pace: Pace | undefined;
  readonly #nexuses = new Set<ItlNexus>();
  #endResize: () => void = () => undefined;
  #blockCount!: number;
  /** The mode pages are made after the first medium is taken in, and not asked before. */
  readonly #protectionSettings: ProtectionSettings = protectionSettings(() => this.modes);

  /**
   * Throws a RangeError for an identity, a text, a management address, a physical block, an atomic write size or a rate
   * that does not fit, and a `UnitStateError` for a state in the store that no unit can have saved.
   */
  constructor(options: LogicalUnitOptions) {
    const identity = unitIdentity(options.identity);
    this.kind = options.kind ?? 'disk';
    this.tray = new MediumTray(() => {
      this.#countBlocks();
      this.#mediaEvent(this.tray.loaded ? MediaEvent.NEW_MEDIA : MediaEvent.MEDIA_REMOVAL);
    });
    const kept = new KeptState(options.stateStore);
    this.persistent = new PersistentReservations(kept);
    this.information = new IdentifyingInformation(kept);
    const clock = options.clock ?? systemClock;
    this.tasks = new TaskSet(this.aca, taskLimits(options), clock);
    this.statistics = new UnitStatistics(clock);
    this.thresholds = new SpaceThresholds(this, clock);
    this.timestamp = new UnitTimestamp(clock);
    this.tellsSpace = options.space !== undefined;
    this.identityDigits = identity.digits;
    this.serialNumber = fittingText('serial number', options.serialNumber ?? identity.digits, 32);
    if (this.serialNumber === '') throw new RangeError('a serial number has a character at least');
    this.naa = identity.naa;
    this.uuid = identity.uuid;
    this.managementAddresses = options.managementAddresses ?? [];
    checkManagementAddresses(this.managementAddresses);
    this.vendor = fittingText('vendor', options.vendor ?? VENDOR_IDENTIFICATION, 8);
    this.#product = fittingText('product', options.product ?? PRODUCTS[this.kind], 16);
    this.#revision = fittingText('revision', options.revision ?? '0001', 4);
    this.#readOnly = options.readOnly ?? false;
    this.writeSameZero = options.writeSameZero ?? 'refuse';
    this.#pace = Pace.of(options.backgroundBytesPerSecond, clock);
    this.protectable = options.device instanceof ProtectedDevice;
    this.#adopt(options.device, options);
    this.modes = new ModeStore(this, kept);
  }

  /** PRODUCT IDENTIFICATION. */
  get product(): string {
    return this.#product;
  }

  /** PRODUCT REVISION LEVEL. */
  get revision(): string {
    return this.#revision;
  }

  /**
   * Changes what INQUIRY calls the unit; what is left out stays. Initiators hear of it: INQUIRY DATA HAS CHANGED
   * (3Fh/03h). The vendor stays, since the T10 designator of the unit is made from it.
   *
   * @throws RangeError for a text that does not fit, and nothing is changed.
   */
  rename({ product = this.#product, revision = this.#revision }: UnitNames): void {
    fittingText('product', product, 16);
    fittingText('revision', revision, 4);
    if (product === this.#product && revision === this.#revision) return;
    this.#product = product;
    this.#revision = revision;
    this.#announce(AdditionalSenseCode.INQUIRY_DATA_HAS_CHANGED);
  }

  /** What the unit stores; the last medium, where there is none. */
  get device(): BlockDevice {
    return this.medium.device;
  }

  /** True while there is a medium that commands can use. */
  get mediumPresent(): boolean {
    return this.tray.loaded;
  }

  /** Capacity in logical blocks; 0 without a medium. */
  get blockCount(): number {
    return this.#blockCount;
  }

  /** True when writes are refused: by option, by the device, or by the SWP bit of the Control mode page. */
  get writeProtected(): boolean {
    return this.#readOnly || this.device.readOnly || this.modes.softwareWriteProtect;
  }

  /** True when some writes are refused, or all. @internal */
  get restrictsWrites(): boolean {
    return this.#readOnly || this.device.readOnly || this.modes.restrictsWrites;
  }

  /** True when RWWP refuses writes without protection information in the data. @internal */
  get plainWritesRefused(): boolean {
    return this.modes.plainWritesRefused && (this.protection?.type ?? 0) !== 0;
  }

  /** True while an initiator that is there prevents the removal of the medium. */
  get removalPrevented(): boolean {
    return [...this.#nexuses].some(({ preventsRemoval }) => preventsRemoval);
  }

  /** True when the medium can be taken out. @internal */
  get removable(): boolean {
    return isRemovable(this.kind);
  }

  /**
   * Takes the medium out, as somebody at the drive does: what goes on with it ends, it is flushed, and commands find
   * MEDIUM NOT PRESENT. Completes with the device, which nothing uses any more. A medium that an initiator has ejected
   * lies in the tray, and is taken from there. When the flush fails, unless forced after an earlier failure, it stays.
   *
   * Throws a {@link MediumPresenceError} `SCSI_NOT_REMOVABLE`, `SCSI_NO_MEDIUM`, `SCSI_MEDIUM_BUSY` while it is
   * formatted or sanitized, and `SCSI_MEDIUM_REMOVAL_PREVENTED`, of which initiators then hear as of an OPERATOR MEDIUM
   * REMOVAL REQUEST; `force` ends their preventions instead.
   */
  async eject(options: { readonly force?: boolean } = {}): Promise<BlockDevice> {
    const { tray, medium } = this;
    if (!this.removable) throw new MediumPresenceError('SCSI_NOT_REMOVABLE');
    if (tray.empty) throw new MediumPresenceError('SCSI_NO_MEDIUM');
    if (this.removalPrevented && options.force !== true && tray.loaded) {
      this.#mediaEvent(MediaEvent.EJECT_REQUEST);
      this.#announce(AdditionalSenseCode.OPERATOR_MEDIUM_REMOVAL_REQUEST);
      throw new MediumPresenceError('SCSI_MEDIUM_REMOVAL_PREVENTED');
    }
    if (this.operations.inProgress) throw new MediumPresenceError('SCSI_MEDIUM_BUSY');
    await tray.ejectByHand(medium, options.force === true);
    if (tray.state !== 'ejected' || medium !== this.medium) throw new MediumPresenceError('SCSI_NO_MEDIUM');
    this.#allowRemoval();
    tray.takeOut();
    return medium.device;
  }

  /**
   * Puts a medium in and closes the tray; without a device it closes over the medium that an initiator has ejected.
   * Every initiator hears of it: NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED.
   *
   * Throws a {@link MediumPresenceError} `SCSI_NOT_REMOVABLE`, `SCSI_MEDIUM_PRESENT`, or `SCSI_NO_MEDIUM` when there is
   * nothing to close the tray over; and a RangeError for options that do not fit the device.
   */
  insert(device?: BlockDevice, options: MediumOptions = {}): void {
    const { tray } = this;
    if (!this.removable) throw new MediumPresenceError('SCSI_NOT_REMOVABLE');
    if (device === undefined) {
      if (tray.empty) throw new MediumPresenceError('SCSI_NO_MEDIUM');
      this.loadFromTray();
      return;
    }
    if (!tray.empty) throw new MediumPresenceError('SCSI_MEDIUM_PRESENT');
    this.#adopt(device, options);
    this.#load();
  }

  /** Closes the tray, for an initiator or somebody at the drive: the others hear of a medium in it. @internal */
  loadFromTray(by?: ItlNexus): void {
    if (this.tray.state === 'ejected') {
      // Accesses to the medium that went out fail for ever; this is the same device, come in anew.
      this.#adopt(this.device, this.#mediumOptions);
      this.#load(by);
    } else this.tray.close();
  }

  /** The target port groups through which the unit can be reached, ascending. */
  get portGroups(): readonly PortGroupStatus[] {
    return this.targetPorts.status;
  }

  /**
   * Gives a target port group another access state, or prefers it (SPC-4 5.15.2): commands that come from then on
   * are judged by it, initiators hear of it by a unit attention, and it lasts as long as the unit does. Throws a
   * RangeError when the unit has no such group.
   */
  setPortGroup(group: number, change: PortGroupChange): void {
    changeAccess(this, [{ ...change, group }]);
  }

  /** How much space the unit takes; undefined when it does not know. @internal */
  readSpace(): MaybePromise<SpaceUsage | undefined> {
    return this.#mediumOptions.space?.();
  }

  /** Ends the subscription to the device, and ROD tokens of the unit. The device itself stays open. Idempotent. */
  close(): void {
    this.#endResize();
    this.#forgetTokens();
  }

  /** The nexuses that are there now. @internal */
  get nexuses(): ReadonlySet<ItlNexus> {
    return this.#nexuses;
  }

  /** @internal */
  attach(nexus: ItlNexus): void {
    this.#nexuses.add(nexus);
  }

  /** The nexus is gone: so is its reservation (SPC-2 7.21.1). @internal */
  detach(nexus: ItlNexus): void {
    this.#nexuses.delete(nexus);
    if (this.reservedBy === nexus) this.reservedBy = undefined;
    this.aca.clear(nexus);
    void this.copies.abort(nexus);
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

  #adopt(device: BlockDevice, options: MediumOptions): void {
    const { blockSize } = device;
    if (this.kind === 'cd-rom') checkDisc(device);
    const protection = device instanceof ProtectedDevice ? device : undefined;
    if (protection !== undefined && !this.protectable) {
      throw new RangeError('a medium with protection information in a unit that was made without');
    }
    this.limits = unitLimits(blockSize, options);
    this.#endResize();
    this.#forgetTokens();
    this.#mediumOptions = options;
    this.blockSize = blockSize;
    this.medium = new Medium(device);
    this.protection = protection;
    if (protection !== undefined) protection.settings = this.#protectionSettings;
    this.operations = new MediumOperations(this.medium, {
      store: options.mediumStateStore,
      pace: this.#pace,
      former: this.operations,
    });
    this.#endResize = device.onResize(() => {
      this.#resized();
    });
    this.#countBlocks();
  }

  /** The ROD tokens of the medium that was there are not good any more. */
  #forgetTokens(): void {
    const { medium } = this as { medium: Medium | undefined };
    medium?.changed(0, Number.MAX_SAFE_INTEGER);
  }

  #load(by?: ItlNexus): void {
    this.stopped = false;
    this.tray.load();
    this.#announce(AdditionalSenseCode.NOT_READY_TO_READY_CHANGE, by);
  }

  #announce(condition: AdditionalSense, except?: ItlNexus): void {
    for (const nexus of this.#nexuses) {
      if (nexus !== except) nexus.announce(condition);
    }
  }

  #mediaEvent(event: number): void {
    for (const nexus of this.#nexuses) nexus.mediaEvent = event;
  }

  #allowRemoval(): void {
    for (const nexus of this.#nexuses) nexus.preventsRemoval = false;
  }

  #countBlocks(): void {
    this.#blockCount = this.tray.loaded ? Math.floor(this.device.size / this.blockSize) : 0;
  }

  #resized(): void {
    this.medium.changed(this.device.size, Number.MAX_SAFE_INTEGER);
    if (!this.tray.loaded) return;
    this.#countBlocks();
    this.#announce(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED);
  }
}
