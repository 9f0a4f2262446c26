import { NbsRefusal, type ObjectWish, type WorkWatch } from '@lunbox/nbs';
import { realDisk, type Disk } from '@lunbox/block';
import { cloneSnapshot, deleteDisk, publishSnapshot, type SnapshotSet } from '@lunbox/snapshot';
import { StorageObject, type Attributes } from '@lunbox/storage-object';
import { dirname, join, resolve } from 'node:path';
import { cloneSource } from '../clone-source.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import type { Volume } from '../volumes.ts';
import type { NbsHost } from './nbs-host.ts';
import type { NbsOptions } from './nbs-options.ts';
import { refusing } from './nbs-refusals.ts';
import type { NbsUsers } from './nbs-users.ts';

/** A name that can be that of a file anywhere; `@` parts the name of a disk from that of its snapshot. */
const NAME = /^[\w,:+=-][\w.,:+= -]{0,99}$/;

/** Where publications are, in the directory for disks. */
const PUBLISHED = 'published';

/** Disks that NBS clients make, copy and delete, all in the one directory that the options name for that. */
export class NbsObjects {
  readonly #host: NbsHost;
  readonly #options: NbsOptions;
  readonly #users: NbsUsers;

  constructor(host: NbsHost, options: NbsOptions, users: NbsUsers) {
    this.#users = users;
    this.#host = host;
    this.#options = options;
  }

  /** Makes a disk, and serves it as the next LUN of the first target. Throws a NbsRefusal. */
  async create({ name, sizeBytes, blockSize, description }: ObjectWish, user?: string): Promise<Volume> {
    if (!this.#users.mayCreate(user)) throw new NbsRefusal('PERM', 'the user may not make objects');
    const path = this.#pathOf(name);
    return await refusing(async () => {
      const attributes: Attributes = {
        ...(user === undefined ? {} : { users: [{ name: user, permission: 'admin' }] }),
        ...(description === undefined || description === '' ? {} : { description }),
      };
      const size = { sizeBytes, ...(blockSize === undefined ? {} : { blockSize }) };
      const object = await StorageObject.create(path, { ...this.#host.seams, ...size, attributes });
      await object.close();
      const { live } = this.#host;
      const [first] = this.#host.targets();
      await this.#orNone(path, async () => void (await live.attach({ path })));
      return this.#served(path, first?.iqn, user);
    }, 'INVAL');
  }

  /** Makes a disk of a snapshot, and serves it as the same LUN of a target of its own. Throws a NbsRefusal. */
  async clone(
    of: { readonly volume: Volume; readonly set: SnapshotSet; readonly user: string | undefined },
    snapshot: string,
    name: string,
    watch: WorkWatch,
  ): Promise<Volume> {
    const { volume, set, user } = of;
    const path = this.#pathOf(name);
    return await refusing(async () => {
      const { id } = findSnapshot(set, snapshot);
      const { live, seams } = this.#host;
      const source = await cloneSource(volume.path ?? '', seams);
      await cloneSnapshot(set, id, path, { ...seams, ...source, ...watch });
      let iqn: string | undefined;
      await this.#orNone(path, async () => {
        iqn = await live.addTargetBeside(volume.iqn, [{ path, lun: volume.lun }]);
      });
      return this.#served(path, iqn, user);
    });
  }

  /** Publishes a snapshot in a directory beside the disks: it is none that is served. Throws a NbsRefusal. */
  async publish(
    { volume, set }: { readonly volume: Volume; readonly set: SnapshotSet },
    snapshot: string,
    wanted: string | undefined,
    watch: WorkWatch,
  ): Promise<{ fileName: string; sha256: string }> {
    const directory = join(this.#directory(), PUBLISHED);
    const { id, name } = await refusing(() => findSnapshot(set, snapshot));
    const usual = `${volume.name}-${name}`;
    const fileName = wanted ?? (NAME.test(usual) ? usual : `${volume.name}-${id}`);
    if (!NAME.test(fileName)) throw new NbsRefusal('INVAL', `${fileName} cannot be the name of a file`);
    return await refusing(async () => {
      const { seams } = this.#host;
      await makeDirectory(seams.disk ?? realDisk, directory);
      const { attributes = {} } = await cloneSource(volume.path ?? '', seams);
      const options = { ...seams, ...watch, directory, name: fileName, attributes };
      const { container, sha256 } = await publishSnapshot(set, id, options);
      return { fileName: join(PUBLISHED, container.file), sha256: sha256.disk };
    });
  }

  /** Deletes a disk. Throws a NbsRefusal. */
  async delete(
    { iqn, lun, path, name }: Volume,
    {
      door,
      force,
      snapshotCount,
    }: { readonly door: string; readonly force: boolean; readonly snapshotCount: number },
  ): Promise<void> {
    if (path === undefined || dirname(resolve(path)) !== this.#directory())
      throw new NbsRefusal('PERM', `${name} was not made here, and is not deleted from here`);
    if (!force && snapshotCount > 0)
      throw new NbsRefusal('BUSY', `${name} has ${snapshotCount} snapshots; delete them, or force it`);
    await refusing(async () => {
      const { live, seams } = this.#host;
      const targets = this.#host.targets();
      const targetIndex = targets.findIndex((target) => target.iqn === iqn);
      const isAlone =
        targets[targetIndex]?.luns.filter(({ snapshot }) => snapshot === undefined).length === 1;
      // The server's own target stays, with a LUN at least.
      if (isAlone && targetIndex > 0) await live.removeTarget(iqn, { force, door });
      else await live.detach(lun, { force, door, targetIndex });
      await deleteDisk(path, { ...seams, withSnapshots: true, force });
    });
  }

  /** A file that nobody serves is nobody's: it goes again. */
  async #orNone(path: string, serve: () => Promise<void>): Promise<void> {
    try {
      await serve();
    } catch (error) {
      await deleteDisk(path, { ...this.#host.seams, force: true });
      throw error;
    }
  }

  #served(path: string, iqn: string | undefined, user: string | undefined): Volume {
    const found = this.#host.volumes
      .list(user)
      .find((each) => each.iqn === iqn && each.path === path && each.snapshot === undefined);
    if (found !== undefined) return found;
    throw new NbsRefusal('NOENT', 'the object is there, but not for this user');
  }

  #pathOf(name: string): string {
    if (!NAME.test(name) || name.endsWith(' '))
      throw new NbsRefusal('INVAL', `${name} cannot be the name of an object: it is that of a file`);
    return join(this.#directory(), `${name}.lun`);
  }

  #directory(): string {
    const { directory } = this.#options;
    if (directory !== undefined) return resolve(directory);
    throw new NbsRefusal('NOTSUP', 'this server has no directory for objects that clients make');
  }
}

/** Makes a directory that is not there yet, durably. */
async function makeDirectory(disk: Disk, path: string): Promise<void> {
  try {
    await disk.mkdir(path);
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new NbsRefusal('IO', `cannot make ${path}: ${(error as Error).message}`);
  }
}
