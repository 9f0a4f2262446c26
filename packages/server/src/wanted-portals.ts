import type { PortalOptions } from '@lunbox/iscsi-target';
import type { ServedPortalOptions, ServerOptions } from './options.ts';
import { parsePortal } from './portal.ts';
import { ServerError } from './server-error.ts';

const DEFAULT_PORTAL = '127.0.0.1:3260';

/**
 * The portals that the options ask for, with the addresses that initiators are told of them.
 *
 * Throws a {@link ServerError} `SERVER_BAD_PORTAL` or `SERVER_BAD_OPTIONS`.
 */
export function wantedPortals({
  portals = [DEFAULT_PORTAL],
  advertise = [],
}: ServerOptions): PortalOptions[] {
  if (advertise.length > portals.length) {
    throw new ServerError('SERVER_BAD_OPTIONS', 'there are more advertised addresses than portals');
  }
  return portals.map((wanted, index) => {
    const {
      portal,
      tag,
      tls,
      advertise: own,
    }: ServedPortalOptions = typeof wanted === 'string' ? { portal: wanted } : wanted;
    const told = own ?? advertise[index];
    return {
      ...parsePortal(portal),
      ...(tag === undefined ? {} : { tag }),
      ...(told === undefined ? {} : { advertise: parsePortal(told) }),
      ...(tls === undefined ? {} : { tls }),
    };
  });
}
