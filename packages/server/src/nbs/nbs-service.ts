import {
  NbsRefusal,
  type Fields,
  type NbsService,
  type ObjectDescription,
  type OpenObject,
  type OpenRequest,
  type SnapshotWish,
} from '@lunbox/nbs';
import { UnitDoor } from '@lunbox/scsi';
import { createGroup } from '@lunbox/snapshot';
import { basename } from 'node:path';
import type { Volume, Volumes } from '../volumes.ts';
import { refusing } from './nbs-refusals.ts';
import { NbsSnapshots, newSnapshot, snapshotFields } from './nbs-snapshots.ts';

/** An object that is open, with what a group of snapshots needs of it. */
interface VolumeObject extends OpenObject {
  readonly snapshots?: NbsSnapshots;
}

/** The disks of a server, for NBS clients. */
export class VolumeService implements NbsService {
  readonly #volumes: Volumes;

  constructor(volumes: Volumes) {
    this.#volumes = volumes;
  }

  list(user: string | undefined): readonly ObjectDescription[] {
    return this.#volumes
      .list(user)
      .filter(({ snapshot }) => snapshot === undefined)
      .map(describe);
  }

  open(request: OpenRequest): Promise<VolumeObject> {
    return refusing(() => this.#open(request));
  }

  async groupSnapshot(
    objects: readonly OpenObject[],
    wish: SnapshotWish,
  ): Promise<{ uuid: string; snapshots: readonly Fields[] }> {
    const sets = objects.map((object) => (object as VolumeObject).snapshots?.set);
    if (sets.some((set) => set === undefined)) throw new NbsRefusal('NOTSUP', 'one of them has no snapshots');
    const { method: _method, ...options } = newSnapshot(wish);
    return await refusing(async () => {
      const { id, snapshots } = await createGroup(sets as NbsSnapshots['set'][], options);
      return { uuid: id, snapshots: snapshots.map(snapshotFields) };
    });
  }

  #open({ name, snapshot, readOnly, user, peer }: OpenRequest): VolumeObject {
    const volume = this.#find(name, snapshot, user);
    const who = `nbs ${peer}`;
    const device = this.#volumes.open(volume, {
      peer: who,
      readOnly,
      ...(user === undefined ? {} : { user }),
    });
    const common = { device, describe: () => describe(this.#again(volume, user)) };
    if (!(device instanceof UnitDoor)) return common;
    const served = this.#volumes.snapshotsOf(volume, user);
    return {
      ...common,
      status: () => this.#volumes.status(volume, user),
      onFault: (listener) => this.#volumes.onFault(volume, listener, user),
      compareAndWrite: (expected, data, offset, options) =>
        device.compareAndWrite(expected, data, offset, options),
      resize: (sizeBytes) => refusing(() => this.#volumes.resize(volume, sizeBytes, user), 'INVAL'),
      ...(served === undefined ? {} : { snapshots: new NbsSnapshots(served, who) }),
    };
  }

  #find(name: string, snapshot: string | undefined, user: string | undefined): Volume {
    const disk = this.#volumes.find(name, user);
    if (disk === undefined) throw new NbsRefusal('NOENT', `there is no object ${name}`);
    if (snapshot === undefined) return disk;
    const of = this.#volumes.list(user).filter(({ iqn, lun }) => iqn === disk.iqn && lun === disk.lun);
    const found = of.find((each) => each.snapshot?.id === snapshot || each.snapshot?.name === snapshot);
    if (found === undefined) throw new NbsRefusal('NOENT', `${disk.name} has no snapshot ${snapshot}`);
    return found;
  }

  /** The volume as it is now. */
  #again({ uuid }: Volume, user: string | undefined): Volume {
    const now = this.#volumes.find(uuid, user);
    if (now === undefined) throw new NbsRefusal('NOENT', 'the object is not there any more');
    return now;
  }
}

function describe(volume: Volume): ObjectDescription {
  const { name, uuid, sizeBytes, blockSize, readOnly, path, lun, iqn, rights } = volume;
  const { writes: write, snapshots: snapshot, replicates: replicate, administers: admin } = rights;
  return {
    ...{ name, uuid, sizeBytes, blockSize, readOnly, lun },
    ...(path === undefined ? {} : { fileName: basename(path) }),
    targetName: iqn,
    permissions: { write, snapshot, replicate, admin },
  };
}
