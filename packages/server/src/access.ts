import { checkAccess, type AccessEntry, type PortalOptions } from '@lunbox/iscsi-target';
import type { ServedTargetOptions, ServerOptions } from './options.ts';
import { formatPortal, isLoopback } from './portal.ts';
import { ServerError } from './server-error.ts';
import { refusedAsOptions } from './target-refusal.ts';

const EVERYBODY: readonly AccessEntry[] = [{ initiator: '*' }];

/** The access list of a target. Consent to do without authentication opens a target that has none. */
export function accessOf(
  { access = [] }: Pick<ServedTargetOptions, 'access'>,
  { allowUnauthenticated = false }: ServerOptions,
): readonly AccessEntry[] {
  return access.length === 0 && allowUnauthenticated ? EVERYBODY : access;
}

/**
 * Checks who may come in: the entries make sense, and nobody gets in at a portal for others without a secret or a
 * client certificate unless that was said out loud.
 *
 * Throws a {@link ServerError} `SERVER_BAD_OPTIONS` or `SERVER_AUTHENTICATION_REQUIRED`.
 */
export function checkAccessOptions(options: ServerOptions, portals: readonly PortalOptions[]): void {
  const entries = [...options.targets.flatMap(({ access = [] }) => access), ...(options.discovery ?? [])];
  refusedAsOptions(() => checkAccess(entries));
  const open = portals.find((portal) => !isLoopback(portal) && portal.tls?.requestCert !== true);
  if (!open || options.allowUnauthenticated === true || options.targets.every(asksForSecret)) return;
  const portal = formatPortal(open);
  const message = `${portal} can be reached from other machines, and not everybody would have to log in with a secret`;
  throw new ServerError('SERVER_AUTHENTICATION_REQUIRED', message, { portal });
}

function asksForSecret({ access = [] }: ServedTargetOptions): boolean {
  return access.length > 0 && access.every(({ chap }) => chap !== undefined);
}
