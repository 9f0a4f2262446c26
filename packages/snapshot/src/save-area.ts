import { BlockError, type BlockDevice } from '@lunbox/block';

/** A grain that an area has the data of, and their CRC-32; undefined when they are lost. */
export interface SavedChecksum {
  readonly grain: number;
  readonly contentCrc: number | undefined;
}

/** How an area is asked for a grain. */
export type SavedGrain = 'none' | 'data' | 'zero' | 'bad';

/**
 * What the disk had at the start of one stretch of time: the grains that were changed during it, or all of them; and
 * which those are that were changed.
 */
export interface SaveArea {
  /** Where an area has all grains: what it has, as a device. */
  readonly device: BlockDevice | undefined;
  /** What it has of a grain. */
  find(grain: number): SavedGrain;
  /** The first grain from `grain` up to, not including, `endGrain` that it has something of. */
  next(grain: number, endGrain: number): number | undefined;
  /** Whether a grain may have been changed. */
  isChanged(grain: number): boolean;
  /** The first grain from `grain` up to, not including, `endGrain` that may have been changed. */
  nextChanged(grain: number, endGrain: number): number | undefined;
  /** Whether some of what it has was lost to the medium. */
  hasBad(): Promise<boolean>;
  /** Reads a part of a grain of which it has the data. Throws `BLOCK_IO`. */
  read(into: readonly Uint8Array[], grain: number, within: number, lengthBytes: number): Promise<void>;
  /** @throws BlockError `BLOCK_FAULTED` after a failed sync. */
  checkSound(): void;
  /**
   * The checksums of what it has the data of, and the grains that are lost, in the order in which they are stored. What
   * is added meanwhile may be left out. Throws `SNAPSHOT_CORRUPT`, `BLOCK_IO`.
   */
  checksums(): AsyncGenerator<SavedChecksum>;
  /** Gives the space of a grain back that is not needed any more; nothing asks for it after that. */
  forget(grain: number): Promise<void>;
  /** Space that it took when it was last measured, and what was added since. */
  readonly storedBytes: number;
  /** Finds out anew what it takes. */
  measure(): Promise<void>;
  /** Space that it takes. */
  usedBytes(): Promise<number>;
  /** Whether {@link SaveArea.writeIndex} has something to do. */
  readonly needsIndex: boolean;
  /** Keeps the map in a file beside it, so that it opens fast. Nothing is lost when it fails. */
  writeIndex(): Promise<void>;
  /** Closes its files. Idempotent. */
  close(): Promise<void>;
}

/** Whether one of the areas has something of a grain. */
export function isSaved(grain: number, areas: readonly SaveArea[]): boolean {
  for (const area of areas) if (area.find(grain) !== 'none') return true;
  return false;
}

/** Whether a grain may have been changed in the time of one of the areas. */
export function isChanged(grain: number, areas: readonly SaveArea[]): boolean {
  for (const area of areas) if (area.isChanged(grain)) return true;
  return false;
}

/** A grain that was lost to the medium. */
export function lostGrainError(grain: number): BlockError {
  return new BlockError('BLOCK_IO', `read: what the snapshot had in grain ${grain} was lost on the medium`);
}
