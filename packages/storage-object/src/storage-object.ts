import { mediumError, SpaceLedger, type BlockDevice, type BlockError, type FileDevice } from '@lunbox/block';
import { findAttributesFault, type Attributes, type SnapshotsAttribute } from './attributes.ts';
import type { CatalogObject } from './catalog/catalog.ts';
import { openEntry } from './catalog/open-entry.ts';
import { writeCleanStamp } from './clean-stamp.ts';
import { ContainerError, type ContainerErrorCode } from './container-error.ts';
import { letGo } from './container-lock.ts';
import { describeContainer, type ContainerInfo } from './container-info.ts';
import { checkCapacity, createContainer } from './create-container.ts';
import type { Continuity } from './file-stamp.ts';
import { ioError } from './io-error.ts';
import type { Combination } from './layout/combination.ts';
import { describeLayout, type LayoutStatus } from './layout/layout-status.ts';
import type { LayoutNode } from './layout/layout.ts';
import {
  beginContainer,
  releaseContainer,
  reserveContainer,
  type OpenContainer,
  type OpenOptions,
  type ReservedContainer,
} from './open-container.ts';
import type { CreateOptions, ObjectSpace, OpenRequest } from './object-options.ts';
import type { ProtectedParts } from './protection-region.ts';
import { completeSeams } from './seams.ts';
import { withSnapshots } from './snapshots-bit.ts';
import { writeNextHeader, type CurrentHeader, type HeaderChange } from './twin-headers.ts';
import { objectRights, type ObjectRights } from './user-rights.ts';

/**
 * A virtual disk in a container file, opened by this process and nobody else.
 *
 * The disk itself is {@link StorageObject.device}; this class looks after what surrounds it: the lock, the
 * headers, the identity and the attributes.
 */
export class StorageObject {
  readonly #open: OpenContainer;
  readonly #ledger: SpaceLedger;
  #current: CurrentHeader;
  /** The end of the header updates so far: they follow one another. */
  #updates: Promise<unknown> = Promise.resolve();
  /** The end of the attempts to grow so far. */
  #growth: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #besideBytes = (): Promise<number> => Promise.resolve(0);

