import type { NewContainer } from './create-container.ts';
import type { OpenOptions } from './open-container.ts';
import type { StorageObjectSeams } from './seams.ts';

/** Options of {@link StorageObject.create}. */
export interface CreateOptions extends NewContainer, StorageObjectSeams {}

/** One container that {@link StorageObject.openAll} is to open. */
export interface OpenRequest extends OpenOptions {
  readonly path: string;
}

/** How much space an object takes and can get. */
export interface ObjectSpace {
  readonly usedBytes: number;
  readonly availableBytes: number;
}
