import type { StorageObjectSeams } from '@lunbox/storage-object';
import type { LiveChanges } from '../live-changes.ts';
import type { Portal } from '../portal.ts';
import type { ServedTarget } from '../status.ts';
import type { Volumes } from '../volumes.ts';

/** What NBS needs of the server that it is a front of. */
export interface NbsHost {
  readonly volumes: Volumes;
  readonly live: LiveChanges;
  /** What is served at the moment. */
  targets(): readonly ServedTarget[];
  /** Where initiators find the targets. */
  readonly initiatorPortals: readonly Portal[];
  readonly seams: StorageObjectSeams;
}
