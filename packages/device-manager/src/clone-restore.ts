import { systemClock, type Clock } from '@lunbox/block';
import type { Fields, NbsClient } from '@lunbox/nbs';
import { ManagerError } from './manager-error.ts';
import { ObjectHandles } from './object-handles.ts';

/** A disk that was made of a snapshot, and where initiators find it. */
export interface CloneReport {
  /** The object that it is a copy of, as it was asked for. */
  readonly object: string;
  /** Name of the clone. */
  readonly name: string;
  /** iSCSI name of the target that has it. */
  readonly targetName: string;
  readonly lun: number;
  /** Where the target is, the best place first. */
  readonly portals: readonly { readonly host: string; readonly port: number }[];
}

/** A live session of an initiator that can be told to go on elsewhere: `IscsiSession` of `@lunbox/iscsi-initiator`. */
export interface RedirectableSession {
  /** Completes when the session is there. */
  redirect(destination: {
    readonly host: string;
    readonly port: number;
    readonly targetName: string;
  }): Promise<void>;
}

/** What {@link restoreByRedirect} has done. */
export interface RedirectReport {
  readonly clone: CloneReport;
  /** How long the clone took; the session went on meanwhile. */
  readonly cloneMs: number;
  /** How long the session had no disk. */
  readonly redirectMs: number;
}

/** Options of {@link cloneSnapshots} and {@link restoreByRedirect}. */
export interface CloneOptions {
  /** What the clone of an object is called. Default: the names of the object and of the snapshot. */
  readonly cloneName?: (object: string, snapshotName: string) => string;
  readonly clock?: Clock;
}

/**
 * Has disks made of the snapshots of one name that some objects have, and served. The objects stay as they are.
 *
 * @throws ManagerError `MANAGER_REFUSED`; clones that were made before one that was not are there, and named.
 */
export async function cloneSnapshots(
  client: NbsClient,
  objects: readonly string[],
  snapshotName: string,
  { cloneName = defaultName }: CloneOptions = {},
): Promise<readonly CloneReport[]> {
  const handles = await ObjectHandles.open(client, objects);
  try {
    await handles.checkThere(snapshotName);
    const names = objects.map((object) => cloneName(object, snapshotName));
    const clones = await handles.clone(snapshotName, names);
    return clones.map((clone, index) => reportOf(objects[index]!, clone));
  } finally {
    await handles.close();
  }
}

/**
 * Restores by redirect: has a disk made of a snapshot, and moves a live session of an initiator there. Who uses the
 * session's disk goes on with what the snapshot has, after a pause; what the object has now stays as it is.
 *
 * @throws ManagerError `MANAGER_REFUSED`, and what the session throws when it cannot go there.
 */
export async function restoreByRedirect(
  client: NbsClient,
  session: RedirectableSession,
  { object, snapshotName }: { readonly object: string; readonly snapshotName: string },
  options: CloneOptions = {},
): Promise<RedirectReport> {
  const { clock = systemClock } = options;
  const startMs = clock.nowMs();
  const [clone] = await cloneSnapshots(client, [object], snapshotName, options);
  const clonedMs = clock.nowMs();
  const { portals, targetName } = clone!;
  const [portal] = portals;
  if (portal === undefined)
    throw new ManagerError('MANAGER_REFUSED', `the server does not say where initiators find ${clone!.name}`);
  await session.redirect({ ...portal, targetName });
  return {
    clone: clone!,
    cloneMs: Math.round(clonedMs - startMs),
    redirectMs: Math.round(clock.nowMs() - clonedMs),
  };
}

/** Names of files have no other characters anywhere. */
function defaultName(object: string, snapshotName: string): string {
  return `${object}-${snapshotName}`.replaceAll(/[^\w.,:+=-]/g, '-').slice(0, 100);
}

function reportOf(object: string, { name = '', targetName = '', lun = 0, portal = [] }: Fields): CloneReport {
  const portals = portal.map(({ address = '', port = 0 }) => ({ host: address, port }));
  return { object, name, targetName, lun, portals };
}
