import type { IscsiServer, PortalOptions } from '@lunbox/iscsi-target';
import type { CopyDomain } from '@lunbox/scsi';
import { closeDisks } from './disks.ts';
import type { NbdFront } from './nbd/nbd-front.ts';
import type { NbsFront } from './nbs/nbs-front.ts';
import type { OpenTarget } from './open-target.ts';
import { formatPortal, toldPortal } from './portal.ts';

/** Everything that a running server holds. */
export interface Running {
  readonly iscsi: IscsiServer;
  readonly targets: OpenTarget[];
  readonly copyDomain: CopyDomain;
  readonly portals: readonly PortalOptions[];
  /** NBS, where it is spoken. */
  readonly nbs?: NbsFront;
  /** NBD, where it is spoken. */
  readonly nbd?: NbdFront;
}

/** At the first portal that everybody can speak to, if there is one. */
export function urlOf({ portals }: Running, iqn: string, lun: number): string {
  const portal = portals.find(({ tls }) => tls === undefined) ?? portals[0];
  if (portal === undefined) return '';
  return `iscsi://${formatPortal(toldPortal(portal))}/${iqn}/${lun}`;
}

/** Stops in order. */
export async function stopAll({ iscsi, targets, nbs, nbd }: Running, timeoutMs: number): Promise<void> {
  try {
    await nbs?.close();
    await nbd?.close();
    await iscsi.close({ timeoutMs });
  } finally {
    const drives = targets.flatMap((target) => target.drives);
    // Snapshots before the disks that they are read from.
    drives.sort((a, b) => Number(a.snapshot === undefined) - Number(b.snapshot === undefined));
    await closeDisks(drives);
  }
}
