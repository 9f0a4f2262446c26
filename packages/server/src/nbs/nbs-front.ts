import {
  makeVerifier,
  NbsRefusal,
  NbsServer,
  nodeSaslCrypto,
  type QuiescedResult,
  type ScramVerifier,
} from '@lunbox/nbs';
import { hostname } from 'node:os';
import { checkFront, listenAtAll, readPortal } from '../front-portals.ts';
import type { ServerOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import type { NbsHost } from './nbs-host.ts';
import type { NbsOptions, NbsUser } from './nbs-options.ts';
import { VolumeService } from './nbs-service.ts';

/** Iterations of PBKDF2 for a password that is given as such. */
const ITERATIONS = 600_000;
const SALT_BYTES = 16;
const BASE64 = '[A-Za-z0-9+/=]';
/** As PostgreSQL stores it; the keys have 32 bytes. */
const VERIFIER = new RegExp(
  `^SCRAM-SHA-256\\$(?<iterations>\\d{4,8}):(?<salt>${BASE64}+)\\$(?<stored>${BASE64}{44}):(?<server>${BASE64}{44})$`,
);

/** NBS of a server that runs. */
export class NbsFront {
  /** Where it listens: `host:port` or `unix:PATH`. */
  readonly portals: readonly string[];
  readonly #server: NbsServer;

  private constructor(server: NbsServer, portals: readonly string[]) {
    this.#server = server;
    this.portals = portals;
  }

  /** Listens. Throws a {@link ServerError}; nothing is left open then. */
  static async open(options: NbsOptions, host: NbsHost): Promise<NbsFront> {
    const { users = [] } = options;
    const verifiers = new Map<string, ScramVerifier>();
    for (const user of users) verifiers.set(user.name, await verifierOf(user));
    const server = new NbsServer({
      service: new VolumeService(host, options),
      serverName: `lunbox ${hostname()}`,
      authentication: {
        anonymous: users.length === 0,
        ...(users.length === 0 ? {} : { verifierOf: (user) => verifiers.get(user) }),
      },
    });
    const portals = await listenAtAll('NBS', server, options.portals);
    return new NbsFront(server, portals);
  }

  /** Sessions, those that wait for their client included. */
  get sessionCount(): number {
    return this.#server.sessionCount;
  }

  /**
   * Does `work` while what uses a disk is suspended, as far as clients look after that; it hears the level that a
   * snapshot has then. Answers what came of it, and whether all was suspended to its end.
   *
   * Throws a {@link ServerError} `SERVER_QUIESCE_FAILED` when something is not suspended in time; `work` is not begun.
   */
  async quiesced<T>(
    uuid: string,
    readyMs: number,
    work: (level: string) => Promise<T>,
  ): Promise<QuiescedResult<T>> {
    try {
      return await this.#server.quiesced([uuid], readyMs, work);
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
  for (const { name, password, verifier } of users) {
    if ((password === undefined) === (verifier === undefined) || (verifier && !VERIFIER.test(verifier)))
      throw new ServerError(
        'SERVER_BAD_OPTIONS',
        `NBS user ${name} needs a password or a SCRAM-SHA-256 verifier`,
      );
  }
}

async function verifierOf({ password, verifier = '' }: NbsUser): Promise<ScramVerifier> {
  if (password !== undefined) {
    const salt = nodeSaslCrypto.random(SALT_BYTES);
    return await makeVerifier(nodeSaslCrypto, password, { salt, iterations: ITERATIONS });
  }
  const { iterations = '', salt = '', stored = '', server = '' } = VERIFIER.exec(verifier)?.groups ?? {};
  const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'));
  return {
    iterations: Number(iterations),
    salt: bytes(salt),
    storedKey: bytes(stored),
    serverKey: bytes(server),
  };
}
