import { BlockError } from '@lunbox/block';
import {
  LogicalUnit,
  MediumPresenceError,
  ProtectedDevice,
  UnitStateError,
  type UnitKind,
  type UnitNames,
  type UnitPolicy,
} from '@lunbox/scsi';
import {
  ContainerError,
  formatUuid,
  type MirrorHooks,
  type StorageObjectSeams,
} from '@lunbox/storage-object';
import { openDisks, type Disk } from './disks.ts';
import type { UserChange, UserList } from './object-users.ts';
import type { LunOptions, ServerOptions } from './options.ts';
import { ServerError } from './server-error.ts';
import type { MeasuredLun, ServedLun, ServedObject, ServedSnapshot } from './status.ts';

/** What people are told when a medium cannot be taken out or put in. */
const REFUSALS: Readonly<Record<MediumPresenceError['code'], string>> = {
  SCSI_NOT_REMOVABLE: 'has a medium that cannot be taken out; serve it as a removable disk or a CD',
  SCSI_MEDIUM_REMOVAL_PREVENTED:
    'is kept from it by an initiator that uses the medium; --force takes it out all the same',
  SCSI_MEDIUM_BUSY: 'is being formatted or sanitized; try again when that has ended',
  SCSI_MEDIUM_PRESENT: 'has a medium already; eject it first',
  SCSI_NO_MEDIUM: 'has no medium',
};

/** What is told of a drive. */
type DriveListeners = Pick<ServerOptions, 'onFault' | 'onSnapshotEvent'>;

/** One LUN: a unit, and the disk in it, which can be taken out where it is removable. */
export class Drive {
  readonly unit: LogicalUnit;
  readonly lun: number;
  /** 16 bytes, those of the first disk: a drive keeps its name, whatever is in it. */
  readonly identity: Uint8Array;
  /** What the first disk was opened from. */
  readonly options: LunOptions;
  readonly #listeners: DriveListeners;
  /** Undefined while somebody at the drive has taken it. */
  #disk: Disk | undefined;
  readonly #faultListeners = new Set<(fault: string) => void>();
  /** The end of the changes so far: they follow one another. */
  #changes: Promise<unknown> = Promise.resolve();

  /**
   * @param options what the disk was opened from
   * @param listeners hear of a disk that takes no change any more, and of its snapshots
   */
  constructor(lun: number, disk: Disk, options: LunOptions, listeners: DriveListeners = {}) {
    this.#listeners = listeners;
    this.lun = lun;
    this.identity = disk.unit.identity;
    this.options = options;
    this.#disk = disk;
    this.unit = makeUnit(disk, options);
    this.#watch(disk);
  }

  /** The disk that the server has open for the drive. */
  get disk(): Disk | undefined {
    return this.#disk;
  }

