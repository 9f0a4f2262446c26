import { realDisk, systemClock, systemRandom, type Clock, type Disk, type Random } from '@lunbox/block';
import { SystemProcessTable, type ProcessTable } from './process-identity.ts';

/** What a storage object touches of the world; each has the real thing as its default. */
export interface StorageObjectSeams {
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly processes?: ProcessTable;
}

/** All seams, filled in. */
export interface Seams {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: ProcessTable;
}

/** Fills in the defaults. */
export function completeSeams(seams: StorageObjectSeams): Seams {
  return {
    disk: seams.disk ?? realDisk,
    clock: seams.clock ?? systemClock,
    random: seams.random ?? systemRandom,
    processes: seams.processes ?? new SystemProcessTable(),
  };
}
