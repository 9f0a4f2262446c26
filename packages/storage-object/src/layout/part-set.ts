import debug from 'debug';
import type { BlockDevice } from '@lunbox/block';
import { ContainerError } from '../container-error.ts';
import { letGo } from '../container-lock.ts';
import type { Seams } from '../seams.ts';
import type { HeaderChange } from '../twin-headers.ts';
import { AbsentDevice } from './absent-device.ts';
import { checkRoom, growPart } from './grow-part.ts';
import { shrinkPart } from './shrink-part.ts';
import type { PartFate } from './judge-layout.ts';
import { partsOf, type LayoutNode, type LayoutPart } from './layout.ts';
import {
  beginPart,
  isBearable,
  reservePart,
  stampPart,
  type OpenPart,
  type Part,
  type PartOwner,
} from './part.ts';

const log = debug('lunbox:storage-object:parts');

/** Where a part is: not there, for a reason; locked; or in use. */
type Slot = { readonly missing: ContainerError } | { readonly part: Part } | { readonly open: OpenPart };

/** The backing files and volumes of one disk. */
export class PartSet {
  readonly #owner: PartOwner;
  readonly #access: 'read' | 'write';
  readonly #seams: Seams;
  readonly #slots = new Map<string, Slot>();

  constructor(owner: PartOwner, access: 'read' | 'write', seams: Seams) {
    this.#owner = owner;
    this.#access = access;
    this.#seams = seams;
  }

  /** Parts that are there. */
  get found(): readonly Part[] {
    return [...this.#slots.values()].flatMap((slot) =>
      'part' in slot ? [slot.part] : 'open' in slot ? [slot.open] : [],
    );
  }

  /** Locks and checks parts. Throws what a mirror cannot go on with; everything is then given back. */
  async reserve(parts: readonly LayoutPart[]): Promise<void> {
    try {
      for (const leaf of parts) this.#slots.set(leaf.identity, await this.#reserveOne(leaf));
    } catch (error) {
      await this.release(parts);
      throw error;
    }
  }

