import type { BlockDevice } from '@lunbox/block';
import { EVERY_RIGHT, UnitDoor } from '@lunbox/scsi';
import type { SnapshotInfo } from '@lunbox/snapshot';
import { formatUuid, type ObjectRights } from '@lunbox/storage-object';
import { basename } from 'node:path';
import type { Drive } from './drive.ts';
import type { OpenTarget } from './open-target.ts';
import { ServedSnapshots } from './served-snapshots.ts';
import { ServerError } from './server-error.ts';
import type { MeasuredLun } from './status.ts';

/** What parts the name of a disk from that of its snapshot. */
export const SNAPSHOT_MARK = '@';

const EXTENSION = '.lun';

/** Digits of the identity by which disks of one name are told apart. */
const SHORT_DIGITS = 8;

/** What somebody without any list of users may do. */
const ALL_RIGHTS: ObjectRights = { ...EVERY_RIGHT, snapshots: true, replicates: true };

/** A disk, or a snapshot of one, as it is found by those who come by another way than iSCSI. */
export interface Volume {
  /** Name of the file without `.lun`, `lun3` for what is in none; of a snapshot `disk@snapshot`. */
  readonly name: string;
  /** Identity of the disk or of the snapshot, in UUID form. */
  readonly uuid: string;
  /** The target and the LUN that the disk is. */
  readonly iqn: string;
  readonly lun: number;
  readonly path: string | undefined;
  /** What people wrote about the disk. */
  readonly description: string | undefined;
  readonly sizeBytes: number;
  readonly blockSize: number;
  /** True when this user cannot change it. */
  readonly readOnly: boolean;
  /** What it is a snapshot of; undefined for the disk itself. */
  readonly snapshot: SnapshotInfo | undefined;
  /** What this user may do with the disk. */
  readonly rights: ObjectRights;
}

/** What is told of an open disk. */
export type VolumeStatus = Partial<Pick<MeasuredLun, 'usedBytes' | 'freeBytes'> & { readonly fault: string }>;

/** How a volume is opened. */
export interface VolumeUse {
  /** Who comes, for people: such as `nbd 127.0.0.1:40000`. */
  readonly peer: string;
  /** The name that was proven; undefined for nobody in particular. */
  readonly user?: string;
  /** Changes are refused. Default false. */
  readonly readOnly?: boolean;
}

/**
 * All disks of a running server and their snapshots, by name and by identity, for a user: what they may not see does
 * not exist for them.
 */
export class Volumes {
  readonly #targets: () => readonly OpenTarget[];

  /** @internal */
  constructor(targets: () => readonly OpenTarget[]) {
    this.#targets = targets;
  }

  /** Every disk, each followed by its snapshots from the oldest one on. Bookmarks have no content, and are left out. */
  list(user?: string): Volume[] {
    return this.#places(user).flatMap((place) => [diskVolume(place), ...snapshotVolumes(place)]);
  }

  /** The volume of this name or identity; the first disk for an empty name. */
  find(name: string, user?: string): Volume | undefined {
    if (name === '') return this.list(user)[0];
    return this.list(user).find((volume) => volume.name === name || volume.uuid === name.toLowerCase());
  }

  /**
   * Opens a volume. Close what comes: a snapshot is not deleted while it is open.
   *
   * Throws a BlockError `BLOCK_CLOSED` when it is not there any more, or a SnapshotError `SNAPSHOT_NOT_FOUND`.
   */
  open(volume: Volume, { peer, user, readOnly = false }: VolumeUse): BlockDevice {
    const { drive } = this.#placeOf(volume, user);
    if (volume.snapshot !== undefined) return drive.disk!.snapshots!.openView(volume.snapshot.id);
    return new UnitDoor(drive.unit, { name: peer, readOnly, rights: () => rightsTo(drive, user) });
  }

  /** The snapshots of the disk that the volume is or is of; undefined where there can be none. */
  snapshotsOf(volume: Volume, user?: string): ServedSnapshots | undefined {
    const { drive, target } = this.#placeOf(volume, user);
    return drive.disk?.snapshots && new ServedSnapshots(drive, target.snapshotLuns);
  }

