import { BlockError, errnoName, FileDevice, mediumError, type Disk, type DiskFile } from '@lunbox/block';
import { parseUuid } from '@lunbox/storage-object';
import { dirname } from 'node:path';
import type { ImageRef } from './chain.ts';
import { GrainMap } from './grain-map.ts';
import { readIndex, writeIndex, type IndexedEnd } from './map-index.ts';
import type { SavedChecksum, SavedGrain, SaveArea } from './save-area.ts';
import { SnapshotError } from './snapshot-error.ts';
import { INDEX_SUFFIX } from './snapshot-files.ts';

/** A file with the disk as a plain image, and where in it the disk begins. */
export interface ImageSource {
  readonly file: DiskFile;
  readonly dataOffset: number;
}

/** What file systems share goes by their blocks; what the last one has of a disk is copied. */
const SHARE_BYTES = 4096;
/** What a map says of a grain that was changed. */
const CHANGED = 0;
/** An image has no groups that an index could end before. */
const NO_END: IndexedEnd = { endOffset: 0, nextSequence: 0 };
const stepOf = (): number => 0;

/** Where an image area is, and of what. */
interface ImageParts {
  readonly disk: Disk;
  readonly path: string;
  readonly ref: ImageRef;
  readonly grainBytes: number;
}

/**
 * The whole disk as it was at one instant: a file that shares the space of the disk's, so that nothing need be saved
 * before an overwrite. Which grains are changed from then on is kept in memory and written down when the area is put
 * away; after a crash nobody knows, and every grain may be.
 */
export class ImageArea implements SaveArea {
  readonly device: FileDevice;
  readonly #parts: ImageParts;
  readonly #file: DiskFile;
  #changed = new GrainMap();
  /** Whether the map has all that were changed. */
  #known: boolean;
  /** The map is in its file as it is. */
  #isIndexed = false;
  /** Nobody needs what it has, and that takes no space any more. */
  #isCleared: boolean;
  #allocatedBytes = Infinity;

  private constructor(parts: ImageParts, file: DiskFile, known: boolean, isCleared: boolean) {
    this.#parts = parts;
    this.#file = file;
    this.#known = known;
    this.#isCleared = isCleared;
    this.device = new FileDevice(file, { size: parts.ref.sizeBytes, readOnly: true });
  }

