import type { BlockDevice, Clock, Disk, Random } from '@lunbox/block';
import type { SnapshotAttachment } from './attachment.ts';
import type { ImageSource } from './image-area.ts';

/** Options of `SnapshotSet.open`. */
export interface SnapshotSetOptions {
  /** The disk itself. The set owns it: closing the set closes it. */
  readonly production: BlockDevice;
  /** Identity that the object was born with: 16 bytes. */
  readonly object: Uint8Array;
  /** Directory for the snapshots, on the file system of the disk; made with the first one. */
  readonly directory: string;
  /** What is copied on a first write, a power of two from 4 KiB to 1 MiB, for a set that is new. Default 64 KiB. */
  readonly grainBytes?: number;
  /** Where the disk itself says which snapshots it has. Without it those in the directory are its own. */
  readonly attachment?: SnapshotAttachment;
  /** The file that the disk is in, as a plain image; without it no space of the disk is shared. */
  readonly image?: ImageSource;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
}
