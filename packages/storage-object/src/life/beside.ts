import type { FileStatus } from '@lunbox/block';
import { judgeContinuity } from '../file-stamp.ts';
import type { ContainerHeader } from '../header.ts';
import type { IdentityBlock } from '../identity-block.ts';
import { hasSnapshots } from '../twin-headers.ts';
import { formatUuid } from '../uuid.ts';

/** A container whose name changes or goes, as far as it tells what lies beside it. */
export interface DiskBeside {
  readonly path: string;
  /** Identity that the object was born with, in UUID form. */
  readonly birthIdentity: string;
  /** Identity of its set of snapshots, in UUID form; undefined when it has none. */
  readonly set: string | undefined;
  /** The set was being made: where none is found, there never was one. */
  readonly pending: boolean;
}

/** Looks after what lies beside a container and belongs to it. It is called while the container is locked. */
export interface BesideKeeper {
  /** Before anything is changed. Throws what speaks against it. */
  check(disk: DiskBeside): Promise<void>;
  /** Does to it what is done to the container, durably; again, when that was cut short. */
  act(disk: DiskBeside): Promise<void>;
}

/** What tells of the things beside a container; undefined for a copy: what is there is that of the original. */
export function diskBeside(
  path: string,
  { birthIdentity }: Pick<IdentityBlock, 'birthIdentity'>,
  header: ContainerHeader,
  status: FileStatus,
): DiskBeside | undefined {
  if (judgeContinuity(header, status) === 'foreign') return undefined;
  const snapshots = hasSnapshots(header) ? header.attributes.snapshots : undefined;
  const pending = snapshots?.pending === true;
  return { path, birthIdentity: formatUuid(birthIdentity), set: snapshots?.set, pending };
}
