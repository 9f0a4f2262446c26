import { errnoName, realDisk, systemClock, systemRandom, type Disk, type DiskFile } from '@lunbox/block';
import {
  ContainerError,
  createCopy,
  makeWhole,
  parseUuid,
  readContainerInfo,
  type Attributes,
  type StorageObjectSeams,
} from '@lunbox/storage-object';
import { join } from 'node:path';
import { SnapshotError } from '../snapshot-error.ts';
import { isThere } from '../snapshot-files.ts';
import type { SnapshotInfo } from '../snapshot-info.ts';
import type { SnapshotSet } from '../snapshot-set.ts';
import type { SnapshotView } from '../snapshot-view.ts';
import { Digests } from './digests.ts';
import { DraftWriter } from './draft-writer.ts';
import type { SnapshotManifest } from './manifest.ts';
import { Pace, type BackgroundOptions } from './pace.ts';
import { readContent } from './read-content.ts';

/** Options of {@link publishSnapshot}. */
export interface PublishOptions extends BackgroundOptions, Omit<StorageObjectSeams, 'clock'> {
  /** Where to; it must exist. */
  readonly directory: string;
  /** The files are `NAME.lun` and `NAME.json`. Default: the identity of the snapshot. */
  readonly name?: string;
  /** Attributes that the container has besides `copyOf`. */
  readonly attributes?: Attributes;
}

/**
 * Makes a snapshot a container of its own that needs nothing else, read-only, with a manifest beside it. Either is
 * whole or not there, and the manifest comes last; a container that a crash has left without one is made again. It is
 * done in the background: not faster than is said, and while clients use the disk, in half of the time.
 *
 * The copy is another disk, with an identity of its own; `origin`, the attribute `copyOf` and the manifest tell whose
 * it is. While it is made the snapshot cannot be deleted.
 *
 * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_EXISTS` when it is published there already,
 *   `SNAPSHOT_BAD_NAME`, `SNAPSHOT_CANCELLED`, `SNAPSHOT_IO`; ContainerError `CONTAINER_EXISTS`, `CONTAINER_IO`.
 */
export async function publishSnapshot(
  set: SnapshotSet,
  snapshot: string,
  options: PublishOptions,
): Promise<SnapshotManifest> {
  const view = set.openView(snapshot);
  try {
    const info = set.find(snapshot);
    const name = options.name ?? info.id;
    if (!isFileName(name)) throw new SnapshotError('SNAPSHOT_BAD_NAME', `${name} is no name for a file`);
    return await new Publication(set, view, info, name, options).make();
  } finally {
    await view.close();
  }
}

/** Whether the files of a publication can have this name. */
function isFileName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= 200 && !/[/\\\p{Cc}]/u.test(name) && !name.startsWith('.');
}

class Publication {
  readonly #set: SnapshotSet;
  readonly #view: SnapshotView;
  readonly #info: SnapshotInfo;
  readonly #options: PublishOptions;
  readonly #disk: Disk;
  readonly #pace: Pace;
  readonly #path: string;
  readonly #fileName: string;
  readonly #manifestPath: string;

  constructor(
    set: SnapshotSet,
    view: SnapshotView,
    info: SnapshotInfo,
    name: string,
    options: PublishOptions,
  ) {
    this.#set = set;
    this.#view = view;
    this.#info = info;
    this.#options = options;
    this.#disk = options.disk ?? realDisk;
    this.#pace = new Pace(set, options);
    this.#fileName = `${name}.lun`;
    this.#path = join(options.directory, this.#fileName);
    this.#manifestPath = join(options.directory, `${name}.json`);
  }