  async #reserveOne(leaf: LayoutPart): Promise<Slot> {
    try {
      return { part: await reservePart(leaf, this.#owner, this.#access, this.#seams) };
    } catch (error) {
      if (isBearable(error)) return { missing: error };
      throw error;
    }
  }

  /** Takes the reserved ones among the parts into use; one that fails then is missing. */
  async begin(parts: readonly LayoutPart[], opened: HeaderChange): Promise<void> {
    for (const { identity } of parts) {
      const slot = this.#slots.get(identity);
      if (slot === undefined || !('part' in slot)) continue;
      try {
        const open = await beginPart(slot.part, this.#owner, opened, this.#seams);
        this.#slots.set(identity, { open });
      } catch (error) {
        if (!isBearable(error)) throw error;
        await this.#letGo(slot.part);
        this.#slots.set(identity, { missing: error });
      }
    }
  }

  /** Parts that cannot be had now, for a reason that only somebody else can do away with. */
  lack(parts: readonly LayoutPart[], reason: unknown): void {
    if (!(reason instanceof ContainerError)) throw reason;
    for (const { identity } of parts) this.#slots.set(identity, { missing: reason });
  }

  /** What has become of a part. */
  fateOf(leaf: LayoutPart): PartFate {
    const slot = this.#slots.get(leaf.identity);
    if (slot === undefined) throw new Error('a part that was never looked for');
    if ('missing' in slot) return slot.missing;
    return 'part' in slot ? slot.part.trust : slot.open.trust;
  }

  /** The device of a part. */
  deviceOf(leaf: LayoutPart): BlockDevice {
    const slot = this.#slots.get(leaf.identity);
    if (slot !== undefined && 'open' in slot) return slot.open.device;
    const reason = slot !== undefined && 'missing' in slot ? slot.missing : undefined;
    return new AbsentDevice(leaf.sizeBytes, this.#owner.blockSize, this.#access === 'read', reason);
  }

  /** True when all of these are there. */
  hasAll(node: LayoutNode): boolean {
    return partsOf(node).every(({ identity }) => 'open' in (this.#slots.get(identity) ?? {}));
  }

  /** Whether some part is not there. */
  get lacksAny(): boolean {
    return [...this.#slots.values()].some((slot) => !('open' in slot));
  }

  /**
   * Makes parts, all of which are there, as large as a new layout has them, durably. Throws a `ContainerError` that
   * names the part; those before it may then be larger than they need be.
   */
  async grow(parts: readonly LayoutPart[]): Promise<void> {
    const wanted = parts.map((leaf) => ({ leaf, open: this.#openPart(leaf) }));
    for (const { leaf, open } of wanted) await checkRoom(open, leaf.sizeBytes);
    const nowMs = Math.floor(this.#seams.clock.unixMs());
    for (const { leaf, open } of wanted) {
      // A part that failed meanwhile and was opened anew is another one.
      const grown = await growPart(open, leaf, nowMs);
      const slot = this.#slots.get(leaf.identity);
      if (slot !== undefined && 'open' in slot && slot.open === open)
        this.#slots.set(leaf.identity, { open: grown });
    }
  }

  /**
   * Cuts the files of parts, which nobody uses any more, to what a smaller layout has of them; volumes stay as they
   * are.
   * Throws a `ContainerError`; some are then longer than they need be, which does no harm.
   */
  async shrink(parts: readonly LayoutPart[]): Promise<void> {
    const nowMs = Math.floor(this.#seams.clock.unixMs());
    for (const leaf of parts) {
      const open = this.#openPart(leaf);
      if (leaf.kind === 'volume' || leaf.sizeBytes >= open.leaf.sizeBytes) continue;
      this.#slots.set(leaf.identity, { open: await shrinkPart(open, leaf, nowMs) });
    }
  }

  #openPart({ identity, path }: LayoutPart): OpenPart {
    const slot = this.#slots.get(identity);
    if (slot !== undefined && 'open' in slot) return slot.open;
    throw new ContainerError('CONTAINER_PART_MISSING', `the part ${path} is missing`, { path });
  }

  /** Lets go of parts without marking them; nobody uses their devices any more. */
  async release(parts: readonly LayoutPart[]): Promise<void> {
    for (const { identity } of parts) {
      const slot = this.#slots.get(identity);
      this.#slots.delete(identity);
      if (slot === undefined || 'missing' in slot) continue;
      if ('open' in slot) await closeQuietly(slot.open.device);
      await this.#letGo('open' in slot ? slot.open : slot.part);
    }
  }

  /**
   * Marks the parts as closed in order and lets go of them; everything on them has been flushed. A part that cannot be
   * marked stays `unclean`, which costs nothing.
   */
  async close(parts: readonly LayoutPart[]): Promise<void> {
    const nowMs = Math.floor(this.#seams.clock.unixMs());
    for (const { identity, path } of parts) {
      const slot = this.#slots.get(identity);
      if (slot === undefined || !('open' in slot)) continue;
      await closeQuietly(slot.open.device);
      try {
        await stampPart(slot.open, nowMs);
      } catch (error) {
        log('%s could not be marked as closed: %o', path, error);
      }
    }
    await this.release(parts);
  }

  async #letGo({ file, lock, path }: Part): Promise<void> {
    try {
      await letGo(file, lock);
    } catch (error) {
      // The file and its byte locks are gone; a lock file that stays is void.
      log('the lock of %s could not be taken away: %o', path, error);
    }
  }
}

/** A part that has failed cannot be flushed, and what was flushed before it failed is not its any more. */
async function closeQuietly(device: BlockDevice): Promise<void> {
  try {
    await device.close();
  } catch (error) {
    log('a part failed when it was closed: %o', error);
  }
}
