import { MemoryDevice } from '@lunbox/block';
import { IscsiServer, type IscsiServerOptions } from '@lunbox/iscsi-target';
import { LogicalUnit, ScsiTarget, type LogicalUnitOptions } from '@lunbox/scsi';
import type { TargetOptions, TargetUnderTest } from './target-under-test.ts';

/** Name of the target that {@link memoryServer} serves. */
export const memoryTargetName = 'iqn.2026-11.io.lunbox:memory';

/** A target in this process with one disk in memory, for tests of what only its embedder can do. */
export function memoryServer(
  options: Omit<IscsiServerOptions, 'targets'> = {},
  unit: Partial<LogicalUnitOptions> = {},
): IscsiServer {
  const scsi = new ScsiTarget();
  const device = unit.device ?? new MemoryDevice({ size: 16 << 20 });
  scsi.addUnit(0, new LogicalUnit({ identity: new Uint8Array(16).fill(7), ...unit, device }));
  return new IscsiServer({ targets: [{ name: memoryTargetName, scsi }], ...options });
}

/** The same, listening at one portal or two. */
export async function serveInMemory(
  unit: Partial<LogicalUnitOptions>,
  { twoPaths = false }: Pick<TargetOptions, 'twoPaths'> = {},
): Promise<Pick<TargetUnderTest, 'url' | 'otherUrl' | 'stop'>> {
  const server = memoryServer({}, unit);
  const listen = async (): Promise<string> => memoryUrl(await server.listen({ host: '127.0.0.1', port: 0 }));
  const url = await listen();
  const stop = async (): Promise<null> => {
    await server.close({ timeoutMs: 0 });
    return null;
  };
  return { url, ...(twoPaths ? { otherUrl: await listen() } : {}), stop };
}

/** `iscsi://…` of the disk at a portal. */
export function memoryUrl(portal: { readonly host: string; readonly port: number }): string {
  const host = portal.host.includes(':') ? `[${portal.host}]` : portal.host;
  return `iscsi://${host}:${portal.port}/${memoryTargetName}/0`;
}
