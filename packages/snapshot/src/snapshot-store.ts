import { errnoName, type BlockDevice, type Disk, type Random } from '@lunbox/block';
import { basename, dirname, join } from 'node:path';
import { logsOf, type Chain } from './chain.ts';
import { ChainFile } from './chain-file.ts';
import { INDEX_SUFFIX, SaveArea } from './save-area.ts';
import { SnapshotError } from './snapshot-error.ts';

const CHAIN_NAME = 'chain';
const DRAFT_NAME = 'chain.new';
const LOG_SUFFIX = '.log';
const OUR_FILE = /\.(log|map)$/;
const ID_BYTES = 16;

/** The directory beside a container in which its snapshots are: the list of them, and the logs. */
export class SnapshotStore {
  readonly path: string;
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #mode: 'read' | 'write';
  #file: ChainFile | undefined;
  #chain: Chain;

  private constructor(
    path: string,
    disk: Disk,
    random: Random,
    chain: Chain,
    mode: 'read' | 'write',
    file?: ChainFile,
  ) {
    this.path = path;
    this.#disk = disk;
    this.#random = random;
    this.#mode = mode;
    this.#chain = chain;
    this.#file = file;
  }

  /**
   * Opens the directory; where there is none, `empty` is the chain, and one is made when it is needed. Throws
   * `SNAPSHOT_CORRUPT`, and `SNAPSHOT_FOREIGN` for one of another object. For reading, nothing is ever changed.
   */
  static async open(
    path: string,
    disk: Disk,
    random: Random,
    empty: Chain,
    mode: 'read' | 'write',
  ): Promise<SnapshotStore> {
    let file: ChainFile;
    try {
      file = await ChainFile.open(disk, join(path, CHAIN_NAME), mode);
    } catch (error) {
      if (errnoName(error) !== 'ENOENT') throw error;
      return new SnapshotStore(path, disk, random, empty, mode);
    }
    const store = new SnapshotStore(path, disk, random, file.chain, mode, file);
    if (file.chain.object === empty.object) return store;
    await store.close();
    throw new SnapshotError('SNAPSHOT_FOREIGN', `${path} has the snapshots of another object`, { path });
  }

  /** The list as it is. */
  get chain(): Chain {
    return this.#chain;
  }

  /** Replaces the list, durably: the commit point of whatever is done. */
  async commit(chain: Chain): Promise<void> {
    this.#checkChange();
    if (this.#file === undefined) {
      this.#file = await this.#createFile(chain);
    } else {
      await this.#file.write(chain);
    }
    this.#chain = chain;
  }

  /** A new, empty area, and the identity that the list knows it by; durable with its name. */
  async createArea(object: Uint8Array, createdMs: number): Promise<{ id: string; area: SaveArea }> {
    this.#checkChange();
    await this.#makeDirectory();
    const log = this.#random.bytes(ID_BYTES);
    const id = uuidOf(log);
    const { grainBytes } = this.#chain;
    const area = await SaveArea.create(this.#disk, this.#logPath(id), { log, object, grainBytes, createdMs });
    await this.#disk.syncDirectory(this.path);
    return { id, area };
  }

  /** Opens an area that nothing is added to. */
  async openArea(id: string): Promise<SaveArea> {
    return this.#checked(id, await SaveArea.open(this.#disk, this.#logPath(id), this.#mode));
  }

  /** Opens the area that was in use last, and mends what a crash did to it. */
  async recoverArea(id: string, production: BlockDevice): Promise<SaveArea> {
    return this.#checked(id, await SaveArea.recover(this.#disk, this.#logPath(id), production, this.#mode));
  }

  /** Removes logs that the list does not name: those of deleted snapshots, and those that a crash left. */
  async removeStray(): Promise<void> {
    if (this.#mode === 'read') return;
    const named = new Set(logsOf(this.#chain).flatMap((id) => [id + LOG_SUFFIX, id + INDEX_SUFFIX]));
    const isOurs = (name: string): boolean => OUR_FILE.test(name) || name === DRAFT_NAME;
    const names = await this.#disk.readdir(this.path).catch((error: unknown) => {
      if (errnoName(error) === 'ENOENT') return [];
      throw error;
    });
    for (const name of names)
      if (isOurs(name) && !named.has(name)) await this.#disk.unlink(join(this.path, name));
  }

  /** Closes the list. Idempotent. */
  async close(): Promise<void> {
    await this.#file?.close();
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

  #logPath(id: string): string {
    return join(this.path, id + LOG_SUFFIX);
  }

  async #checked(id: string, area: SaveArea): Promise<SaveArea> {
    const { log, grainBytes } = area.identity;
    if (uuidOf(log) === id && grainBytes === this.#chain.grainBytes) return area;
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

/** Where the snapshots of a container are. */
export function snapshotDirectory(containerPath: string): string {
  return join(dirname(containerPath), `${basename(containerPath)}.snaps`);
}

/** The 16 bytes of a UUID. */
export function uuidBytes(uuid: string): Uint8Array {
  return new Uint8Array(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

/** 16 bytes in UUID form. */
export function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