  /** Takes the medium out and lets go of its file. Throws a {@link ServerError}, or what flushing or closing throws. */
  eject(force: boolean): Promise<void> {
    return this.#inTurn(async () => {
      await this.unit.eject({ force });
      const disk = this.#disk;
      this.#disk = undefined;
      await disk?.close();
    });
  }

  /**
   * Puts the medium in a file in, opened as the first one was; without a file, pushes in what an initiator has ejected.
   * Throws a {@link ServerError}, or what opening throws.
   *
   * @param others the drives that must not hold the same disk
   */
  insert(
    path: string | undefined,
    seams: StorageObjectSeams & MirrorHooks,
    others: readonly Drive[],
  ): Promise<void> {
    return this.#inTurn(async () => {
      if (path === undefined) {
        this.unit.insert();
        return;
      }
      if (!this.unit.removable) throw new MediumPresenceError('SCSI_NOT_REMOVABLE');
      if (this.#disk !== undefined) throw new MediumPresenceError('SCSI_MEDIUM_PRESENT');
      const medium = withFile(this.options, path);
      // A disc has no identity that could be mistaken for that of another.
      const [disk] = await openDisks([medium], seams, 'image' in medium ? [] : identitiesIn(others));
      try {
        this.unit.insert(disk!.unit.device, disk!.unit);
      } catch (error) {
        await disk!.close();
        throw error instanceof RangeError
          ? wrongState(this.lun, `cannot have ${path}: ${error.message}`)
          : error;
      }
      this.#disk = disk;
      this.#watch(disk!);
    });
  }

  /**
   * Makes the disk larger; initiators hear that its capacity has changed. Throws a {@link ServerError}, or what growing
   * the container throws.
   */
  resize(sizeBytes: number): Promise<void> {
    return this.#inTurn(async () => {
      const disk = this.#disk;
      if (disk === undefined) throw new MediumPresenceError('SCSI_NO_MEDIUM');
      if (disk.grow === undefined)
        throw wrongState(this.lun, 'is no disk in a container, and keeps its size');
      const { size } = disk.unit.device;
      if (sizeBytes === size) return;
      if (sizeBytes < size) {
        const reason = `has ${size} bytes, and cannot be made smaller while it is served`;
        throw wrongState(this.lun, reason);
      }
      await disk.grow(sizeBytes);
    });
  }

  /**
   * Changes what INQUIRY calls the unit, durably where there is a container; initiators hear of it. Throws a
   * {@link ServerError}, or what storing it throws.
   */
  rename(names: UnitNames): Promise<void> {
    return this.#inTurn(async () => {
      await this.#disk?.rename?.(names);
      this.unit.rename(names);
    });
  }

  /** Who may do what with the disk. Throws a {@link ServerError} where that cannot be said. */
  get users(): UserList {
    return this.#listedDisk().users?.list;
  }

  /** Changes that, durably. Throws a {@link ServerError}, or what updating attributes throws. */
  changeUsers(change: UserChange): Promise<void> {
    return this.#inTurn(async () => {
      await this.#listedDisk().users?.change(change);
    });
  }

  /** The disk, where it can have users of its own. */
  #listedDisk(): Disk {
    if (this.unit.removable) throw wrongState(this.lun, 'is removable, and has no users of its own');
    if (this.#disk?.users === undefined)
      throw wrongState(this.lun, 'is no disk in a container, and has no users');
    return this.#disk;
  }

  /** What is told of the LUN. */
  describe(url: string): ServedLun {
    const { unit, lun } = this;
    const { device, mediumPresent } = unit;
    return {
      lun,
      url,
      kind: unit.kind,
      mediumPresent,
      path: this.#disk?.path,
      sizeBytes: mediumPresent ? device.size : 0,
      blockSize: device.blockSize,
      protectionType: device instanceof ProtectedDevice ? device.type : undefined,
      unprotectedBlocks: device instanceof ProtectedDevice ? device.unknownBlocks : 0,
      readOnly: unit.writeProtected,
      identity: formatUuid(this.identity),
      portGroups: unit.portGroups,
      fault: this.#disk?.fault?.(),
      continuity: this.#disk?.continuity ?? 'clean',
      snapshot: this.snapshot,
      layout: this.#disk?.layout?.(),
    };
  }

  /** The same with its space, which the open disk tells: its file may be gone from its place. */
  async measure(url: string): Promise<MeasuredLun> {
    const status = this.describe(url);
    const space = await this.#tell(async (disk) => disk.unit.space?.());
    if (space === undefined) return status;
    const { usedBytes } = space;
    return { ...status, usedBytes, freeBytes: Math.max(0, status.sizeBytes - usedBytes) };
  }

  /** What a catalog says of the disk; undefined where there is no container, or nothing can be told of it. */
  async catalogEntry(iqn: string): Promise<ServedObject | undefined> {
    const entry = await this.#tell(async (disk) => disk.catalogEntry?.());
    const { lun } = this;
    return entry && { ...entry, lun, served: { iqn, lun } };
  }

  /** Asks the disk; what it tells of itself is undefined while it is taken out, or its medium is lost. */
  async #tell<T>(ask: (disk: Disk) => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return this.#disk && (await ask(this.#disk));
    } catch (error) {
      if (error instanceof ContainerError || error instanceof BlockError) return undefined;
      throw error;
    }
  }

  /** What the LUN is a snapshot of; undefined when it is none. */
  get snapshot(): ServedSnapshot | undefined {
    const { snapshotOf, snapshotName } = this.#disk ?? {};
    return snapshotOf && { ...snapshotOf, name: snapshotName?.() ?? snapshotOf.id };
  }

  /** Ends what goes on and lets go of the disk. */
  async close(): Promise<void> {
    await this.#changes;
    await this.#disk?.close();
  }

  /** Calls `listener` when the disk takes no change any more. Returns a function that ends the subscription. */
  onFault(listener: (fault: string) => void): () => void {
    this.#faultListeners.add(listener);
    return () => this.#faultListeners.delete(listener);
  }

  #watch({ path, onFault, snapshots }: Disk): void {
    const { lun } = this;
    onFault?.((fault) => {
      this.#listeners.onFault?.({ lun, path, fault });
      for (const listener of this.#faultListeners) listener(fault);
    });
    snapshots?.onEvent((event) => {
      if (event.kind !== 'faulted' && event.kind !== 'taken')
        this.#listeners.onSnapshotEvent?.({ lun, path, event });
    });
  }

  async #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    try {
      await done;
    } catch (error) {
      if (!(error instanceof MediumPresenceError)) throw error;
      throw wrongState(this.lun, REFUSALS[error.code], error);
    }
  }
}

