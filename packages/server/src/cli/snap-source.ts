import { ContainerError } from '@lunbox/storage-object';
import { resolve } from 'node:path';
import { openDisks } from '../disks.ts';
import { ServerError } from '../server-error.ts';
import { snapshotsOf } from '../snapshot-luns.ts';
import { ControlConnection } from './control-connection.ts';
import { checkControlRequest, type ControlRequest } from './control-request.ts';
import type { SnapDesk } from './snap-desk.ts';
import type { SnapVerb } from './snap-request.ts';

/** Opens a disk for this process alone while something is done with its snapshots. */
export async function withDesk<T>(path: string, work: (desk: SnapDesk) => Promise<T>): Promise<T> {
  const [disk] = await openDisks([{ path }], {}).catch(tellOfServer);
  try {
    const set = snapshotsOf({ disk, lun: 0 });
    const remove = (snapshot: string): Promise<void> => set.delete(snapshot);
    return await work({ disk: resolve(path), set, lunOf: () => undefined, delete: remove });
  } finally {
    await disk?.close();
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
  const where = /^\d{1,3}$/.test(disk) ? { lun: Number(disk) } : { path: resolve(disk) };
  return ControlConnection.open(socket, snapRequest(verb, { ...where, ...fields }));
}

/** A request with the fields that were given. Throws a {@link ServerError} for one that is not as it should be. */
export function snapRequest<V extends SnapVerb>(
  verb: V,
  fields: Readonly<Record<string, unknown>>,
): ControlRequest<V> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return checkControlRequest({ ...Object.fromEntries(given), verb }) as ControlRequest<V>;
}