  private constructor(open: OpenContainer) {
    this.#open = open;
    this.#ledger = new SpaceLedger(open.device, () => this.#usedBytes());
    this.#current = open.current;
    open.combination?.start(open.session ?? {}, (layout) => this.#saveLayout(layout));
  }

  /**
   * Creates a container, thin: no block of the disk takes space until it is written. Then opens it.
   * Throws `CONTAINER_EXISTS`, `CONTAINER_BAD_SIZE`, `CONTAINER_BAD_ATTRIBUTES`, `CONTAINER_ATTRIBUTES_FULL` or
   * `CONTAINER_IO`.
   */
  static async create(path: string, options: CreateOptions): Promise<StorageObject> {
    await createContainer(path, options, completeSeams(options));
    return await StorageObject.open(path, options);
  }

  /**
   * Opens a container for this process alone. Throws `CONTAINER_NOT_FOUND`, `CONTAINER_NOT_LUNBOX`,
   * `CONTAINER_CORRUPT`, `CONTAINER_UNSUPPORTED_FEATURE`, `CONTAINER_LOCKED`, `CONTAINER_FOREIGN` (with the
   * policy `refuse`) or `CONTAINER_IO`; then nothing was changed.
   */
  static async open(path: string, options: OpenOptions = {}): Promise<StorageObject> {
    const [object] = await StorageObject.openAll([{ ...options, path }]);
    return object as StorageObject;
  }

  /**
   * Opens several containers, all or none: each is locked and checked before the first is touched. Answers in
   * the order of the requests. Throws as {@link StorageObject.open} does.
   */
  static async openAll(requests: readonly OpenRequest[]): Promise<StorageObject[]> {
    const reserved: ReservedContainer[] = [];
    const objects: StorageObject[] = [];
    try {
      for (const request of requests) reserved.push(await reserveContainer(request.path, request));
      for (const each of reserved) objects.push(new StorageObject(await beginContainer(each)));
      return objects;
    } catch (error) {
      for (const object of objects) await object.close();
      for (const each of reserved.slice(objects.length)) await releaseContainer(each);
      throw error;
    }
  }

  /** Where the container lies, as it was given to `open`. */
  get path(): string {
    return this.#open.path;
  }

  /** The disk inside. It is closed with the object. */
  get device(): BlockDevice {
    return this.#open.device;
  }

  /** The parts of the disk, and what its mirrors hold now; undefined when it is in the container itself. */
  get layout(): LayoutStatus | undefined {
    const { combination } = this.#open;
    return combination && describeLayout(combination.layout, combination.progress);
  }

  /**
   * What the protection information of the disk is made from; undefined where the container has no room for it. Who
   * writes the disk has to keep it up to date. Both devices are closed with the object.
   */
  get protection(): ProtectedParts | undefined {
    const { device: data, area, birthIdentity: identity } = this.#open;
    return area && { data, area, identity };
  }

  /** 16 random bytes that serial number, NAA and every other identifier are made from. */
  get identity(): Uint8Array {
    return this.#open.identity;
  }

  /** 16 random bytes that stay the same in every copy. */
  get birthIdentity(): Uint8Array {
    return this.#open.birthIdentity;
  }

  /** How the object came back when it was opened; tell people unless it is `clean`. */
  get continuity(): Continuity {
    return this.#open.continuity;
  }

  /** The attributes as they were stored last; change them by {@link StorageObject.updateAttributes}. */
  get attributes(): Attributes {
    return structuredClone(this.#current.header.attributes);
  }

  /**
   * What a user may do with the object, by the attribute `users` as it is now: ask again when it has changed. Undefined
   * where the object does not exist for the user. Every way to the object goes by this, so that quotas count for all of
   * them together.
   *
   * @param user the name that was proven; undefined is nobody in any list
   */
  rightsOf(user: string | undefined): ObjectRights | undefined {
    return objectRights(this.#current.header.attributes.users, user, this.#ledger);
  }

  /** Describes the object as it is now. Throws `CONTAINER_IO` or `CONTAINER_CLOSED`. */
  async info(): Promise<ContainerInfo> {
    const { seams, file, birthIdentity, continuity } = this.#open;
    const { usedBytes } = await this.space();
    try {
      const info = await describeContainer(seams.disk, file, birthIdentity, this.#current);
      return { ...info, usedBytes, continuity, layout: this.layout };
    } catch (error) {
      throw ioError('look at', this.path, error);
    }
  }

  /** What a catalog says of the object, from what it has open. Throws `CONTAINER_IO` or `CONTAINER_CLOSED`. */
  async catalogEntry(): Promise<CatalogObject> {
    return await openEntry(this.#open, this.#current.header, await this.info());
  }

  /**
   * The space of the object: what its file takes, and what the disk can still take, which the file system or its own
   * capacity bounds. Others may take space of the file system first; quotas are not told. Throws `CONTAINER_IO` or
   * `CONTAINER_CLOSED`.
   */
  async space(): Promise<ObjectSpace> {
    if (this.#closing) throw this.#error('CONTAINER_CLOSED', `${this.path} is closed`);
    const { file } = this.#open;
    try {
      const { allocatedBytes } = await file.status();
      const ownBytes = allocatedBytes + (await this.#besideBytes());
      const parts = await this.#open.combination?.space();
      if (parts) return { ...parts, usedBytes: parts.usedBytes + ownBytes };
      const wanted = Math.max(0, this.device.size - allocatedBytes);
      return { usedBytes: ownBytes, availableBytes: Math.min(wanted, await file.availableBytes()) };
    } catch (error) {
      throw ioError('look at', this.path, error);
    }
  }

  /**
   * Why the object takes no change any more: a sync has failed, and what is on the medium is unknown. Undefined while
   * none has. It stays so until the object is opened again, which shows what the medium has: every flushed write. So is
   * a disk of several parts when a part is that nothing stands in for: one of a stripe, or all legs of a mirror.
   */
  get faulted(): BlockError | undefined {
    return this.#open.device.faulted;
  }

  /** Calls `listener` once, when a sync fails. Returns a function that ends the subscription. */
  onFault(listener: (fault: BlockError) => void): () => void {
    return this.#open.device.onFault(listener);
  }

  /**
   * Stores changed attributes: those given replace the old ones, those given as `undefined` go, all others
   * stay. They are durable when this completes. Throws `CONTAINER_BAD_ATTRIBUTES`, `CONTAINER_ATTRIBUTES_FULL`,
   * `CONTAINER_READ_ONLY`, `CONTAINER_CLOSED`, `CONTAINER_IO`, or a `BlockError` `BLOCK_FAULTED` once a sync has
   * failed; then the old ones stand.
   */
  async updateAttributes(change: Attributes): Promise<void> {
    const fixed = ['layout', 'deleting', 'snapshots'].find((key) => key in change);
    if (fixed) throw this.#error('CONTAINER_BAD_ATTRIBUTES', `the attribute "${fixed}" cannot be changed`);
    await this.#update(() => {
      const attributes = { ...this.#current.header.attributes, ...structuredClone(change) };
      const fault = findAttributesFault(attributes, this.device.blockSize);
      if (fault !== undefined) throw this.#error(fault.code, fault.reason);
      return { attributes };
    });
  }

  /** Notes durably which snapshots the disk has from now on, or that it has none. Throws as `updateAttributes` does. */
  async updateSnapshots(snapshots: SnapshotsAttribute | undefined): Promise<void> {
    await this.#update(() => withSnapshots(this.#current.header, snapshots));
  }

  /** Counts space that belongs to the object and is not in its files, wherever its space is told. */
  countBeside(usedBytes: () => Promise<number>): void {
    this.#besideBytes = usedBytes;
  }

  /**
   * Makes the disk larger; the new blocks read as zeroes and take no space. Who uses the device is told.
   * Of a disk of several parts those grow that have to: the last one of a concatenation, all of a stripe or a mirror.
   *
   * Throws `CONTAINER_BAD_SIZE`, `CONTAINER_PART_STALE` while a part is missing or a mirror is not in sync,
   * `CONTAINER_READ_ONLY`, `CONTAINER_CLOSED`, `CONTAINER_IO`, or a `BlockError` `BLOCK_FAULTED` once a sync has
   * failed; then it has the old size, and after a crash the old one or the new one.
   */
  async grow(sizeBytes: number): Promise<void> {
    const grown = this.#growth.then(() => {
      this.#checkChange();
      this.#checkGrowth(sizeBytes);
      const { ownDevice, combination } = this.#open;
      return ownDevice
        ? this.#growFile(ownDevice, sizeBytes)
        : this.#growParts(combination as Combination, sizeBytes);
    });
    this.#growth = grown.catch(() => undefined);
    await grown;
  }

  #checkGrowth(sizeBytes: number): void {
    const { capacityBytes, blockSize } = this.#current.header;
    checkCapacity(this.path, sizeBytes, blockSize);
    if (sizeBytes < capacityBytes)
      throw this.#error('CONTAINER_BAD_SIZE', `${this.path} cannot be made smaller`);
  }

  async #growFile(device: FileDevice, sizeBytes: number): Promise<void> {
    await this.#update(async () => {
      const { capacityBytes, dataOffset } = this.#current.header;
      // Whatever a crash in an earlier attempt, or somebody else, left behind the disk must not show up in it.
      await this.#open.file.truncate(dataOffset + capacityBytes);
      await this.#open.file.truncate(dataOffset + sizeBytes);
      // A header that outlives a crash must not tell of more than the file has: who reads it next takes it for damaged.
      await this.#sync();
      return { capacityBytes: sizeBytes };
    });
    // Nothing may fail between the header and this: the two would tell of different sizes.
    device.adoptSize(sizeBytes);
  }

