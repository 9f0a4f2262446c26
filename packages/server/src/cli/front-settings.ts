import type { TlsOptions } from '@lunbox/iscsi-target';
import type { FrontConfig, NbdConfig, NbsConfig, TlsConfig } from '../config/schema.ts';
import type { FrontPortal } from '../front-portals.ts';
import type { NbdOptions } from '../nbd/nbd-front.ts';
import type { NbsOptions, NbsUser } from '../nbs/nbs-options.ts';
import { readPassword } from './nbs-flags.ts';
import { SourceFiles } from './source-files.ts';

/** Reads the keys of a portal. Throws a `ServerError` `SERVER_BAD_OPTIONS`. */
export function tlsFromConfig({ certificate, key, clientAuthority }: TlsConfig): TlsOptions {
  const files = new SourceFiles();
  return {
    cert: files.read(certificate, 'the certificate'),
    key: files.readPrivate(key, 'the key'),
    ...(clientAuthority === undefined
      ? {}
      : { ca: files.read(clientAuthority, 'the authority'), requestCert: true }),
  };
}

/** What a configuration asks of NBS. Throws a `ServerError` `SERVER_BAD_OPTIONS`. */
export function nbsFromConfig({ portals, users, directory, allowPlain }: NbsConfig): NbsOptions {
  return {
    portals: portals.map(frontPortal),
    ...(users === undefined ? {} : { users: users.map(userOf) }),
    ...(directory === undefined ? {} : { directory }),
    ...(allowPlain === undefined ? {} : { allowPlain }),
  };
}

/** What a configuration asks of NBD. Throws a `ServerError` `SERVER_BAD_OPTIONS`. */
export function nbdFromConfig({ portals, allowPlain }: NbdConfig): NbdOptions {
  return { portals: portals.map(frontPortal), ...(allowPlain === undefined ? {} : { allowPlain }) };
}

function frontPortal({ address = '', socket, tls }: FrontConfig): FrontPortal {
  const portal = socket === undefined ? address : `unix:${socket}`;
  return { portal, ...(tls === undefined ? {} : { tls: tlsFromConfig(tls) }) };
}

function userOf({
  user: name,
  passwordFile,
  verifier,
  mayCreate,
}: NonNullable<NbsConfig['users']>[number]): NbsUser {
  return {
    name,
    ...(mayCreate === undefined ? {} : { mayCreate }),
    ...(verifier === undefined ? {} : { verifier }),
    ...(passwordFile === undefined ? {} : { password: readPassword(new SourceFiles(), passwordFile, name) }),
  };
}