  /** A new area, empty yet; its name is not durable. */
  static async create(parts: ImageParts): Promise<ImageArea> {
    const file = await parts.disk.open(parts.path, 'create');
    try {
      await file.truncate(parts.ref.sizeBytes);
      return new ImageArea(parts, file, true, false);
    } catch (error) {
      await file.close();
      await parts.disk.unlink(parts.path).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Opens an area. Throws `SNAPSHOT_CORRUPT`.
   *
   * @param trusted - no program has changed the disk around its snapshots since
   */
  static async open(parts: ImageParts, mode: 'read' | 'write', trusted: boolean): Promise<ImageArea> {
    const { disk, path, ref } = parts;
    const file = await openImage(disk, path, mode);
    try {
      const { sizeBytes } = await file.status();
      if (sizeBytes !== ref.sizeBytes && sizeBytes !== 0)
        throw corrupt(path, `it has ${sizeBytes} bytes instead of ${ref.sizeBytes}`);
      const area = new ImageArea(parts, file, false, sizeBytes === 0);
      if (trusted) await area.#load();
      await area.measure();
      return area;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Takes over what a disk has, which is at rest, and completes when that is durable. Answers false where the file
   * system cannot share space.
   */
  async fill({ file: source, dataOffset }: ImageSource): Promise<boolean> {
    const { sizeBytes } = this.#parts.ref;
    const tailBytes = sizeBytes % SHARE_BYTES;
    const sharedBytes = sizeBytes - tailBytes;
    if (sharedBytes > 0 && !(await this.#file.cloneFrom(source, dataOffset, 0, sharedBytes))) return false;
    if (tailBytes > 0) {
      const tail = Buffer.alloc(tailBytes);
      await source.read([tail], dataOffset + sharedBytes);
      await this.#file.write([tail], sharedBytes);
    }
    await this.#file.sync();
    await this.measure();
    return true;
  }

  /** What it is called in the list. */
  get ref(): ImageRef {
    return this.#parts.ref;
  }

  /** The image, to share its space in turn. */
  get source(): ImageSource {
    return { file: this.#file, dataOffset: 0 };
  }

  /** Where the image is. */
  get path(): string {
    return this.#parts.path;
  }

  /** Whether all that was changed is known. Where it is not, comparing contents tells. */
  get knowsChanges(): boolean {
    return this.#known;
  }

  /** What it had takes no space any more, and cannot be read. */
  get isCleared(): boolean {
    return this.#isCleared;
  }

  /** Notes that a grain is being changed; answers whether that is new. */
  change(grain: number): boolean {
    const isNew = this.#changed.add(grain, CHANGED);
    if (isNew) this.#isIndexed = false;
    return isNew;
  }

  /** All that was changed has been noted now. */
  knowAll(): void {
    this.#known = true;
    this.#isIndexed = false;
  }

  /** From now on grains may be changed, also by a process that ends before the map is written again. */
  async startChanging(): Promise<void> {
    this.#isIndexed = false;
    await this.#parts.disk.unlink(this.#indexPath).catch((error: unknown) => {
      if (errnoName(error) !== 'ENOENT') throw error;
    });
    // Also when it was gone: who removed it may not have come to this.
    await this.#parts.disk.syncDirectory(dirname(this.path));
  }

  find(grain: number): SavedGrain {
    if (grain >= this.#grainCount) return 'none';
    return this.#isCleared ? 'bad' : 'data';
  }

  next(grain: number, endGrain: number): number | undefined {
    return grain < Math.min(endGrain, this.#grainCount) ? grain : undefined;
  }

  /** Whether it was noted that a grain was changed. */
  isNoted(grain: number): boolean {
    return this.#changed.get(grain) !== undefined;
  }

  /** Also behind its end: the disk may have grown. */
  isChanged(grain: number): boolean {
    return !this.#known || this.isNoted(grain);
  }

  nextChanged(grain: number, endGrain: number): number | undefined {
    if (!this.#known && grain < endGrain) return grain;
    return this.#changed.next(grain, endGrain);
  }

  /** What the file system cannot read is found out by reading. */
  hasBad(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Where the disk ended within the grain, zeroes follow. */
  async read(into: readonly Uint8Array[], grain: number, within: number, lengthBytes: number): Promise<void> {
    const { sizeBytes } = this.#parts.ref;
    const offset = grain * this.#parts.grainBytes + within;
    let count: number;
    try {
      count = this.#isCleared ? 0 : await this.#file.read(into, offset);
    } catch (error) {
      throw mediumError('read', error);
    }
    if (count < Math.min(lengthBytes, sizeBytes - offset))
      throw new BlockError('BLOCK_IO', `${this.path} ends within what it has of the disk`);
    let at = 0;
    for (const buffer of into) {
      buffer.fill(0, Math.max(0, Math.min(buffer.length, count - at)));
      at += buffer.length;
    }
  }

  /** Nothing is added to it. */
  checkSound(): void {
    return;
  }

  /** It has none. */
  async *checksums(): AsyncGenerator<SavedChecksum> {
    yield* [];
  }

  async forget(grain: number): Promise<void> {
    const { grainBytes, ref } = this.#parts;
    const offset = grain * grainBytes;
    const length = Math.min(grainBytes, ref.sizeBytes - offset);
    if (!this.#isCleared && length > 0) await this.#file.punchHole(offset, length);
  }

  /** Gives all of its space back, when nobody reads it any more. */
  async clear(): Promise<void> {
    if (this.#isCleared) return;
    // Whoever read it now would get an error, and not zeroes.
    this.#isCleared = true;
    await this.#file.truncate(0);
    await this.measure();
  }

  /** What the disk does not share with it any more: at most all of the grains that were changed. */
  get storedBytes(): number {
    const changedBytes = this.#known ? this.#changed.size * this.#parts.grainBytes : Infinity;
    return Math.min(changedBytes, this.#allocatedBytes);
  }

  async measure(): Promise<void> {
    this.#allocatedBytes = (await this.#file.status()).allocatedBytes;
  }

  async usedBytes(): Promise<number> {
    await this.measure();
    return this.storedBytes;
  }

  get needsIndex(): boolean {
    return this.#known && !this.#isIndexed;
  }

  async writeIndex(): Promise<void> {
    await writeIndex(this.#parts.disk, this.#indexPath, this.#changed, this.#identity, NO_END, stepOf);
    this.#isIndexed = true;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  get #grainCount(): number {
    return Math.ceil(this.#parts.ref.sizeBytes / this.#parts.grainBytes);
  }

  get #identity(): Uint8Array {
    return parseUuid(this.ref.id);
  }

  get #indexPath(): string {
    return this.path.replace(/\.img$/, INDEX_SUFFIX);
  }

  async #load(): Promise<void> {
    const map = new GrainMap();
    const end = await readIndex(this.#parts.disk, this.#indexPath, map, this.#identity, stepOf);
    if (end === undefined) return;
    this.#changed = map;
    this.#known = true;
    this.#isIndexed = true;
  }
}

async function openImage(disk: Disk, path: string, mode: 'read' | 'write'): Promise<DiskFile> {
  try {
    return await disk.open(path, mode);
  } catch (error) {
    if (errnoName(error) !== 'ENOENT') throw error;
    throw corrupt(path, 'it is not there');
  }
}

function corrupt(path: string, what: string): SnapshotError {
  return new SnapshotError('SNAPSHOT_CORRUPT', `${path} is damaged: ${what}`, { path });
}
