import type { TlsOptions } from '@lunbox/iscsi-target';
import type { ServedPortalOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import { SourceFiles } from './source-files.ts';

/** Flags of `lunbox serve` that say where to listen. */
export interface PortalFlags {
  readonly portal?: readonly string[];
  readonly tlsPortal?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly nbsTls?: readonly string[];
  readonly nbdTls?: readonly string[];
}

/**
 * The portals that the flags ask for, those with TLS last; undefined without any.
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS`.
 */
export function portalsFromFlags(flags: PortalFlags): ServedPortalOptions[] | undefined {
  const { portal = [], tlsPortal = [] } = flags;
  const tls = tlsFromFlags(flags);
  const portals = [...portal.map(withTag), ...tlsPortal.map((text) => ({ ...withTag(text), ...tls }))];
  return portals.length === 0 ? undefined : portals;
}

/** `host:port,tag`, which is how RFC 7143 §13.8 writes the tag of a portal group. */
function withTag(text: string): ServedPortalOptions {
  const match = /^(?<portal>.*),(?<tag>\d+)$/.exec(text);
  if (!match?.groups) return { portal: text };
  return { portal: match.groups['portal'] ?? '', tag: Number(match.groups['tag']) };
}

function tlsFromFlags(flags: PortalFlags): { tls?: TlsOptions } {
  const { tlsPortal, nbsTls, nbdTls = nbsTls, tlsCert, tlsKey, tlsCa } = flags;
  if (tlsPortal !== undefined) return { tls: tlsKeys('--tls-portal', flags) };
  if (nbdTls === undefined && [tlsCert, tlsKey, tlsCa].some((file) => file !== undefined)) {
    throw bad('--tls-cert, --tls-key and --tls-ca need --tls-portal, --nbs-tls or --nbd-tls');
  }
  return {};
}

/** Reads the keys that a flag needs. Throws a {@link ServerError} `SERVER_BAD_OPTIONS`. */
export function tlsKeys(flag: string, { tlsCert, tlsKey, tlsCa }: PortalFlags): TlsOptions {
  if (tlsCert === undefined || tlsKey === undefined) {
    throw bad(`${flag} needs the files of --tls-cert and --tls-key`);
  }
  const files = new SourceFiles();
  const cert = files.read(tlsCert, 'the certificate');
  const key = files.readPrivate(tlsKey, 'the key');
  const clients = tlsCa === undefined ? {} : { ca: files.read(tlsCa, 'the authority'), requestCert: true };
  return { cert, key, ...clients };
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
