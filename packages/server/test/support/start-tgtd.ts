import { closeSync, existsSync, openSync, statSync, truncateSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { run, runOrThrow, startDaemon } from './processes.ts';
import { defaultSizeBytes, type TargetOptions, type TargetUnderTest } from './target-under-test.ts';

const iqn = 'iqn.2026-01.example.reference:disk';
const host = '127.0.0.1';
const lun = 1;

/** Starts the packaged `tgtd` on a thin raw file, with a management socket of its own. */
export async function startTgtd(options: TargetOptions): Promise<TargetUnderTest> {
  const filePath = join(options.directory, options.fileName ?? 'reference.img');
  if (!existsSync(filePath)) {
    closeSync(openSync(filePath, 'w'));
    truncateSync(filePath, options.sizeBytes ?? defaultSizeBytes);
  }
  const port = options.port !== undefined && options.port > 0 ? options.port : await freePort();
  const portal = `${host}:${port}`;
  // The management channel is a UNIX socket with a 15-bit number; deriving it keeps instances apart.
  const control = String(port & 0x7fff);
  const daemon = await startDaemon('tgtd', ['-f', '-C', control, '--iscsi', `portal=${portal}`], {
    probe: async () =>
      (await run('tgtadm', ['-C', control, '--op', 'show', '--mode', 'system'])).status === 0,
  });
  const otherPortal = options.twoPaths === true ? `${host}:${await freePort()}` : undefined;
  try {
    await configure(control, filePath, options);
    if (otherPortal !== undefined) await addPortal(control, otherPortal);
  } catch (error) {
    await daemon.end('SIGKILL');
    throw error;
  }
  // It ignores SIGTERM while it has targets, so both ways to stop are the hard one.
  const kill = async (): Promise<null> => {
    await daemon.end('SIGKILL');
    return null;
  };
  return {
    kind: 'tgtd',
    pid: daemon.pid,
    host,
    port,
    portal,
    iqn,
    lun,
    url: `iscsi://${portal}/${iqn}/${lun}`,
    ...(otherPortal === undefined ? {} : { otherUrl: `iscsi://${otherPortal}/${iqn}/${lun}` }),
    filePath,
    dataOffset: 0,
    sizeBytes: statSync(filePath).size,
    running: daemon.running,
    log: daemon.log,
    stop: kill,
    kill9: async () => void (await kill()),
  };
}

async function configure(
  control: string,
  filePath: string,
  { digests = false, chap, removable = false, writeProtected = false }: TargetOptions,
): Promise<void> {
  const admin = async (...args: string[]): Promise<void> => {
    await runOrThrow('tgtadm', ['-C', control, '--lld', 'iscsi', ...args]);
  };
  const unit = ['--mode', 'logicalunit', '--tid', '1', '--lun', String(lun)];
  await admin('--op', 'new', '--mode', 'target', '--tid', '1', '-T', iqn);
  await admin('--op', 'new', ...unit, '-b', filePath);
  await admin('--op', 'update', ...unit, '--params', 'thin_provisioning=1');
  if (removable) await admin('--op', 'update', ...unit, '--params', 'removable=1');
  if (writeProtected) await admin('--op', 'update', ...unit, '--params', 'readonly=1');
  for (const name of digests ? ['HeaderDigest', 'DataDigest'] : []) {
    await admin('--op', 'update', '--mode', 'target', '--tid', '1', '--name', name, '--value', 'CRC32C,None');
  }
  if (chap) {
    await admin('--op', 'new', '--mode', 'account', '--user', chap.user, '--password', chap.secret);
    await admin('--op', 'bind', '--mode', 'account', '--tid', '1', '--user', chap.user);
  }
  await admin('--op', 'bind', '--mode', 'target', '--tid', '1', '-I', 'ALL');
}

async function addPortal(control: string, portal: string): Promise<void> {
  const about = ['--op', 'new', '--mode', 'portal', '--param', `portal=${portal}`];
  await runOrThrow('tgtadm', ['-C', control, '--lld', 'iscsi', ...about]);
}

/** A TCP port of loopback that was free a moment ago, for programs that cannot pick one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
