import { IscsiServer, type PortalOptions } from '@lunbox/iscsi-target';
import { portalError } from './portal-error.ts';

/** Finds out whether the portals are free, before any disk is touched. */
export async function probePortals(portals: readonly PortalOptions[]): Promise<void> {
  const probe = new IscsiServer({ targets: [] });
  try {
    await listen(probe, portals);
  } finally {
    await probe.close({ timeoutMs: 0 });
  }
}

/** Listens at every portal, or at none. */
export async function listen(
  iscsi: IscsiServer,
  portals: readonly PortalOptions[],
): Promise<PortalOptions[]> {
  const listening: PortalOptions[] = [];
  try {
    for (const portal of portals) listening.push({ ...portal, ...(await iscsi.listen(portal)) });
    return listening;
  } catch (error) {
    await iscsi.close({ timeoutMs: 0 });
    const failed = portals[listening.length];
    throw failed ? portalError(error, failed) : error;
  }
}