  /** Outside of the header updates, because a leg of a mirror that fails meanwhile has to be noted. */
  async #growParts(combination: Combination, sizeBytes: number): Promise<void> {
    try {
      await combination.grow(sizeBytes);
    } catch (error) {
      throw ioError('resize', this.path, error);
    }
    await this.#update(() => {
      const { attributes } = this.#current.header;
      if (!combination.hasRoom(sizeBytes))
        throw this.#error(
          'CONTAINER_PART_STALE',
          `a part of ${this.path} has failed meanwhile; try again later`,
        );
      return { capacityBytes: sizeBytes, attributes: { ...attributes, layout: combination.layout } };
    });
    combination.show(sizeBytes);
  }

  /** Flushes the disk, marks the object as closed in order and lets go of the file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#growth, this.#updates]).then(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { access, area, file, lock } = this.#open;
    try {
      try {
        await area?.close();
      } finally {
        await this.#closeDevice();
      }
      // A leg that failed at the very last was noted meanwhile.
      await this.#updates;
      if (access === 'write') await this.#writeCleanStamp();
    } catch (error) {
      throw ioError('close', this.path, error);
    } finally {
      await letGo(file, lock);
    }
  }

  async #closeDevice(): Promise<void> {
    const { device, combination } = this.#open;
    try {
      await device.close();
    } finally {
      await combination?.close();
    }
  }

  /** Keeps what the mirrors of the disk hold, also while the object is being closed. */
  async #saveLayout(layout: LayoutNode): Promise<void> {
    const { combination } = this.#open;
    try {
      await this.#enqueue(() => ({
        attributes: { ...this.#current.header.attributes, layout: combination?.layout ?? layout },
      }));
    } catch (error) {
      this.#open.device.fault(error);
      throw mediumError('note what a mirror holds', error);
    }
  }

  async #writeCleanStamp(): Promise<void> {
    const { file, seams } = this.#open;
    const nowMs = Math.floor(seams.clock.unixMs());
    this.#current = await writeCleanStamp(file, this.#current, nowMs, () => this.#sync());
  }

  /** What quotas are held against: the file, and the parts of the disk. */
  async #usedBytes(): Promise<number> {
    const { file, combination } = this.#open;
    try {
      const { allocatedBytes } = await file.status();
      return allocatedBytes + (await this.#besideBytes()) + ((await combination?.storedBytes()) ?? 0);
    } catch (error) {
      throw mediumError('look at the space', error);
    }
  }

  async #writeHeader(change: HeaderChange): Promise<CurrentHeader> {
    return await writeNextHeader(this.#open.file, this.#current, change, () => this.#sync());
  }

  /** A sync that failed here may have lost writes of the disk, too. */
  async #sync(): Promise<void> {
    try {
      await this.#open.file.sync();
    } catch (error) {
      this.#open.device.fault(error);
      this.#open.area?.fault(error);
      throw error;
    }
  }

  /** Runs one header update after those before it. */
  async #update(prepare: () => HeaderChange | Promise<HeaderChange>): Promise<void> {
    this.#checkChange();
    await this.#enqueue(prepare);
  }

  #checkChange(): void {
    const { access } = this.#open;
    if (this.#closing) throw this.#error('CONTAINER_CLOSED', `${this.path} is closed`);
    if (access === 'read') throw this.#error('CONTAINER_READ_ONLY', `${this.path} is open for reading only`);
  }

  async #enqueue(prepare: () => HeaderChange | Promise<HeaderChange>): Promise<void> {
    const { seams } = this.#open;
    const update = this.#updates.then(async () => {
      const updatedAtMs = Math.floor(seams.clock.unixMs());
      // What is on the medium is unknown since a sync has failed: nothing is said to be durable beside it.
      this.#open.device.checkSound();
      const change = { ...(await prepare()), updatedAtMs };
      this.#current = await this.#writeHeader(change);
    });
    // The next update goes on from the last header that was written, whether or not this one was.
    this.#updates = update.catch(() => undefined);
    try {
      await update;
    } catch (error) {
      throw ioError('update', this.path, error);
    }
  }

  #error(code: ContainerErrorCode, message: string): ContainerError {
    return new ContainerError(code, message, { path: this.path });
  }
}
