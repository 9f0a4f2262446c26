import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDaemon, type Daemon } from '../support/processes.ts';
import { lunbox, lunboxArguments, lunboxInfo } from '../support/start-lunbox.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const packageDirectory = fileURLToPath(new URL('../../', import.meta.url));

let directory: TempDirectory;
let daemon: Daemon | undefined;

beforeEach(() => {
  directory = makeTempDirectory('serve');
});

afterEach(async () => {
  await daemon?.end('SIGKILL');
  daemon = undefined;
  directory.remove();
});

async function newDisk(name: string): Promise<string> {
  const path = directory.file(name);
  expect((await lunbox(['create', path, '--size', '1M', '--quiet'])).status).toBe(0);
  return path;
}

/** Runs `node` with the flags that make it take the sources, until a line says that it is ready. */
function start(args: readonly string[], isReadyLine: (line: string) => boolean): Promise<Daemon> {
  return startDaemon(process.execPath, args, { cwd: packageDirectory, isReadyLine });
}

async function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url.replace('iscsi:', 'http:'));
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

describe('lunbox serve', () => {
  it('serves the disks of a directory in the order of their names', async () => {
    const paths = [await newDisk('a.lun'), await newDisk('b.lun')];
    const args = ['serve', directory.path, '--portal', '127.0.0.1:0', '--json'];
    daemon = await start([...lunboxArguments(), ...args], (line) => line.startsWith('{'));
    const ready = JSON.parse(daemon.log()) as { luns: { lun: number; path: string }[] };
    expect(ready.luns.map(({ lun, path }) => [lun, path])).toEqual(paths.map((path, lun) => [lun, path]));
    expect(await daemon.end('SIGTERM', 15_000)).toBe(0);
    daemon = undefined;
  });

  it('serves what a configuration file says', async () => {
    const path = await newDisk('a.lun');
    const config = directory.file('lunbox.yaml');
    writeFileSync(config, 'portals: [{address: "127.0.0.1:0"}]\nluns: [{file: a.lun, lun: 7}]\n');
    const args = ['serve', '--config', config, '--json'];
    daemon = await start([...lunboxArguments(), ...args], (line) => line.startsWith('{'));
    const ready = JSON.parse(daemon.log()) as { luns: { lun: number; path: string; url: string }[] };
    expect(ready.luns).toMatchObject([{ lun: 7, path }]);
    expect(await accepts(ready.luns[0]?.url ?? '')).toBe(true);
    expect(await daemon.end('SIGTERM', 15_000)).toBe(0);
    daemon = undefined;
  });

  it('prints one JSON line when initiators can log in, and nothing else until the end', async () => {
    const paths = [await newDisk('a.lun'), await newDisk('b.lun')];
    const args = [
      'serve',
      ...paths,
      '--portal',
      '127.0.0.1:0',
      '--iqn',
      'iqn.2026-11.com.example:x',
      '--json',
    ];
    daemon = await start([...lunboxArguments(), ...args], (line) => line.startsWith('{'));
    const ready = JSON.parse(daemon.log()) as { portal: string; luns: { url: string }[] };
    expect(ready).toMatchObject({ event: 'ready', iqn: 'iqn.2026-11.com.example:x' });
    expect(ready.luns).toMatchObject(
      paths.map((path, lun) => ({
        lun,
        path,
        url: `iscsi://${ready.portal}/iqn.2026-11.com.example:x/${lun}`,
        sizeBytes: 2 ** 20,
        blockSize: 512,
      })),
    );
    expect(await accepts(ready.luns[0]?.url ?? '')).toBe(true);
    expect(await daemon.end('SIGTERM', 15_000)).toBe(0);
    expect(daemon.log().trimEnd().split('\n')).toHaveLength(1);
    expect(await lunboxInfo(paths[0] ?? '')).toMatchObject({ continuity: 'clean' });
    expect(existsSync(`${paths[0] ?? ''}.lock`)).toBe(false);
  });

  it('prints what to paste for each initiator, and stops on Ctrl-C in order', async () => {
    const path = await newDisk('disk.lun');
    const args = ['serve', path, '--portal', '127.0.0.1:0'];
    daemon = await start([...lunboxArguments(), ...args], (line) => line.startsWith('Ctrl-C'));
    const port = /Portal +127\.0\.0\.1:(\d+)/.exec(daemon.log())?.[1] ?? '';
    const iqn = /Target +(\S+)/.exec(daemon.log())?.[1] ?? '';
    for (const command of [
      `sudo iscsiadm -m discovery -t sendtargets -p 127.0.0.1:${port}`,
      `sudo iscsiadm -m node -T ${iqn} -p 127.0.0.1:${port} --login`,
      `qemu-img info iscsi://127.0.0.1:${port}/${iqn}/0`,
      `iscsi-ls -s iscsi://127.0.0.1:${port}`,
      `New-IscsiTargetPortal -TargetPortalAddress 127.0.0.1 -TargetPortalPortNumber ${port}`,
      `Connect-IscsiTarget -NodeAddress ${iqn}`,
    ]) {
      expect(daemon.log()).toContain(command);
    }
    expect(await daemon.end('SIGINT', 15_000)).toBe(0);
    expect(daemon.log()).toMatch(/Stopping:.*\nStopped\.\n$/);
  });

  it('ends at once on a second signal, with a status of its own', async () => {
    const path = await newDisk('disk.lun');
    const args = [...lunboxArguments(), 'serve', path, '--portal', '127.0.0.1:0', '--json'];
    daemon = await start(args, (line) => line.startsWith('{'));
    // Two different ones: the kernel merges equal signals that wait.
    process.kill(daemon.pid, 'SIGINT');
    expect(await daemon.end('SIGTERM')).toBe(130);
  });

  it('tells of a disk that was killed, and serves it', async () => {
    const path = await newDisk('disk.lun');
    const args = [...lunboxArguments(), 'serve', path, '--portal', '127.0.0.1:0', '--json'];
    daemon = await start(args, (line) => line.startsWith('{'));
    await daemon.end('SIGKILL');
    daemon = await start(args, (line) => line.startsWith('{'));
    expect(await daemon.end('SIGTERM', 15_000)).toBe(0);
    expect(daemon.log()).toMatch(/lunbox: warning: .*disk\.lun was not closed in order; every flushed write/);
  });
});

describe('the example', () => {
  it.each(['serve-file.ts', 'serve-memory.ts'])('%s serves a disk until it is told to stop', async (name) => {
    const path = await newDisk('disk.lun');
    const flags = ['--import', 'tsx', '--conditions=@lunbox/source'];
    daemon = await start([...flags, `examples/${name}`, path], (line) => line.startsWith('iscsi://'));
    expect(await accepts(daemon.log().trim())).toBe(true);
    expect(await daemon.end('SIGTERM', 15_000)).toBe(0);
  });
});