  async make(): Promise<SnapshotManifest> {
    const replace = await this.#isCutOff();
    const { object } = this.#set;
    const digests = new Digests(2);
    await createCopy(this.#path, {
      ...this.#options,
      sizeBytes: this.#view.size,
      blockSize: this.#view.blockSize,
      attributes: {
        ...this.#options.attributes,
        copyOf: { object, snapshot: this.#info.id, use: 'published' },
      },
      origin: parseUuid(object),
      content: (draft, dataOffset) => this.#fill(draft, dataOffset, digests),
      replace,
    });
    const [file = '', disk = ''] = digests.finish();
    await this.#makeReadOnly();
    const manifest = await this.#describe({ file, disk });
    await this.#writeManifest(manifest);
    return manifest;
  }

  /** Whether an earlier attempt made the container, and not the manifest. */
  async #isCutOff(): Promise<boolean> {
    if (await this.#exists(this.#manifestPath))
      throw new SnapshotError(
        'SNAPSHOT_EXISTS',
        `${this.#manifestPath} exists already; choose another name`,
        {
          path: this.#manifestPath,
          snapshot: this.#info.id,
        },
      );
    try {
      const { attributes } = await readContainerInfo(this.#path, { disk: this.#disk });
      const { snapshot, use } = Object(attributes['copyOf']) as { snapshot?: unknown; use?: unknown };
      return snapshot === this.#info.id && use === 'published';
    } catch (error) {
      // What is there, if anything, is somebody else's: making the container fails, and says so.
      if (error instanceof ContainerError) return false;
      throw error;
    }
  }

  async #fill(draft: DiskFile, dataOffset: number, digests: Digests): Promise<void> {
    const pace = this.#pace;
    const writer = new DraftWriter(draft, dataOffset);
    const told = (doneBytes: number): void =>
      this.#options.onProgress?.({ doneBytes, totalBytes: this.#view.size });
    // The headers are written already, and nothing changes them any more.
    await digests.updateFirst(draft, dataOffset);
    await readContent(this.#view, {
      data: async (bytes, offset) => {
        digests.update(bytes);
        await writer.fill(bytes, offset);
        await pace.step(bytes.length);
        told(offset + bytes.length);
      },
      hole: async (offset, lengthBytes) => {
        await digests.updateZeroes(lengthBytes, pace);
        told(offset + lengthBytes);
      },
    });
  }

  /** Only when it has its name: what is left of a draft can be deleted by whoever may write it. */
  async #makeReadOnly(): Promise<void> {
    await this.#orFail('protect', this.#path, async () => {
      const file = await this.#disk.open(this.#path, 'write');
      try {
        await file.makeReadOnly();
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async #describe(sha256: SnapshotManifest['sha256']): Promise<SnapshotManifest> {
    const { id, name, level, labels, createdAtMs } = this.#info;
    const info = await readContainerInfo(this.#path, { disk: this.#disk });
    const { identity, capacityBytes: sizeBytes, blockSize, dataOffset } = info;
    const nowMs = (this.#options.clock ?? systemClock).unixMs();
    return {
      format: 'lunbox-snapshot',
      version: 1,
      snapshot: { id, name, createdAt: new Date(createdAtMs).toISOString(), level, labels },
      object: this.#set.object,
      container: { file: this.#fileName, identity, sizeBytes, blockSize, dataOffset },
      sha256,
      publishedAt: new Date(nowMs).toISOString(),
    };
  }

  async #writeManifest(manifest: SnapshotManifest): Promise<void> {
    const text = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
    const { random = systemRandom } = this.#options;
    const path = this.#manifestPath;
    await this.#orFail('write', path, () =>
      makeWhole({ disk: this.#disk, random }, path, async (draft) => {
        await draft.write([text], 0);
        await draft.sync();
      }),
    );
  }

  async #exists(path: string): Promise<boolean> {
    return await this.#orFail('look at', path, () => isThere(this.#disk, path));
  }

  async #orFail<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const message = `cannot ${action} ${path}: ${errnoName(cause) ?? String(cause)}`;
      throw new SnapshotError('SNAPSHOT_IO', message, { path, cause });
    }
  }
}
