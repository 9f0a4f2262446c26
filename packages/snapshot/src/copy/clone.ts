import { realDisk, type DiskFile } from '@lunbox/block';
import {
  createCopy,
  parseUuid,
  readContainerInfo,
  type Attributes,
  type StorageObjectSeams,
} from '@lunbox/storage-object';
import { ImageArea } from '../image-area.ts';
import type { SnapshotSet } from '../snapshot-set.ts';
import type { SnapshotView } from '../snapshot-view.ts';
import { DraftWriter } from './draft-writer.ts';
import { Pace, type BackgroundOptions } from './pace.ts';
import { readContent, readRange, STEP_BYTES } from './read-content.ts';

/** Where the disk itself is, as a plain image in a file. */
export interface ImagePlace {
  readonly path: string;
  /** Where it begins within the file. */
  readonly dataOffset: number;
}

/** Options of {@link cloneSnapshot}. */
export interface CloneOptions extends BackgroundOptions, Omit<StorageObjectSeams, 'clock'> {
  /** Attributes that the clone has besides `copyOf`. */
  readonly attributes?: Attributes;
  /** Where the disk is. Without this, as for one of several parts, the clone shares no space with it. */
  readonly image?: ImagePlace;
}

/** A clone, and how it was made. */
export interface Clone {
  readonly path: string;
  /** Its own: it is another disk than the object. In UUID form. */
  readonly identity: string;
  /** `reflink`: it shares the space of the disk but for what was changed since; `copy`: it has space of its own. */
  readonly method: 'reflink' | 'copy';
}

/** Ranges and lengths that file systems share go by their blocks, which have this size at most. */
const SHARE_BYTES = 65_536;

/**
 * Makes of a snapshot a disk that can be written, in any directory. Where the file system can share space, the clone
 * shares that of the snapshot, when that is an image, or else of the disk: changes are held back for a moment, and what
 * was changed since the snapshot is copied afterwards. Elsewhere all is copied. It is whole or not there, and is made
 * in the background as {@link publishSnapshot} does it.
 *
 * @throws SnapshotError `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_CANCELLED`; ContainerError `CONTAINER_EXISTS`, `CONTAINER_IO`.
 */
export async function cloneSnapshot(
  set: SnapshotSet,
  snapshot: string,
  path: string,
  options: CloneOptions = {},
): Promise<Clone> {
  const view = set.openView(snapshot);
  try {
    const { id } = set.find(snapshot);
    const { object } = set;
    let method: Clone['method'] = 'copy';
    await createCopy(path, {
      ...options,
      sizeBytes: view.size,
      blockSize: view.blockSize,
      attributes: { ...options.attributes, copyOf: { object, snapshot: id, use: 'clone' } },
      origin: parseUuid(object),
      content: async (draft, dataOffset) => {
        const filler = new CloneFiller(set, view, draft, dataOffset, options);
        const imageBytes = await filler.shareImage();
        const sharedBytes = imageBytes > 0 ? imageBytes : await filler.share();
        if (sharedBytes > 0) method = 'reflink';
        if (imageBytes > 0) await filler.copyRest(imageBytes);
        else await (sharedBytes > 0 ? filler.copyChanged(id, sharedBytes) : filler.copyAll());
      },
    });
    const { identity } = await readContainerInfo(path, options.disk ? { disk: options.disk } : {});
    return { path, identity, method };
  } finally {
    await view.close();
  }
}

class CloneFiller {
  readonly #set: SnapshotSet;
  readonly #view: SnapshotView;
  readonly #draft: DiskFile;
  readonly #dataOffset: number;
  readonly #options: CloneOptions;
  readonly #writer: DraftWriter;
  readonly #pace: Pace;

  constructor(
    set: SnapshotSet,
    view: SnapshotView,
    draft: DiskFile,
    dataOffset: number,
    options: CloneOptions,
  ) {
    this.#set = set;
    this.#view = view;
    this.#draft = draft;
    this.#dataOffset = dataOffset;
    this.#options = options;
    this.#writer = new DraftWriter(draft, dataOffset);
    this.#pace = new Pace(set, options);
  }

  /** Takes over the space of the image that the snapshot is. Answers how many bytes of it; none when it is a log. */
  async shareImage(): Promise<number> {
    const [image] = this.#view.areas;
    const wholeBytes = this.#view.size - (this.#view.size % SHARE_BYTES);
    if (!(image instanceof ImageArea) || wholeBytes === 0) return 0;
    const { file, dataOffset } = image.source;
    return (await this.#draft.cloneFrom(file, dataOffset, this.#dataOffset, wholeBytes)) ? wholeBytes : 0;
  }

  /** Takes over the space of the disk as it is now. Answers how many bytes of it; none where that cannot be. */
  async share(): Promise<number> {
    const { image, disk = realDisk } = this.#options;
    const sharedBytes = Math.min(this.#view.size, this.#set.device.size);
    const wholeBytes = sharedBytes - (sharedBytes % SHARE_BYTES);
    if (image === undefined || wholeBytes === 0) return 0;
    const source = await disk.open(image.path, 'read');
    try {
      const { dataOffset } = image;
      const isShared = await this.#set.atRest(async () =>
        this.#draft.cloneFrom(source, dataOffset, this.#dataOffset, wholeBytes),
      );
      return isShared ? wholeBytes : 0;
    } finally {
      await source.close();
    }
  }

  /** Copies what was changed between the snapshot and the sharing: that is all of what was changed up to now. */
  async copyChanged(id: string, sharedBytes: number): Promise<void> {
    const buffer = new Uint8Array(STEP_BYTES);
    for await (const { offset, length } of this.#set.diff(id)) {
      const end = Math.min(offset + length, sharedBytes);
      if (end > offset) await this.#replace(offset, end - offset, buffer);
    }
    await this.copyRest(sharedBytes);
  }

  /** Copies what is behind the part that is right already. */
  async copyRest(rightBytes: number): Promise<void> {
    const { size } = this.#view;
    if (size > rightBytes) await this.#replace(rightBytes, size - rightBytes, new Uint8Array(STEP_BYTES));
    this.#tell(size);
  }

  /** Copies everything. */
  async copyAll(): Promise<void> {
    await readContent(this.#view, {
      data: async (bytes, offset) => {
        await this.#writer.fill(bytes, offset);
        await this.#done(offset, bytes.length);
      },
      hole: async (offset, lengthBytes) => {
        await this.#pace.step(0);
        this.#tell(offset + lengthBytes);
      },
    });
  }

  async #replace(offset: number, length: number, buffer: Uint8Array): Promise<void> {
    await readRange(this.#view, offset, length, buffer, {
      data: async (bytes, at) => {
        await this.#writer.replace(bytes, at);
        await this.#done(at, bytes.length);
      },
    });
  }

  async #done(offset: number, lengthBytes: number): Promise<void> {
    await this.#pace.step(lengthBytes);
    this.#tell(offset + lengthBytes);
  }

  #tell(doneBytes: number): void {
    this.#options.onProgress?.({ doneBytes, totalBytes: this.#view.size });
  }
}
