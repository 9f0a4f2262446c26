import { MemoryDevice } from '@lunbox/block';
import { IscsiServer } from '@lunbox/iscsi-target';
import {
  LogicalUnit,
  ManagementService,
  protectionAreaBytes,
  ProtectedDevice,
  ScsiTarget,
} from '@lunbox/scsi';
import { writeFileSync } from 'node:fs';
import { lunbox, startLunbox } from '../start-lunbox.ts';
import { makeTempDirectory } from '../temp-directory.ts';
import { SgBridge } from './sg-bridge.ts';

/** The kinds of unit that foreign decoders read. */
export const UNIT_KINDS = [
  'thin disk, 512e',
  'disk, 4Kn',
  'removable disk',
  'CD-ROM',
  'protected disk',
] as const;
export type UnitName = (typeof UNIT_KINDS)[number];

const SIZE_BYTES = 64 << 20;
const PROTECTED_NAME = 'iqn.2026-11.io.lunbox:protected';

/** A bridge to a served unit of every kind. */
export interface ServedUnits {
  readonly bridges: ReadonlyMap<UnitName, SgBridge>;
  /** A name in a directory of their own. */
  readonly file: (name: string) => string;
  close(): Promise<void>;
}

/**
 * Serves a unit of each kind: all but the last from files, by `lunbox serve` with two portal groups; the one with
 * protection information, which files do not have, from memory.
 */
export async function servedUnits(): Promise<ServedUnits> {
  const directory = makeTempDirectory('sg3-fields');
  const [large, removable, disc] = ['4kn.lun', 'removable.lun', 'disc.iso'].map((name) =>
    directory.file(name),
  );
  await lunbox(['create', large!, '--size', String(SIZE_BYTES), '--block-size', '4096']);
  await lunbox(['create', removable!, '--size', String(SIZE_BYTES)]);
  writeFileSync(disc!, new Uint8Array(3 << 20));
  const serveFlags = [large!, removable!, '--cdrom', disc!, '--removable', '2', '--portal', '127.0.0.1:0,2'];
  const target = await startLunbox({ directory: directory.path, sizeBytes: SIZE_BYTES, serveFlags });
  const memory = await protectedServer();
  const library = await SgBridge.compile(directory.path);
  const urls = [0, 1, 2, 3].map((lun) => target.url.replace(/\d+$/, String(lun))).concat(memory.url);
  const bridges = new Map<UnitName, SgBridge>();
  for (const [index, url] of urls.entries()) {
    bridges.set(UNIT_KINDS[index]!, await SgBridge.open(url, directory.file(`sg-${index}`), library));
  }
  const close = async (): Promise<void> => {
    for (const bridge of bridges.values()) await bridge.close();
    await memory.server.close({ timeoutMs: 0 });
    await target.stop();
    directory.remove();
  };
  return { bridges, file: directory.file, close };
}

/** A disk in memory with protection information, and with an address for its management. */
async function protectedServer(): Promise<{ server: IscsiServer; url: string }> {
  const data = new MemoryDevice({ size: 16 << 20 });
  const area = new MemoryDevice({ size: protectionAreaBytes(data.size, data.blockSize) });
  const identity = new Uint8Array(16).fill(9);
  const device = await ProtectedDevice.create({ data, area, identity }, 1);
  const scsi = new ScsiTarget();
  const managementAddresses = [
    { service: ManagementService.STORAGE_CONFIGURATION, url: 'https://192.0.2.7/disks' },
  ];
  scsi.addUnit(0, new LogicalUnit({ device, identity, managementAddresses }));
  const server = new IscsiServer({ targets: [{ name: PROTECTED_NAME, scsi }] });
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { server, url: `iscsi://${host}:${port}/${PROTECTED_NAME}/0` };
}