function wrongState(lun: number, reason: string, cause?: unknown): ServerError {
  return new ServerError('SERVER_WRONG_STATE', `LUN ${lun} ${reason}`, { cause });
}

/**
 * Throws a {@link ServerError}: `SERVER_UNUSABLE_STATE` when the disk holds what this version cannot have saved,
 * `SERVER_BAD_OPTIONS` for options that do not fit it.
 */
function makeUnit({ unit, path }: Disk, options: LunOptions): LogicalUnit {
  const { stateStore, ...lasting } = unit;
  const kind = kindOf(options);
  const readOnly = 'image' in options || options.readOnly === true;
  const policy = 'image' in options ? {} : policyOf(options);
  try {
    // The state is the drive's; a medium takes the store that it brings along out again.
    return new LogicalUnit({
      ...lasting,
      ...policy,
      ...(kind === 'disk' && stateStore ? { stateStore } : {}),
      readOnly,
      kind,
    });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const code = cause instanceof UnitStateError ? 'SERVER_UNUSABLE_STATE' : 'SERVER_BAD_OPTIONS';
    throw new ServerError(code, `${path ?? 'a disk'}: ${cause.message}`, { cause });
  }
}

function policyOf({ writeSameZero, backgroundBytesPerSecond }: UnitPolicy): UnitPolicy {
  return {
    ...(writeSameZero === undefined ? {} : { writeSameZero }),
    ...(backgroundBytesPerSecond === undefined ? {} : { backgroundBytesPerSecond }),
  };
}

function kindOf(options: LunOptions): UnitKind {
  if ('image' in options) return 'cd-rom';
  return options.removable === true ? 'removable-disk' : 'disk';
}

function withFile(options: LunOptions, path: string): LunOptions {
  if ('image' in options) return { image: path };
  if ('path' in options) return { ...options, path, forgetState: false };
  const { readOnly = false } = options;
  return { path, readOnly };
}

/** An identity that somebody's medium has now, or that somebody's drive is known by. */
export function identitiesIn(drives: readonly Drive[]): readonly Uint8Array[] {
  return drives.flatMap(({ identity, disk }) =>
    disk === undefined ? [identity] : [identity, disk.unit.identity],
  );
}
