import { BlockError } from '@lunbox/block';
import { NbdServer, type NbdExport, type NbdExportInfo, type NbdExports, type NbdPeer } from '@lunbox/nbd';
import { SnapshotError, type ChangedExtent, type SnapshotSet } from '@lunbox/snapshot';
import { checkFront, listenAtAll, readPortal, type FrontPortal } from '../front-portals.ts';
import type { ServerOptions } from '../options.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import type { Volume, Volumes } from '../volumes.ts';

/** NBD beside iSCSI: the disks and their snapshots as exports. */
export interface NbdOptions {
  /**
   * `host:port` or `unix:PATH` each, or more. NBD has no passwords: a portal for other machines needs TLS with client
   * certificates, whose common name is the user, unless `allowUnauthenticated` is set.
   */
  readonly portals: readonly (string | FrontPortal)[];
  /** Speak without TLS to other machines. Default false. */
  readonly allowPlain?: boolean;
}

/** NBD of a server that runs. */
export class NbdFront {
  /** Where it listens: `host:port` or `unix:PATH`. */
  readonly portals: readonly string[];
  readonly #server: NbdServer;

  private constructor(server: NbdServer, portals: readonly string[]) {
    this.#server = server;
    this.portals = portals;
  }

  /** Listens. Throws a ServerError; nothing is left open then. */
  static async open({ portals }: NbdOptions, volumes: Volumes): Promise<NbdFront> {
    const server = new NbdServer({ exports: new VolumeExports(volumes) });
    return new NbdFront(server, await listenAtAll('NBD', server, portals));
  }

  /** Ends every connection, and closes what they have open. */
  async close(): Promise<void> {
    await this.#server.close();
  }
}

/** Checks who may come in by NBD. Throws a ServerError `SERVER_BAD_PORTAL` or `SERVER_AUTHENTICATION_REQUIRED`. */
export function checkNbdOptions({ nbd, targets, allowUnauthenticated = false }: ServerOptions): void {
  const guarded = targets.some(({ access = [] }) => access.length > 0);
  for (const portal of (nbd?.portals ?? []).map(readPortal)) {
    const proven = portal.listen.tls?.requestCert === true;
    const allowPlain = nbd?.allowPlain === true;
    checkFront('NBD', portal, { proven, guarded, allowPlain, allowAll: allowUnauthenticated });
  }
}

/** An export, and what it is made from. */
interface VolumeInfo extends NbdExportInfo {
  readonly volume: Volume;
}

/** The disks of a server by their names and identities, and their snapshots as `disk@snapshot`. */
class VolumeExports implements NbdExports {
  readonly #volumes: Volumes;

  constructor(volumes: Volumes) {
    this.#volumes = volumes;
  }

  list({ user }: NbdPeer): readonly NbdExportInfo[] {
    return this.#volumes.list(user).map((volume) => this.#info(volume, volume.name, user));
  }

  find(name: string, { user }: NbdPeer): NbdExportInfo | undefined {
    const volume = this.#volumes.find(name, user);
    return volume && this.#info(volume, name, user);
  }

  open(info: NbdExportInfo, { address, user }: NbdPeer): NbdExport {
    const { volume } = info as VolumeInfo;
    const use = { peer: `nbd ${address}`, ...(user === undefined ? {} : { user }) };
    const device = this.#volumes.open(volume, use);
    const set = this.#volumes.snapshotsOf(volume, user)?.set;
    if (set === undefined) return { device };
    return { device, changes: (from) => changesOf(set, from, volume.snapshot?.id) };
  }

  #info(volume: Volume, name: string, user: string | undefined): VolumeInfo {
    const { sizeBytes, blockSize, readOnly, snapshot, uuid } = volume;
    const all = this.#volumes.snapshotsOf(volume, user)?.set.list() ?? [];
    const end = snapshot === undefined ? all.length : all.findIndex(({ id }) => id === snapshot.id);
    const kind =
      snapshot === undefined ? 'disk' : `snapshot of ${new Date(snapshot.createdAtMs).toISOString()}`;
    return {
      volume,
      name,
      description: `${kind}, ${uuid}`,
      ...{ sizeBytes, blockSize, readOnly },
      changedSince: all.slice(0, end).map((each) => each.name),
    };
  }
}

/** What has changed since a snapshot, which may be gone by now. */
async function* changesOf(
  set: SnapshotSet,
  from: string,
  to: string | undefined,
): AsyncGenerator<ChangedExtent> {
  try {
    yield* set.diff(findSnapshot(set, from).id, to);
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    throw new BlockError('BLOCK_CLOSED', error.message, {}, error);
  }
}
