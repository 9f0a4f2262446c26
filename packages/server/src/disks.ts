import type { LogicalUnitOptions, UnitNames } from '@lunbox/scsi';
import {
  ContainerError,
  formatUuid,
  type CatalogObject,
  type LayoutStatus,
  type MirrorHooks,
  type Continuity,
  type StorageObjectSeams,
} from '@lunbox/storage-object';
import { discIdentity, openDiscImage } from './disc-image.ts';
import { forgetState, objectUnit } from './object-unit.ts';
import { ObjectUsers } from './object-users.ts';
import { SnapshotObject, type SnapshotSet } from '@lunbox/snapshot';
import type { ServedSnapshot } from './status.ts';
import type { ContainerLun, DeviceLun, ImageLun, LunOptions } from './options.ts';
import { openProtected } from './protection.ts';
import { ServerError } from './server-error.ts';

/** A disk that is ready to be a LUN. */
export interface Disk {
  readonly unit: LogicalUnitOptions;
  readonly continuity: Continuity;
  readonly path: string | undefined;
  /** Makes the disk larger, durably; undefined where only whoever made the device can. */
  readonly grow?: (sizeBytes: number) => Promise<void>;
  /** Keeps with the disk, durably, what INQUIRY calls it; undefined where there is nowhere to keep it. */
  readonly rename?: (names: UnitNames) => Promise<void>;
  /** Who may do what; undefined where that cannot be said, and everybody may do everything. */
  readonly users?: ObjectUsers;
  /** Its snapshots; undefined where it can have none. */
  readonly snapshots?: SnapshotSet;
  /** Of which LUN it is a snapshot, and the identity of that in UUID form; undefined for what is none. */
  readonly snapshotOf?: Omit<ServedSnapshot, 'name'>;
  /** What the snapshot is called now. */
  readonly snapshotName?: () => string;
  /** The parts that it is made of now; undefined where it is in one file. */
  readonly layout?: () => LayoutStatus | undefined;
  /** What people wrote about it, and how to change that, durably; undefined where there is nowhere to keep it. */
  readonly description?: { text(): string | undefined; change(text: string): Promise<void> };
  /** What a catalog says of it; undefined for what is no container. */
  readonly catalogEntry?: () => Promise<CatalogObject>;
  /** Why it takes no change any more; undefined while a sync has not failed. */
  readonly fault?: () => string | undefined;
  /** Calls `listener` once, when a sync fails. */
  readonly onFault?: (listener: (fault: string) => void) => void;
  /** Makes everything durable and lets go of what the server opened. */
  close(): Promise<void>;
}

const isContainer = (lun: LunOptions): lun is ContainerLun => 'path' in lun;
const isImage = (lun: LunOptions): lun is ImageLun => 'image' in lun;

/**
 * Opens the containers and images among the LUNs, all or none, and answers a disk for each LUN in order; none may have
 * an identity that is `taken`. Throws what `SnapshotObject.openAll` throws, and a {@link ServerError}
 * `SERVER_DUPLICATE_IDENTITY` or `SERVER_BAD_IMAGE`.
 */
export async function openDisks(
  luns: readonly LunOptions[],
  seams: StorageObjectSeams & MirrorHooks,
  taken: readonly Uint8Array[] = [],
): Promise<Disk[]> {
  const requests = luns.filter(isContainer).map((lun) => ({ ...seams, ...lun }));
  const objects = await SnapshotObject.openAll(requests);
  const remaining = [...objects];
  const disks: Disk[] = [];
  try {
    for (const lun of luns) {
      if (isContainer(lun)) disks.push(await fromObject(remaining));
      else disks.push(isImage(lun) ? await fromImage(lun, seams) : fromDevice(lun));
    }
    checkIdentities(disks, taken);
    checkRemovable(luns, disks);
    await forgetStates(luns.filter(isContainer), objects);
  } catch (error) {
    await closeDisks([...disks, ...remaining]);
    throw error;
  }
  return disks;
}

