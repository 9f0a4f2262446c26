import type { TlsOptions } from '@lunbox/iscsi-target';
import { isLoopback, parsePortal } from './portal.ts';
import { ServerError } from './server-error.ts';
import { clearSocketFile } from './socket-files.ts';

/** Where another protocol than iSCSI is spoken. */
export interface FrontPortal {
  /** `host:port`, where port 0 takes a free one, or `unix:PATH`. */
  readonly portal: string;
  /** Speaks TLS. */
  readonly tls?: TlsOptions;
}

/** An address or a path, as servers take it. */
export interface ListenAt {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly tls?: TlsOptions;
}

/** A portal that has been read. */
export interface ReadPortal {
  readonly portal: string;
  readonly listen: ListenAt;
  /** Only programs of this machine reach it. */
  readonly isLocal: boolean;
}

const UNIX = 'unix:';

/** Reads a portal. Throws a {@link ServerError} `SERVER_BAD_PORTAL`. */
export function readPortal(wanted: string | FrontPortal): ReadPortal {
  const { portal, tls }: FrontPortal = typeof wanted === 'string' ? { portal: wanted } : wanted;
  const secure = tls === undefined ? {} : { tls };
  if (portal.startsWith(UNIX))
    return { portal, listen: { path: portal.slice(UNIX.length), ...secure }, isLocal: true };
  const address = parsePortal(portal);
  return { portal, listen: { ...address, ...secure }, isLocal: isLoopback(address) };
}

/**
 * Listens at every portal, or at none, at a path in place of what a killed server left there; answers where. Throws a
 * {@link ServerError} `SERVER_PORTAL_UNAVAILABLE` and closes the server.
 */
export async function listenAtAll(
  protocol: string,
  server: { listen(at: ListenAt): Promise<string>; close(): Promise<void> },
  portals: readonly (string | FrontPortal)[],
): Promise<string[]> {
  const listening: string[] = [];
  for (const { portal, listen } of portals.map(readPortal)) {
    try {
      const at = await listenAlone(server, listen);
      listening.push(listen.path === undefined ? at : `${UNIX}${at}`);
    } catch (cause) {
      await server.close();
      const message = `cannot listen at ${portal} for ${protocol}: ${(cause as Error).message}`;
      throw new ServerError('SERVER_PORTAL_UNAVAILABLE', message, { portal, cause });
    }
  }
  return listening;
}

async function listenAlone(server: { listen(at: ListenAt): Promise<string> }, at: ListenAt): Promise<string> {
  try {
    return await server.listen(at);
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    if (!isTaken || at.path === undefined || (await clearSocketFile(at.path)) !== 'cleared') throw error;
    return await server.listen(at);
  }
}

/**
 * Checks that a portal lets in no more than was said out loud. Throws a {@link ServerError}
 * `SERVER_AUTHENTICATION_REQUIRED`.
 *
 * @param proven everybody has to prove who they are
 * @param guarded somebody has to at the iSCSI portals
 */
export function checkFront(
  protocol: string,
  { portal, listen, isLocal }: ReadPortal,
  {
    proven,
    guarded,
    allowPlain,
    allowAll,
  }: Record<'proven' | 'guarded' | 'allowPlain' | 'allowAll', boolean>,
): void {
  if (!isLocal && listen.tls === undefined && !allowPlain) {
    const remedy = `give it a certificate, or allow ${protocol} without TLS`;
    const message = `${portal} can be reached from other machines: ${remedy}`;
    throw new ServerError('SERVER_AUTHENTICATION_REQUIRED', message, { portal });
  }
  if (proven || allowAll || (isLocal && !guarded)) return;
  const message = `${protocol} at ${portal} would let everybody in, who need not prove who they are`;
  throw new ServerError('SERVER_AUTHENTICATION_REQUIRED', message, { portal });
}
