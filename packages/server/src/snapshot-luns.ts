import { SnapshotError, type SnapshotInfo, type SnapshotSet } from '@lunbox/snapshot';
import type { Disk } from './disks.ts';
import { Drive } from './drive.ts';
import { numberAnother } from './lun-numbers.ts';
import type { OpenTarget } from './open-target.ts';
import { retireDrive } from './retire-drive.ts';
import { ServerError } from './server-error.ts';

/** PRODUCT IDENTIFICATION of snapshots. */
const PRODUCT = 'LUNBOX SNAPSHOT';

/** Which LUN is to be a snapshot of which. */
export interface SnapshotLunRequest {
  /** The drive with the disk. */
  readonly of: Drive;
  /** Identity or name of the snapshot. */
  readonly snapshot: string;
  /** The lowest that is free when left out. */
  readonly lun: number | undefined;
}

/**
 * Snapshots that initiators read as LUNs of their own: write protected, with the identity of the snapshot, for those
 * who may see the disk itself. Initiators hear of each that comes or goes: REPORTED LUNS DATA HAS CHANGED.
 */
export class SnapshotLuns {
  readonly #target: Pick<OpenTarget, 'drives' | 'scsi'>;
  /** LUNs that go, and when they have gone. */
  readonly #leaving = new Map<Drive, Promise<void>>();

  constructor(target: Pick<OpenTarget, 'drives' | 'scsi'>) {
    this.#target = target;
  }

  /** The LUNs that snapshots of a disk have. */
  of(drive: Drive): Drive[] {
    return this.#target.drives.filter(({ snapshot }) => snapshot?.lun === drive.lun);
  }

  /** Presents a snapshot. Throws a {@link ServerError}, or a SnapshotError when there is no such snapshot. */
  open({ of, snapshot, lun }: SnapshotLunRequest): Drive {
    const { drives, scsi } = this.#target;
    const set = snapshotsOf(of);
    const info = findSnapshot(set, snapshot);
    const { id } = info;
    const open = this.of(of).find((drive) => drive.snapshot?.id === id);
    if (open !== undefined) throw wrongState(`snapshot ${info.name} is open as LUN ${open.lun} already`);
    const number = numberAnother(drives, { name: `snapshot ${snapshot}`, lun });
    const view = set.openView(snapshot);
    const identity = Buffer.from(id.replaceAll('-', ''), 'hex');
    const { physicalBlockBytes, vendor } = of.disk?.unit ?? {};
    const disk: Disk = {
      unit: {
        device: view,
        identity,
        product: PRODUCT,
        ...(physicalBlockBytes === undefined ? {} : { physicalBlockBytes }),
        ...(vendor === undefined ? {} : { vendor }),
      },
      continuity: 'clean',
      path: undefined,
      snapshotOf: { lun: of.lun, id },
      snapshotName: () => set.list().find((each) => each.id === id)?.name ?? info.name,
      close: async () => view.close(),
    };
    const drive = new Drive(number, disk, { ...disk.unit, readOnly: true });
    scsi.addUnit(number, drive.unit, of.disk?.users?.rightsOf);
    drives.push(drive);
    return drive;
  }

  /**
   * Takes the LUN of a snapshot away: commands that are under way end first, up to a time. Throws a {@link ServerError}
   * when the LUN is no snapshot.
   */
  close(drive: Drive): Promise<void> {
    if (drive.snapshot === undefined)
      return Promise.reject(wrongState(`LUN ${drive.lun} is no snapshot, and is not closed`));
    const leaving = this.#leaving.get(drive) ?? this.#retire(drive);
    this.#leaving.set(drive, leaving);
    return leaving;
  }

  /** Throws a {@link ServerError} while a snapshot of the disk, or the one of this identity, is a LUN. */
  checkClosed(drive: Drive, id?: string): void {
    const open = this.of(drive).find(({ snapshot }) => id === undefined || snapshot?.id === id);
    if (open === undefined) return;
    throw wrongState(
      `snapshot ${open.snapshot?.name} is open as LUN ${open.lun}; close it with lunbox snap close`,
    );
  }

  async #retire(drive: Drive): Promise<void> {
    try {
      await retireDrive(this.#target, drive);
    } finally {
      this.#leaving.delete(drive);
    }
  }
}

/** The snapshots of the disk in a drive. Throws a {@link ServerError} where it can have none. */
export function snapshotsOf({ disk, lun }: Pick<Drive, 'disk' | 'lun'>): SnapshotSet {
  if (disk?.snapshots !== undefined) return disk.snapshots;
  throw wrongState(`LUN ${lun} has no snapshots: only a disk in a container, without protection, has`);
}

/** The snapshot of this identity or name. Throws a SnapshotError `SNAPSHOT_NOT_FOUND`. */
export function findSnapshot(set: SnapshotSet, snapshot: string): SnapshotInfo {
  const info = set.list().find(({ id, name }) => id === snapshot || name === snapshot);
  if (info !== undefined) return info;
  throw new SnapshotError('SNAPSHOT_NOT_FOUND', `there is no snapshot ${snapshot}`, { snapshot });
}

function wrongState(message: string): ServerError {
  return new ServerError('SERVER_WRONG_STATE', message);
}
