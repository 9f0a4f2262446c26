import createDebug from 'debug';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { TargetError } from '../errors.ts';
import { certificateNames } from './certificate-names.ts';
import type { PortalOptions, TlsOptions } from './portal-options.ts';

const log = createDebug('lunbox:iscsi-target:listener');

const BACKLOG = 128;
const MIN_TLS_VERSION = 'TLSv1.2';

/** A socket that is ready for iSCSI. */
export interface AcceptedSocket {
  readonly socket: Socket;
  readonly secure: boolean;
  /** iSCSI names that the client certificate speaks for; undefined when none was asked for. */
  readonly peerNames: readonly string[] | undefined;
}

/** Bounds of what a listener holds before the engine sees it. */
export interface ListenerLimits {
  readonly maxConnections: number;
  /** A TLS handshake that is not through after this time is cut. */
  readonly handshakeTimeoutMs: number;
}

/**
 * Listens at a portal and hands over every socket that is ready for iSCSI.
 *
 * @throws TargetError `PORTAL_IN_USE`, `PORTAL_UNAVAILABLE` or `TLS_INVALID`.
 */
export async function openListener(
  portal: PortalOptions,
  limits: ListenerLimits,
  accept: (accepted: AcceptedSocket) => void,
): Promise<Server> {
  const listener = portal.tls === undefined ? tcpListener(accept) : tlsListener(portal.tls, limits, accept);
  // The engine refuses too many connections; handshakes, of which it knows nothing, are bounded here.
  if (portal.tls !== undefined) listener.maxConnections = limits.maxConnections;
  await listening(listener, portal);
  return listener;
}

function tcpListener(accept: (accepted: AcceptedSocket) => void): Server {
  return createServer({ noDelay: true, pauseOnConnect: true }, (socket) =>
    accept({ socket, secure: false, peerNames: undefined }),
  );
}

function tlsListener(
  tls: TlsOptions,
  limits: ListenerLimits,
  accept: (accepted: AcceptedSocket) => void,
): Server {
  const listener = createSecureServer(tls, limits.handshakeTimeoutMs);
  listener.on('secureConnection', (socket) => {
    accept({ socket, secure: true, peerNames: tls.requestCert === true ? peerNames(socket) : undefined });
  });
  listener.on('tlsClientError', (error, socket) => {
    log('%s: %s', socket.remoteAddress, error.message);
    socket.destroy();
  });
  return listener;
}

function createSecureServer(tls: TlsOptions, handshakeTimeoutMs: number): TlsServer {
  const requestCert = tls.requestCert === true;
  try {
    return createTlsServer({
      key: tls.key,
      cert: tls.cert,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      requestCert,
      rejectUnauthorized: requestCert,
      minVersion: MIN_TLS_VERSION,
      handshakeTimeout: handshakeTimeoutMs,
      noDelay: true,
    });
  } catch (cause) {
    throw new TargetError({ code: 'TLS_INVALID', reason: (cause as Error).message }, { cause });
  }
}

function peerNames(socket: TLSSocket): string[] {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? [] : certificateNames(certificate);
}

function listening(listener: Server, { host, port }: PortalOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(portalError(error, host, port));
    listener.once('error', failed);
    listener.listen({ host, port, backlog: BACKLOG }, () => {
      listener.off('error', failed);
      resolve();
    });
  });
}

function portalError(cause: NodeJS.ErrnoException, host: string, port: number): TargetError {
  if (cause.code === 'EADDRINUSE') return new TargetError({ code: 'PORTAL_IN_USE', host, port }, { cause });
  const reason = cause.code ?? cause.message;
  return new TargetError({ code: 'PORTAL_UNAVAILABLE', host, port, reason }, { cause });
}
