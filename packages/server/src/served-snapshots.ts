import { contentReplaced } from '@lunbox/scsi';
import {
  createGroup,
  type BegunRestore,
  type ConsistencyLevel,
  type GroupOptions,
  type NewSnapshot,
  type SnapshotInfo,
  type SnapshotSet,
  type TakenGroup,
} from '@lunbox/snapshot';
import { formatUuid } from '@lunbox/storage-object';
import type { Drive } from './drive.ts';
import { checkUnused } from './drive-use.ts';
import type { NbsFront } from './nbs/nbs-front.ts';
import { ServerError } from './server-error.ts';
import { findSnapshot, snapshotsOf, type SnapshotLuns } from './snapshot-luns.ts';

/** How long suspending what uses a disk may take. */
const QUIESCE_READY_MS = 30_000;

/** Options of {@link ServedSnapshots.open}. */
export interface OpenSnapshotOptions {
  /** The LUN that it gets; the lowest that is free when left out. */
  readonly lun?: number;
}

/** Options of {@link ServedSnapshots.restore}. */
export interface RestoreOptions {
  /** Also while initiators use the disk, or have it reserved. Default false. */
  readonly force?: boolean;
  /** The door of who asks, whose own use does not count; see `unitUse`. */
  readonly user?: string;
  /** What the snapshot is called that is taken first. */
  readonly name?: string;
}

/** The snapshots of a disk that is being served; see `LunboxServer.snapshots`. */
export class ServedSnapshots {
  readonly #drive: Drive;
  readonly #luns: SnapshotLuns;
  /** By which clients hear that they have to suspend what uses the disk. */
  readonly #nbs: Pick<NbsFront, 'quiesced'> | undefined;

  /** @internal */
  constructor(drive: Drive, luns: SnapshotLuns, nbs?: Pick<NbsFront, 'quiesced'>) {
    this.#drive = drive;
    this.#luns = luns;
    this.#nbs = nbs;
  }

  /** The snapshots themselves. Throws a {@link ServerError} `SERVER_WRONG_STATE` where there can be none. */
  get set(): SnapshotSet {
    return snapshotsOf(this.#drive);
  }

  /**
   * Takes a snapshot while what uses the disk is suspended: device managers that have subscribed to it by NBS do that.
   * Its level is the one that was really reached; `crash` where nobody has subscribed.
   *
   * Throws a {@link ServerError} `SERVER_QUIESCE_FAILED` when something is not suspended within `readyMs`, or went on
   * before the snapshot was taken: there is none then. Throws what `SnapshotSet.create` throws.
   */
  async createQuiesced(
    options: Omit<NewSnapshot, 'level'>,
    readyMs: number = QUIESCE_READY_MS,
  ): Promise<SnapshotInfo> {
    const take = (level: ConsistencyLevel): Promise<SnapshotInfo> => this.set.create({ ...options, level });
    return await ServedSnapshots.#quiesced([this], readyMs, take, (taken) => this.delete(taken.id));
  }

  /**
   * As {@link ServedSnapshots.createQuiesced}, of several disks of one server at one instant, all or none. Throws what
   * `createGroup` throws, too.
   */
  static async createGroupQuiesced(
    disks: readonly ServedSnapshots[],
    options: Omit<GroupOptions, 'level'>,
    readyMs: number = QUIESCE_READY_MS,
  ): Promise<TakenGroup> {
    const sets = disks.map(({ set }) => set);
    const take = (level: ConsistencyLevel): Promise<TakenGroup> => createGroup(sets, { ...options, level });
    return await ServedSnapshots.#quiesced(disks, readyMs, take, async ({ snapshots }) => {
      for (const [index, { id }] of snapshots.entries()) await disks[index]!.delete(id);
    });
  }

  /** Takes what is dropped again when something went on before. */
  static async #quiesced<T>(
    disks: readonly ServedSnapshots[],
    readyMs: number,
    take: (level: ConsistencyLevel) => Promise<T>,
    drop: (taken: T) => Promise<void>,
  ): Promise<T> {
    const [nbs] = disks.map((disk) => disk.#nbs);
    if (nbs === undefined) return await take('crash');
    const drives = disks.map((disk) => disk.#drive);
    const uuids = drives.map(({ disk, identity }) => formatUuid(disk?.unit.identity ?? identity));
    const { result, isHeld } = await nbs.quiesced(uuids, readyMs, (level) => take(level as ConsistencyLevel));
    if (isHeld) return result;
    await drop(result);
    const message = 'something went on before the snapshot was taken, which was deleted';
    throw new ServerError('SERVER_QUIESCE_FAILED', message);
  }

  /** The LUN under which initiators read a snapshot; undefined when they cannot. */
  lunOf(id: string): number | undefined {
    return this.#luns.of(this.#drive).find(({ snapshot }) => snapshot?.id === id)?.lun;
  }

  /**
   * Gives a snapshot a LUN of its own, write protected, which has the identity of the snapshot. Those who may see the
   * disk hear of it: REPORTED LUNS DATA HAS CHANGED. Answers the LUN.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` when it has one already, `SERVER_BAD_OPTIONS` for a LUN that is
   * taken or cannot be, and a SnapshotError `SNAPSHOT_NOT_FOUND`.
   */
  open(snapshot: string, { lun }: OpenSnapshotOptions = {}): number {
    return this.#luns.open({ of: this.#drive, snapshot, lun }).lun;
  }

  /**
   * Takes that LUN away: what is under way ends first, for 10 seconds at most. Answers the LUN that it was.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` when it has none, and a SnapshotError `SNAPSHOT_NOT_FOUND`.
   */
  async close(snapshot: string): Promise<number> {
    const { id, name } = findSnapshot(this.set, snapshot);
    const drive = this.#luns.of(this.#drive).find((each) => each.snapshot?.id === id);
    if (drive === undefined) throw wrongState(`snapshot ${name} is not open as a LUN`);
    await this.#luns.close(drive);
    return drive.lun;
  }

  /** Deletes a snapshot that is no LUN. Throws a {@link ServerError}, or what `SnapshotSet.delete` throws. */
  async delete(snapshot: string): Promise<void> {
    this.#luns.checkClosed(this.#drive, findSnapshot(this.set, snapshot).id);
    await this.set.delete(snapshot);
  }

  /**
   * Brings the disk back to what a snapshot has, at once for who reads it; initiators hear that the medium may have
   * changed (28h/00h), and ROD tokens of it are not good any more. A host that has the disk in use would mix up old and
   * new: while an initiator is logged in to it, or has it reserved, the restore is refused unless it is forced.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE`, or what `SnapshotSet.restore` throws.
   */
  async restore(snapshot: string, { force = false, name, user }: RestoreOptions = {}): Promise<BegunRestore> {
    if (!force) checkUnused(this.#drive, 'restore it with --force all the same', user);
    const begun = await this.set.restore(snapshot, name);
    contentReplaced(this.#drive.unit);
    return begun;
  }
}

function wrongState(message: string): ServerError {
  return new ServerError('SERVER_WRONG_STATE', message);
}
