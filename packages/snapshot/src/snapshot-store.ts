import { errnoName, type BlockDevice, type Disk, type Random } from '@lunbox/block';
import { formatUuid } from '@lunbox/storage-object';
import debug from 'debug';
import { basename, dirname, join } from 'node:path';
import type { SnapshotAttachment } from './attachment.ts';
import { withoutGroups, withSuspects, type Chain, type ImageRef } from './chain.ts';
import { ChainFile } from './chain-file.ts';
import { ImageArea } from './image-area.ts';
import { LogArea } from './log-area.ts';
import { SnapshotError } from './snapshot-error.ts';
import { DRAFT_NAME, imagePathIn, logPathIn, strayNames } from './snapshot-files.ts';

const log = debug('lunbox:snapshot:snapshot-store');

/** File with the list, within the directory. */
export const CHAIN_NAME = 'chain';
const ID_BYTES = 16;

/** What a store is made of. */
interface StoreParts {
  readonly path: string;
  readonly disk: Disk;
  readonly random: Random;
  readonly mode: 'read' | 'write';
  readonly attachment?: SnapshotAttachment | undefined;
}

/** The directory beside a container in which its snapshots are: the list of them, and the logs. */
export class SnapshotStore {
  readonly path: string;
  /** Something is in the directory that is not the disk's; it is left alone. */
  readonly detached: boolean;
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #mode: 'read' | 'write';
  readonly #attachment: SnapshotAttachment | undefined;
  readonly #settledGroups = new Set<string>();
  #file: ChainFile | undefined;
  #chain: Chain;

  private constructor(
    { path, disk, random, mode, attachment }: StoreParts,
    chain: Chain,
    file: ChainFile | undefined,
    detached: boolean,
  ) {
    this.path = path;
    this.detached = detached;
    this.#disk = disk;
    this.#random = random;
    this.#mode = mode;
    this.#attachment = attachment;
    this.#chain = mode === 'read' && attachment?.suspect === true ? withSuspects(chain) : chain;
    this.#file = file;
  }

  /**
   * Opens the directory; where there is none, `empty` is the chain, and one is made when it is needed. Throws
   * `SNAPSHOT_CORRUPT`, and `SNAPSHOT_FOREIGN` for one of another object. For reading, nothing is ever changed.
   *
   * Where the disk says which snapshots it has, what is there and is not that is left alone; when that is not there, it
   * is `SNAPSHOT_MISSING`.
   */
  static async open(parts: StoreParts, empty: Chain): Promise<SnapshotStore> {
    const { path, mode, attachment } = parts;
    const file = await findChain(parts);
    if (attachment === undefined) {
      if (file !== 'damaged' && (file === undefined || file.chain.object === empty.object))
        return new SnapshotStore(parts, file?.chain ?? empty, file, false);
      if (file !== 'damaged') await file.close();
      throw new SnapshotError('SNAPSHOT_FOREIGN', `${path} has the snapshots of another object`, { path });
    }
    if (file !== 'damaged' && file !== undefined && isOwnChain(file.chain, empty.object, attachment.set)) {
      const store = new SnapshotStore(parts, file.chain, file, false);
      await store.#settle(attachment);
      return store;
    }
    if (file !== 'damaged') await file?.close();
    if (attachment.set !== undefined && !attachment.pending && mode === 'write') throw missingError(path);
    // An empty list of somebody else is nothing to be kept: the first one of ours takes its place.
    const isInTheWay = file === 'damaged' || (file?.chain.snapshots.length ?? 0) > 0;
    const store = new SnapshotStore(parts, empty, undefined, isInTheWay);
    await store.#settle(attachment);
    return store;
  }

  /** Nothing is changed. */
  get readOnly(): boolean {
    return this.#mode === 'read';
  }

  /** The list as it is. */
  get chain(): Chain {
    return this.#chain;
  }

  /** All members of a group know that it was taken: the list says so no more when it is written the next time. */
  forgetGroup(id: string): void {
    this.#settledGroups.add(id);
  }

