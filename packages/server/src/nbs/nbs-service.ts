import {
  NbsRefusal,
  type Fields,
  type NbsService,
  type ObjectDescription,
  type OpenObject,
  type ObjectWish,
  type OpenRequest,
  type PreparedGroup,
  type SnapshotWish,
  type WorkWatch,
} from '@lunbox/nbs';
import { UnitDoor } from '@lunbox/scsi';
import { createGroup, type SnapshotSet } from '@lunbox/snapshot';
import { basename } from 'node:path';
import type { Volume, Volumes } from '../volumes.ts';
import type { NbsHost } from './nbs-host.ts';
import { NbsObjects } from './nbs-objects.ts';
import type { NbsOptions } from './nbs-options.ts';
import { prepareGroup } from './prepared-group.ts';
import { refusing } from './nbs-refusals.ts';
import type { NbsUsers } from './nbs-users.ts';
import { NbsSnapshots, newSnapshot, snapshotFields } from './nbs-snapshots.ts';

/** An object that is open, with what a group of snapshots needs of it. */
interface VolumeObject extends OpenObject {
  readonly snapshots?: NbsSnapshots;
}

/** The disks of a server, for NBS clients. */
export class VolumeService implements NbsService {
  readonly #host: NbsHost;
  readonly #volumes: Volumes;
  readonly #objects: NbsObjects;

  constructor(host: NbsHost, options: NbsOptions, users: NbsUsers) {
    this.#host = host;
    this.#volumes = host.volumes;
    this.#objects = new NbsObjects(host, options, users);
  }

  list(user: string | undefined): readonly ObjectDescription[] {
    return this.#volumes
      .list(user)
      .filter(({ snapshot }) => snapshot === undefined)
      .map((volume) => this.#describe(volume));
  }

  async create(wish: ObjectWish, user: string | undefined): Promise<ObjectDescription> {
    return this.#describe(await this.#objects.create(wish, user));
  }

  open(request: OpenRequest): Promise<VolumeObject> {
    return refusing(() => this.#open(request));
  }

  async groupSnapshot(
    objects: readonly OpenObject[],
    wish: SnapshotWish,
  ): Promise<{ uuid: string; snapshots: readonly Fields[] }> {
    const { method: _method, ...options } = newSnapshot(wish);
    return await refusing(async () => {
      const { id, snapshots } = await createGroup(setsOf(objects), options);
      return { uuid: id, snapshots: snapshots.map(snapshotFields) };
    });
  }

  async prepareGroup(objects: readonly OpenObject[], wish: SnapshotWish): Promise<PreparedGroup> {
    const { method: _method, ...options } = newSnapshot(wish);
    return await refusing(() => prepareGroup(setsOf(objects), options));
  }

  #open({ name, snapshot, readOnly, user, peer }: OpenRequest): VolumeObject {
    const volume = this.#find(name, snapshot, user);
    const who = `nbs ${peer}`;
    const device = this.#volumes.open(volume, {
      peer: who,
      readOnly,
      ...(user === undefined ? {} : { user }),
    });
    const common = { device, describe: () => this.#describe(this.#again(volume, user)) };
    if (!(device instanceof UnitDoor)) return common;
    const served = this.#volumes.snapshotsOf(volume, user);
    const maker = {
      clone: async (
        set: SnapshotSet,
        wanted: string,
        as: string,
        watch: WorkWatch,
      ): Promise<ObjectDescription> =>
        this.#describe(await this.#objects.clone({ volume, set, user }, wanted, as, watch)),
      publish: (set: SnapshotSet, wanted: string, as: string | undefined, watch: WorkWatch) =>
        this.#objects.publish({ volume, set }, wanted, as, watch),
    };
    return {
      ...common,
      status: () => this.#volumes.status(volume, user),
      onFault: (listener) => this.#volumes.onFault(volume, listener, user),
      compareAndWrite: (expected, data, offset, options) =>
        device.compareAndWrite(expected, data, offset, options),
      resize: (sizeBytes) => refusing(() => this.#volumes.resize(volume, sizeBytes, user), 'INVAL'),
      setDescription: (text) => refusing(() => this.#volumes.describe(volume, text, user), 'NOTSUP'),
      delete: ({ force }) => {
        const snapshotCount = served?.set.list().length ?? 0;
        return this.#objects.delete(volume, { door: who, force, snapshotCount });
      },
      ...(served === undefined ? {} : { snapshots: new NbsSnapshots(served, who, volume.iqn, maker) }),
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

  #describe(volume: Volume): ObjectDescription {
    const { name, uuid, sizeBytes, blockSize, readOnly, path, lun, iqn, rights, description } = volume;
    const { writes: write, snapshots: snapshot, replicates: replicate, administers: admin } = rights;
    return {
      ...{ name, uuid, sizeBytes, blockSize, readOnly, lun },
      ...(path === undefined ? {} : { fileName: basename(path) }),
      targetName: iqn,
      permissions: { write, snapshot, replicate, admin },
      ...(description === undefined ? {} : { description }),
      portals: this.#host.initiatorPortals.map(({ host: address, port }) => ({ address, port })),
    };
  }
}

function setsOf(objects: readonly OpenObject[]): SnapshotSet[] {
  return objects.map((object) => {
    const { snapshots } = object as VolumeObject;
    if (snapshots === undefined) throw new NbsRefusal('NOTSUP', 'one of them has no snapshots');
    return snapshots.set;
  });
}
