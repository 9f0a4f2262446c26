import { MemoryDevice } from '@lunbox/block';
import { IscsiServer, type IscsiServerOptions } from '@lunbox/iscsi-target';
import { LogicalUnit, ScsiTarget } from '@lunbox/scsi';

/** Name of the target that {@link memoryServer} serves. */
export const memoryTargetName = 'iqn.2026-11.io.lunbox:memory';

/** A target in this process with one disk in memory, for tests of what only its embedder can do. */
export function memoryServer(options: Omit<IscsiServerOptions, 'targets'> = {}): IscsiServer {
  const scsi = new ScsiTarget();
  const device = new MemoryDevice({ size: 16 << 20 });
  scsi.addUnit(0, new LogicalUnit({ device, identity: new Uint8Array(16).fill(7) }));
  return new IscsiServer({ targets: [{ name: memoryTargetName, scsi }], ...options });
}

/** `iscsi://…` of the disk at a portal. */
export function memoryUrl(portal: { readonly host: string; readonly port: number }): string {
  const host = portal.host.includes(':') ? `[${portal.host}]` : portal.host;
  return `iscsi://${host}:${portal.port}/${memoryTargetName}/0`;
}