  /** Makes a disk larger; see `LunboxServer.resize`. */
  async resize(volume: Volume, sizeBytes: number, user?: string): Promise<void> {
    await this.#placeOf(volume, user).drive.resize(sizeBytes);
  }

  /**
   * Changes what people wrote about a disk, durably; an empty text drops it. Throws a {@link ServerError}
   * `SERVER_WRONG_STATE` where there is nowhere to keep it, or what `StorageObject.updateAttributes` throws.
   */
  async describe(volume: Volume, text: string, user?: string): Promise<void> {
    const { disk, lun } = this.#placeOf(volume, user).drive;
    if (disk?.description === undefined)
      throw new ServerError('SERVER_WRONG_STATE', `LUN ${lun} is no disk in a container, and keeps no text`);
    await disk.description.change(text);
  }

  /** What a disk takes, and why it takes no change any more. */
  async status(volume: Volume, user?: string): Promise<VolumeStatus> {
    const { usedBytes, freeBytes, fault } = await this.#placeOf(volume, user).drive.measure('');
    return {
      ...(usedBytes === undefined ? {} : { usedBytes }),
      ...(freeBytes === undefined ? {} : { freeBytes }),
      ...(fault === undefined ? {} : { fault }),
    };
  }

  /** Calls `listener` when the disk takes no change any more. Returns a function that ends the subscription. */
  onFault(volume: Volume, listener: (fault: string) => void, user?: string): () => void {
    return this.#placeOf(volume, user).drive.onFault(listener);
  }

  #placeOf({ iqn, lun, name }: Volume, user: string | undefined): Place {
    const place = this.#places(user).find((each) => each.iqn === iqn && each.drive.lun === lun);
    if (place !== undefined) return place;
    throw new ServerError('SERVER_WRONG_STATE', `there is no disk ${name} any more`);
  }

  #places(user: string | undefined): Place[] {
    const all = this.#targets().flatMap((target) =>
      target.drives.filter((drive) => drive.snapshot === undefined).map((drive) => ({ target, drive })),
    );
    const seen = all.map(({ drive }) => plainName(drive));
    return all.flatMap(({ target, drive }, index) => {
      const rights = drive.unit.mediumPresent ? rightsTo(drive, user) : undefined;
      if (rights === undefined) return [];
      const name = seen[index]!;
      const unique = seen.indexOf(name) === seen.lastIndexOf(name);
      return [
        {
          target,
          iqn: target.iqn,
          drive,
          rights,
          name: unique ? name : `${name}-${uuidOf(drive).slice(0, SHORT_DIGITS)}`,
        },
      ];
    });
  }
}

/** A disk as a user finds it. */
interface Place {
  readonly target: OpenTarget;
  readonly iqn: string;
  readonly drive: Drive;
  readonly rights: ObjectRights;
  readonly name: string;
}

function plainName({ disk, lun }: Drive): string {
  return disk?.path === undefined ? `lun${lun}` : basename(disk.path, EXTENSION);
}

/** Identity of the disk that is in the drive now. */
function uuidOf({ disk, identity }: Drive): string {
  return formatUuid(disk?.unit.identity ?? identity);
}

function rightsTo({ disk }: Drive, user: string | undefined): ObjectRights | undefined {
  return disk?.users === undefined ? ALL_RIGHTS : disk.users.rightsOf(user);
}

function diskVolume({ iqn, drive, rights, name }: Place): Volume {
  const { unit, lun, disk } = drive;
  return {
    name,
    uuid: uuidOf(drive),
    iqn,
    lun,
    path: disk?.path,
    description: disk?.description?.text(),
    sizeBytes: unit.device.size,
    blockSize: unit.blockSize,
    readOnly: unit.writeProtected || !rights.writes,
    snapshot: undefined,
    rights,
  };
}

function snapshotVolumes(place: Place): Volume[] {
  const disk = diskVolume(place);
  const all = place.drive.disk?.snapshots?.list() ?? [];
  const readable = all.filter(({ bookmark, prepared }) => bookmark !== true && prepared !== true);
  return readable.map((snapshot) => ({
    ...disk,
    name: `${disk.name}${SNAPSHOT_MARK}${snapshot.name}`,
    uuid: snapshot.id,
    sizeBytes: snapshot.sizeBytes,
    readOnly: true,
    snapshot,
  }));
}