/** Takes the next object into use; one that cannot be used stays among those that remain. */
async function fromObject(remaining: SnapshotObject[]): Promise<Disk> {
  const [opened] = remaining;
  if (!opened) throw new Error('fewer objects were opened than were asked for');
  const { object, set, device } = opened;
  const { continuity, path } = object;
  const guarded = await openProtected(object);
  remaining.shift();
  const grow = async (sizeBytes: number): Promise<void> => {
    if (guarded !== undefined && sizeBytes > guarded.roomBytes) throw noRoom(path, guarded.roomBytes);
    await object.grow(sizeBytes);
  };
  const rename = (names: UnitNames): Promise<void> =>
    object.updateAttributes({ inquiry: { ...object.attributes.inquiry, ...names } });
  const close = async (): Promise<void> => {
    try {
      await guarded?.close();
    } finally {
      await opened.close();
    }
  };
  const unit = objectUnit(object, guarded ?? device);
  const layout = (): LayoutStatus | undefined => object.layout;
  const fault = (): string | undefined => (object.faulted ?? set.faulted)?.message;
  const onFault = (listener: (fault: string) => void): void => {
    object.onFault(({ message }) => listener(message));
    set.onEvent((event) => event.kind === 'faulted' && listener(event.message));
  };
  const users = new ObjectUsers(object);
  // Protection information lies beside what snapshots have.
  const more = guarded === undefined ? { snapshots: set } : {};
  const catalogEntry = (): Promise<CatalogObject> => object.catalogEntry();
  const description = {
    text: (): string | undefined => object.attributes.description,
    // An empty text is none.
    change: (text: string): Promise<void> =>
      object.updateAttributes({ description: text === '' ? undefined : text } as { description?: string }),
  };
  const told = { layout, catalogEntry, users, description, fault, onFault };
  return { unit, continuity, path, grow, rename, ...told, close, ...more };
}

function noRoom(path: string, roomBytes: number): ContainerError {
  const message = `${path} has room for the protection information of ${roomBytes} bytes and no more`;
  return new ContainerError('CONTAINER_BAD_SIZE', message, { path });
}

async function fromImage({ image }: ImageLun, { disk }: StorageObjectSeams): Promise<Disk> {
  const device = await openDiscImage(image, disk);
  const close = async (): Promise<void> => device.close();
  return { unit: { device, identity: discIdentity(image) }, continuity: 'clean', path: image, close };
}

function fromDevice(unit: DeviceLun): Disk {
  return { unit, continuity: 'clean', path: undefined, close: async () => unit.device.flush() };
}

async function forgetStates(
  luns: readonly ContainerLun[],
  objects: readonly SnapshotObject[],
): Promise<void> {
  for (const [index, { object }] of objects.entries()) {
    if (luns[index]?.forgetState === true) await forgetState(object);
  }
}

/** What goes out and comes in has no sessions of its own that could be told who may see it. */
function checkRemovable(luns: readonly LunOptions[], disks: readonly Disk[]): void {
  for (const [index, { users, path }] of disks.entries()) {
    const lun = luns[index];
    if (users?.list === undefined || lun === undefined || !('removable' in lun) || lun.removable !== true)
      continue;
    throw new ServerError(
      'SERVER_BAD_OPTIONS',
      `${path} has a list of users, and cannot be a removable disk`,
    );
  }
}

/** An initiator takes two LUNs with one identity for two ways to the same disk, and mixes up their blocks. */
function checkIdentities(disks: readonly Disk[], taken: readonly Uint8Array[]): void {
  const seen = new Set(taken.flatMap((identity) => namesOf({ identity })));
  for (const { unit } of disks) {
    for (const name of namesOf(unit)) {
      if (seen.has(name)) {
        const message = `two disks have the ${name}; serve one of them, or give the copy a new one`;
        throw new ServerError('SERVER_DUPLICATE_IDENTITY', message);
      }
      seen.add(name);
    }
  }
}

/** What tells a disk from others. */
function namesOf({
  identity,
  serialNumber,
}: Pick<LogicalUnitOptions, 'identity' | 'serialNumber'>): string[] {
  const digits = Buffer.from(identity).toString('hex');
  return [`identity ${formatUuid(identity)}`, `serial number ${serialNumber ?? digits}`];
}

/** Closes every disk, also when one fails, and then throws the first failure. */
export async function closeDisks(disks: readonly Pick<Disk, 'close'>[]): Promise<void> {
  const results = await Promise.allSettled(disks.map((disk) => disk.close()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
