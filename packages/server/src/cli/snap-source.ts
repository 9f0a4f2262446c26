import { ContainerError } from '@lunbox/storage-object';
import { resolve } from 'node:path';
import { closeDisks, openDisks } from '../disks.ts';
import { ServerError } from '../server-error.ts';
import { snapshotsOf } from '../snapshot-luns.ts';
import { ControlConnection } from './control-connection.ts';
import { checkControlRequest, type ControlRequest } from './control-request.ts';
import type { SnapDesk } from './snap-desk.ts';
import type { SnapVerb } from './snap-request.ts';

/** Opens a disk for this process alone while something is done with its snapshots. */
export async function withDesk<T>(path: string, work: (desk: SnapDesk) => Promise<T>): Promise<T> {
  return await withDesks([path], ([desk]) => work(desk as SnapDesk));
}

/** The same for several disks. */
export async function withDesks<T>(
  paths: readonly string[],
  work: (desks: readonly SnapDesk[]) => Promise<T>,
): Promise<T> {
  const requests = paths.map((path) => ({ path }));
  const disks = await openDisks(requests, {}).catch(tellOfServer);
  try {
    const desks = disks.map((disk, index): SnapDesk => {
      const set = snapshotsOf({ disk, lun: index });
      const remove = (snapshot: string): Promise<void> => set.delete(snapshot);
      const path = resolve(paths[index] as string);
      return { disk: path, set, lunOf: () => undefined, delete: remove };
    });
    return await work(desks);
  } finally {
    await closeDisks(disks);
  }
}

function tellOfServer(error: unknown): never {
  if (!(error instanceof ContainerError) || error.code !== 'CONTAINER_LOCKED') throw error;
  const message = `${error.message}; a server that serves it is asked with --control SOCKET`;
  throw new ServerError('SERVER_WRONG_STATE', message, { cause: error });
}

/** Asks the server that has a disk, which is named by its LUN or its file. */
export async function askServer(
  socket: string,
  disk: string,
  verb: SnapVerb,
  fields: Readonly<Record<string, unknown>>,
): Promise<ControlConnection> {
  const place = placeOf(disk);
  const where = typeof place === 'number' ? { lun: place } : { path: place };
  return ControlConnection.open(socket, snapRequest(verb, { ...where, ...fields }));
}

/** Asks the server that has several disks to take a group. */
export async function askForGroup(
  socket: string,
  disks: readonly string[],
  fields: Readonly<Record<string, unknown>>,
): Promise<ControlConnection> {
  return ControlConnection.open(socket, snapRequest('snap-group', { disks: disks.map(placeOf), ...fields }));
}

/** A LUN, or an absolute path. */
function placeOf(disk: string): number | string {
  return /^\d{1,3}$/.test(disk) ? Number(disk) : resolve(disk);
}

/** A request with the fields that were given. Throws a {@link ServerError} for one that is not as it should be. */
export function snapRequest<V extends SnapVerb>(
  verb: V,
  fields: Readonly<Record<string, unknown>>,
): ControlRequest<V> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return checkControlRequest({ ...Object.fromEntries(given), verb }) as ControlRequest<V>;
}
