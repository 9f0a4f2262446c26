import { NbsRefusal, NbsServer, type QuiescedResult } from '@lunbox/nbs';
import { hostname } from 'node:os';
import { checkFront, listenAtAll, readPortal } from '../front-portals.ts';
import type { ServerOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import type { NbsHost } from './nbs-host.ts';
import type { NbsOptions } from './nbs-options.ts';
import { VolumeService } from './nbs-service.ts';
import { checkUsers, NbsUsers } from './nbs-users.ts';

/** NBS of a server that runs. */
export class NbsFront {
  /** Where it listens: `host:port` or `unix:PATH`. */
  readonly portals: readonly string[];
  /** Who may come in. */
  readonly users: NbsUsers;
  readonly #server: NbsServer;

  private constructor(server: NbsServer, users: NbsUsers, portals: readonly string[]) {
    this.#server = server;
    this.users = users;
    this.portals = portals;
  }

  /** Listens. Throws a {@link ServerError}; nothing is left open then. */
  static async open(options: NbsOptions, host: NbsHost): Promise<NbsFront> {
    const users = await NbsUsers.of(options.users);
    const server = new NbsServer({
      service: new VolumeService(host, options, users),
      serverName: `lunbox ${hostname()}`,
      authentication: {
        anonymous: users.areAll,
        ...(users.areAll ? {} : { verifierOf: (user) => users.verifierOf(user) }),
      },
    });
    const portals = await listenAtAll('NBS', server, options.portals);
    return new NbsFront(server, users, portals);
  }

  /** Sessions, those that wait for their client included. */
  get sessionCount(): number {
    return this.#server.sessionCount;
  }

  /**
   * Does `work` while what uses some disks is suspended, as far as clients look after that; it hears the level that a
   * snapshot has then. Answers what came of it, and whether all was suspended to its end.
   *
   * Throws a {@link ServerError} `SERVER_QUIESCE_FAILED` when something is not suspended in time; `work` is not begun.
   */
  async quiesced<T>(
    uuids: readonly string[],
    readyMs: number,
    work: (level: string) => Promise<T>,
  ): Promise<QuiescedResult<T>> {
    try {
      return await this.#server.quiesced(uuids, readyMs, work);
    } catch (error) {
      if (!(error instanceof NbsRefusal) || error.status !== 'QUIESCE_FAILED') throw error;
      throw new ServerError('SERVER_QUIESCE_FAILED', error.message, { cause: error });
    }
  }

  /** Says goodbye to all clients, and closes what they have open. */
  async close(): Promise<void> {
    await this.#server.close();
  }
}

/**
 * Checks who may come in by NBS. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`, `SERVER_BAD_PORTAL`, or
 * `SERVER_AUTHENTICATION_REQUIRED` when a portal lets in more than was said out loud.
 */
export function checkNbsOptions({ nbs, targets, allowUnauthenticated = false }: ServerOptions): void {
  if (nbs === undefined) return;
  const { portals, users = [], allowPlain = false } = nbs;
  const guarded = targets.some(({ access = [] }) => access.length > 0);
  for (const portal of portals.map(readPortal)) {
    const proven = users.length > 0 || portal.listen.tls?.requestCert === true;
    checkFront('NBS', portal, { proven, guarded, allowPlain, allowAll: allowUnauthenticated });
  }
  checkUsers(users);
}
