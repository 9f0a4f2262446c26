import {
  StorageObject,
  type OpenOptions,
  type OpenRequest,
  type SnapshotKeeper,
} from '@lunbox/storage-object';
import type { SnapshotAttachment } from './attachment.ts';
import { realDisk, type BlockDevice } from '@lunbox/block';
import type { ImageSource } from './image-area.ts';
import { SnapshotError } from './snapshot-error.ts';
import { SnapshotSet } from './snapshot-set.ts';
import { markSuspect, snapshotDirectory } from './snapshot-store.ts';

/** A container and its snapshots, opened by this process and nobody else. Everybody writes through `device`. */
export class SnapshotObject {
  /** The container. Its own device is not for use: what is written through it is in no snapshot. */
  readonly object: StorageObject;
  readonly set: SnapshotSet;

  readonly #image: ImageSource | undefined;

  private constructor(object: StorageObject, set: SnapshotSet, image: ImageSource | undefined) {
    this.object = object;
    this.set = set;
    this.#image = image;
  }

  /**
   * Opens a container with its snapshots, for reading only without changing anything of either. Throws as
   * `StorageObject.open` and {@link SnapshotSet.open} do.
   */
  static async open(path: string, options: OpenOptions = {}): Promise<SnapshotObject> {
    const [opened] = await SnapshotObject.openAll([{ ...options, path }]);
    return opened as SnapshotObject;
  }

  /** Opens several, all or none, and answers in the order of the requests. Throws as {@link SnapshotObject.open}. */
  static async openAll(requests: readonly OpenRequest[]): Promise<SnapshotObject[]> {
    const objects = await StorageObject.openAll(
      requests.map((request) => ({ ...request, snapshotKeeper: keeperOf(request) })),
    );
    const opened: SnapshotObject[] = [];
    try {
      for (const [index, object] of objects.entries())
        opened.push(await SnapshotObject.#openOne(object, requests[index] as OpenRequest));
      return opened;
    } catch (error) {
      for (const each of opened) await each.close();
      for (const object of objects.slice(opened.length)) await object.close();
      throw error;
    }
  }

  static async #openOne(object: StorageObject, request: OpenRequest): Promise<SnapshotObject> {
    const image = await openImage(object, request);
    try {
      return new SnapshotObject(object, await openSet(object, image, request), image);
    } catch (error) {
      await image?.file.close();
      throw error;
    }
  }

  /** The disk, for all who use it. */
  get device(): BlockDevice {
    return this.set.device;
  }

  /** Flushes and closes the disk, its snapshots and the container. Idempotent. */
  async close(): Promise<void> {
    try {
      await this.set.close();
    } finally {
      await this.#image?.file.close();
      await this.object.close();
    }
  }
}

async function openSet(
  object: StorageObject,
  image: ImageSource | undefined,
  { disk, clock, random, foreign }: OpenRequest,
): Promise<SnapshotSet> {
  const keepsIdentity = object.continuity === 'foreign' && foreign === 'keep-identity';
  const set = await SnapshotSet.open({
    production: object.device,
    object: object.birthIdentity,
    directory: snapshotDirectory(object.path),
    attachment: attachmentOf(object, object.continuity === 'modified' || keepsIdentity),
    ...(image === undefined ? {} : { image }),
    ...(disk === undefined ? {} : { disk }),
    ...(clock === undefined ? {} : { clock }),
    ...(random === undefined ? {} : { random }),
  });
  object.countBeside(() => set.usedBytes());
  return set;
}

/** The file of a disk that is in one, while the container is locked and its name is its own. */
async function openImage(
  object: StorageObject,
  { disk = realDisk }: OpenRequest,
): Promise<ImageSource | undefined> {
  if (object.layout !== undefined || object.protection !== undefined) return undefined;
  const { dataOffset } = await object.info();
  try {
    return { file: await disk.open(object.path, 'read'), dataOffset };
  } catch (cause) {
    const { path } = object;
    throw new SnapshotError('SNAPSHOT_IO', `cannot open ${path} once more: ${String(cause)}`, {
      path,
      cause,
    });
  }
}

function attachmentOf(object: StorageObject, suspect: boolean): SnapshotAttachment {
  const { snapshots } = object.attributes;
  const refusal = `${object.path} keeps protection information of its blocks, which snapshots would not have`;
  return {
    set: snapshots?.set,
    pending: snapshots?.pending === true,
    suspect,
    refusal: object.protection === undefined ? undefined : refusal,
    attach: (set) => object.updateSnapshots({ set, pending: true }),
    confirm: (set) => object.updateSnapshots({ set }),
    detach: () => object.updateSnapshots(undefined),
  };
}

/** Tells the snapshots of a disk, before it is written again, that another program may have written to it. */
function keeperOf({ disk = realDisk }: OpenOptions): SnapshotKeeper {
  return {
    beforeOpen: async (path, { set }, continuity) => {
      if (continuity === 'modified' || continuity === 'foreign')
        await markSuspect(disk, snapshotDirectory(path), set);
    },
  };
}
