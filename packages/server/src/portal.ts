import { hostname } from 'node:os';
import { ServerError } from './server-error.ts';

/** The port that iSCSI targets listen on (RFC 7143 §13). */
export const ISCSI_PORT = 3260;

/** An address that a server listens on. */
export interface Portal {
  /** Host name, IPv4 address, or IPv6 address without brackets. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
}

const BRACKETED = /^\[(?<host>[0-9A-Fa-f:.%\w]+)\](?::(?<port>\d{1,5}))?$/;
const PLAIN = /^(?<host>[^\s:[\]]+)(?::(?<port>\d{1,5}))?$/;

/**
 * Reads `host:port`, `[ipv6]:port`, or a host alone for port 3260.
 * Throws a {@link ServerError} `SERVER_BAD_PORTAL`.
 */
export function parsePortal(text: string): Portal {
  const groups = (BRACKETED.exec(text) ?? PLAIN.exec(text))?.groups;
  const host = groups?.['host'];
  const port = Number(groups?.['port'] ?? ISCSI_PORT);
  if (host !== undefined && port <= 0xffff) return { host, port };
  const message = `"${text}" is not a portal; write HOST:PORT, such as 127.0.0.1:3260 or [::1]:3260`;
  throw new ServerError('SERVER_BAD_PORTAL', message, { portal: text });
}

/** Writes `host:port`, with brackets round an IPv6 address. */
export function formatPortal({ host, port }: Portal): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True when only programs of this machine reach the portal. */
export function isLoopback({ host }: Portal): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1|::ffff:127(\.\d{1,3}){3})$/i.test(host);
}

/** A portal as others can write it: one that listens at every address of the machine goes by its name. */
export function reachablePortal({ host, port }: Portal): Portal {
  return { host: host === '0.0.0.0' || host === '::' ? hostname() : host, port };
}

/** A portal as initiators are told of it. */
export function toldPortal(
  portal: Portal & { readonly advertise?: { readonly host: string; readonly port?: number } },
): Portal {
  const { host, port = portal.port } = portal.advertise ?? reachablePortal(portal);
  return { host, port };
}