  /** What the list comes to now that the outcome of groups is known; durable, unless the disk is only read. */
  async settle(chain: Chain): Promise<void> {
    if (this.#mode === 'read') this.#chain = chain;
    else await this.commit(chain);
  }

  /** Replaces the list, durably: the commit point of whatever is done. */
  async commit(wanted: Chain): Promise<void> {
    this.#checkChange();
    const chain = withoutGroups(wanted, this.#settledGroups);
    const hadAny = this.#chain.snapshots.length > 0;
    const hasAny = chain.snapshots.length > 0;
    // A disk that could be written by who does not know of the snapshots never has any.
    if (hasAny && !hadAny) await this.#attach(chain.set);
    if (this.#file === undefined) {
      this.#file = await this.#createFile(chain);
    } else {
      await this.#file.write(chain);
    }
    this.#chain = chain;
    if (hasAny === hadAny) return;
    const noted = hasAny ? this.#attachment?.confirm(chain.set) : this.#attachment?.detach();
    await noted?.catch((error: unknown) => {
      // The next start does it.
      log('the disk could not be told of its snapshots: %o', error);
    });
  }

  /** A new, empty area, and the identity that the list knows it by; durable with its name. */
  async createArea(object: Uint8Array, createdMs: number): Promise<{ id: string; area: LogArea }> {
    this.#checkChange();
    this.#checkRoom();
    await this.#makeDirectory();
    const log = this.#random.bytes(ID_BYTES);
    const id = formatUuid(log);
    const { grainBytes } = this.#chain;
    const area = await LogArea.create(this.#disk, this.#logPath(id), { log, object, grainBytes, createdMs });
    await this.#disk.syncDirectory(this.path);
    return { id, area };
  }

  /** An empty image of a disk of this size, and what the list calls it; durable with its name, but not its content. */
  async createImage(sizeBytes: number): Promise<{ ref: ImageRef; area: ImageArea }> {
    this.#checkChange();
    this.#checkRoom();
    await this.#makeDirectory();
    const ref = { id: formatUuid(this.#random.bytes(ID_BYTES)), sizeBytes };
    const area = await ImageArea.create(this.#imageParts(ref));
    await this.#disk.syncDirectory(this.path);
    return { ref, area };
  }

  /**
   * Opens an image. Throws `SNAPSHOT_CORRUPT`.
   *
   * @param trusted - nobody has changed the disk around its snapshots since
   */
  async openImage(ref: ImageRef, trusted: boolean): Promise<ImageArea> {
    return await ImageArea.open(this.#imageParts(ref), this.#mode, trusted);
  }

  /** Opens an area that nothing is added to. */
  async openArea(id: string): Promise<LogArea> {
    return this.#checked(id, await LogArea.open(this.#disk, this.#logPath(id), this.#mode));
  }

  /** Opens the area that was in use last, and mends what a crash did to it. */
  async recoverArea(id: string, production: BlockDevice): Promise<LogArea> {
    return this.#checked(id, await LogArea.recover(this.#disk, this.#logPath(id), production, this.#mode));
  }

  /** Removes logs that the list does not name: those of deleted snapshots, and those that a crash left. */
  async removeStray(): Promise<void> {
    const isKnown = this.#file !== undefined || this.#attachment === undefined;
    if (this.#mode === 'read' || !isKnown) return;
    const names = await this.#disk.readdir(this.path).catch((error: unknown) => {
      if (errnoName(error) === 'ENOENT') return [];
      throw error;
    });
    for (const name of strayNames(names, this.#chain)) await this.#disk.unlink(join(this.path, name));
  }

  /** Closes the list. Idempotent. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** What a crash left between the disk and its list. */
  async #settle(attachment: SnapshotAttachment): Promise<void> {
    const { set, pending } = attachment;
    if (set === undefined || this.#mode === 'read') return;
    if (this.#chain.snapshots.length === 0) await attachment.detach();
    else if (pending) await attachment.confirm(set);
  }

  async #attach(set: string): Promise<void> {
    try {
      await this.#attachment?.attach(set);
    } catch (cause) {
      const { message } = cause as Error;
      throw new SnapshotError('SNAPSHOT_IO', `the disk cannot be told of its snapshots: ${message}`, {
        cause,
      });
    }
  }

  #checkRoom(): void {
    const { path } = this;
    const refusal = this.#attachment?.refusal;
    if (refusal !== undefined) throw new SnapshotError('SNAPSHOT_UNSUPPORTED', refusal, { path });
    if (this.detached)
      throw new SnapshotError(
        'SNAPSHOT_FOREIGN',
        `${path} has snapshots that are not those of this disk; move it away to take new ones`,
        { path },
      );
  }

  /** A list that is not whole never has its name. */
  async #createFile(chain: Chain): Promise<ChainFile> {
    await this.#makeDirectory();
    const draft = join(this.path, DRAFT_NAME);
    const file = await ChainFile.create(this.#disk, draft, chain);
    try {
      await this.#disk.rename(draft, join(this.path, CHAIN_NAME));
      await this.#disk.syncDirectory(this.path);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #imageParts(ref: ImageRef): Parameters<typeof ImageArea.create>[0] {
    const path = imagePathIn(this.path, ref.id);
    return { disk: this.#disk, path, ref, grainBytes: this.#chain.grainBytes };
  }

  #logPath(id: string): string {
    return logPathIn(this.path, id);
  }

  async #checked(id: string, area: LogArea): Promise<LogArea> {
    const { log, grainBytes } = area.identity;
    if (formatUuid(log) === id && grainBytes === this.#chain.grainBytes) return area;
    await area.close();
    const path = this.#logPath(id);
    throw new SnapshotError('SNAPSHOT_CORRUPT', `${path} is damaged: it is another log than it should be`, {
      path,
    });
  }

  #checkChange(): void {
    if (this.#mode === 'write') return;
    const message = 'the disk is open for reading only, and so are its snapshots';
    throw new SnapshotError('SNAPSHOT_READ_ONLY', message, { path: this.path });
  }

  async #makeDirectory(): Promise<void> {
    try {
      await this.#disk.mkdir(this.path);
    } catch (error) {
      if (errnoName(error) !== 'EEXIST') throw error;
    }
    // Also when it was there: the crash that ended its making may have been between the two.
    await this.#disk.syncDirectory(dirname(this.path));
  }
}

/** The list that is in the directory. */
async function findChain({
  path,
  disk,
  mode,
  attachment,
}: Omit<StoreParts, 'random'>): Promise<ChainFile | 'damaged' | undefined> {
  try {
    return await ChainFile.open(disk, join(path, CHAIN_NAME), mode);
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    const isNobodys = attachment !== undefined && attachment.set === undefined;
    if (isNobodys && error instanceof SnapshotError) return 'damaged';
    throw error;
  }
}

/** Whether a list is that of a disk: the one that it names or, when it has none, an empty one to be used again. */
export function isOwnChain(
  { object, set, snapshots }: Chain,
  birthIdentity: string,
  claimed: string | undefined,
): boolean {
  if (object !== birthIdentity) return false;
  return claimed === undefined ? snapshots.length === 0 : set === claimed;
}

/** The disk has snapshots, and they are not in this directory. */
export function missingError(path: string): SnapshotError {
  const message = `the disk has snapshots, and they are not in ${path}; put that directory back in its place`;
  return new SnapshotError('SNAPSHOT_MISSING', message, { path });
}

/** Says durably, in the list of a set, that the disk was changed around its snapshots. Nothing when it is not there. */
export async function markSuspect(disk: Disk, directory: string, set: string): Promise<void> {
  const file = await findChain({ path: directory, disk, mode: 'write' });
  if (file === undefined || file === 'damaged') return;
  try {
    if (file.chain.set === set) await file.write(withSuspects(file.chain));
  } finally {
    await file.close();
  }
}

/** Where the snapshots of a container are. */
export function snapshotDirectory(containerPath: string): string {
  return join(dirname(containerPath), `${basename(containerPath)}.snaps`);
}
