import {
  BaseDevice,
  BlockError,
  cutBuffers,
  ExtentCollector,
  yieldTurn,
  type BlockDevice,
  type Extent,
  type MaybePromise,
} from '@lunbox/block';
import type { CowDevice } from './cow-device.ts';
import { lostGrainError, type SaveArea, type SavedGrain } from './save-area.ts';

/** Grains that are looked up between two turns. */
const GRAINS_PER_TURN = 4096;

/** What a view reads from. */
export interface ViewSource {
  readonly production: CowDevice;
  /** The areas of the snapshot and of all later ones, oldest first, as they are now; undefined once it is gone. */
  readonly areas: () => readonly SaveArea[] | undefined;
  readonly sizeBytes: number;
  readonly onClose: () => void;
}

/**
 * The disk as it was when a snapshot was taken, for reading. A grain is read from the first area that has it, and
 * from the disk itself when none has: then it was not changed since.
 */
export class SnapshotView extends BaseDevice {
  readonly readOnly = true;
  readonly size: number;
  readonly #source: ViewSource;

  /** @internal */
  constructor(source: ViewSource) {
    super(source.production.blockSize);
    this.#source = source;
    this.size = source.sizeBytes;
  }

  protected async readRange(into: readonly Uint8Array[], offset: number, length: number): Promise<void> {
    const { grainBytes } = this.#source.production;
    for (let done = 0; done < length;) {
      const at = offset + done;
      const piece = Math.min(length - done, grainBytes - (at % grainBytes));
      await this.#readPiece(cutBuffers(into, done, piece), at, piece);
      done += piece;
    }
  }

  protected flushAll(): MaybePromise<void> {
    return undefined;
  }

  protected writeRange(): MaybePromise<void> {
    throw this.#readOnlyError();
  }

  protected unmapRange(): MaybePromise<void> {
    throw this.#readOnlyError();
  }

  protected zeroRange(): MaybePromise<void> {
    throw this.#readOnlyError();
  }

  /** What a saved grain holds counts as stored, unless it was all zeroes. */
  protected async extentsOf(offset: number, length: number, limit: number): Promise<Extent[]> {
    const { production } = this.#source;
    const { grainBytes } = production;
    const collector = new ExtentCollector(offset, length, limit);
    for (let looked = 1; !collector.done; looked++) {
      const grain = Math.floor(collector.offset / grainBytes);
      const { saved, area } = this.#find(grain);
      const source = saved === 'none' ? production : area?.device;
      if (source !== undefined)
        await this.#collect(collector, source, this.#endOfRun(grain, offset + length, area));
      else collector.addUntil((grain + 1) * grainBytes, saved === 'zero' ? 'hole' : 'mapped');
      if (looked % GRAINS_PER_TURN === 0) await yieldTurn();
    }
    return collector.finish();
  }

  /** Where the run of grains ends, from one of them on, that no area before `until` has; at most `endOffset`. */
  #endOfRun(grain: number, endOffset: number, until: SaveArea | undefined): number {
    const { grainBytes } = this.#source.production;
    let end = Math.ceil(endOffset / grainBytes);
    for (const area of this.#areas()) {
      if (area === until) break;
      end = area.next(grain, end) ?? end;
    }
    return Math.min(end * grainBytes, endOffset);
  }

  protected release(): void {
    this.#source.onClose();
  }

  async #readPiece(into: readonly Uint8Array[], offset: number, length: number): Promise<void> {
    const { production } = this.#source;
    const { grainBytes } = production;
    const grain = Math.floor(offset / grainBytes);
    const grant = await production.grainLock.acquire(grain * grainBytes, grainBytes, 'shared');
    try {
      const { saved, area } = this.#find(grain);
      if (saved === 'bad') throw lostGrainError(grain);
      if (saved === 'zero') for (const buffer of into) buffer.fill(0);
      else if (area === undefined) await production.readForSnapshot(into, offset);
      else await area.read(into, grain, offset % grainBytes, length);
    } finally {
      grant.release();
    }
  }

  /** @internal What it is read from besides the disk, in the order in which a grain is looked for. */
  get areas(): readonly SaveArea[] {
    return this.#areas();
  }

  #find(grain: number): { saved: SavedGrain; area?: SaveArea } {
    for (const area of this.#areas()) {
      const saved = area.find(grain);
      if (saved !== 'none') return { saved, area };
    }
    return { saved: 'none' };
  }

  #areas(): readonly SaveArea[] {
    const areas = this.#source.areas();
    if (areas === undefined) throw new BlockError('BLOCK_FAULTED', 'the snapshot is not there any more');
    return areas;
  }

  async #collect(collector: ExtentCollector, source: BlockDevice, end: number): Promise<void> {
    for (const extent of await source.extents(collector.offset, end - collector.offset))
      collector.add(extent.length, extent.state);
  }

  #readOnlyError(): BlockError {
    return new BlockError('BLOCK_READ_ONLY', 'a snapshot cannot be changed');
  }
}
