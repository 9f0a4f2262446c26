import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestAuthority } from '../support/certificates.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const SIZE = 64 * MIB;
const tools = ['nbdinfo', 'nbdcopy', 'qemu-img', 'qemu-io', 'fio'];

interface MapEntry {
  readonly offset: number;
  readonly length: number;
  readonly type: number;
}

describe.skipIf(!requiresTools(...tools) || process.platform === 'win32')('NBD clients', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  let socket: string;
  let control: string;
  const uri = (name = '') => `nbd+unix:///${name}?socket=${socket}`;
  const io = (where: string, ...commands: string[]) =>
    runOrThrow('qemu-io', ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), where]);
  const serve = () =>
    startLunbox({
      directory: directory.path,
      sizeBytes: SIZE,
      serveFlags: ['--nbd', `unix:${socket}`, '--control', control],
    });

  beforeAll(async () => {
    directory = makeTempDirectory('nbd');
    socket = directory.file('nbd.sock');
    control = directory.file('control.sock');
    target = await serve();
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  it('nbdinfo lists the exports and what each can do', async () => {
    const { exports } = JSON.parse(await runOrThrow('nbdinfo', ['--list', '--json', uri()])) as {
      exports: Record<string, unknown>[];
    };
    expect(exports.map((each) => each['export-name'])).toEqual(['disk']);
    const text = await runOrThrow('nbdinfo', [uri()]);
    for (const line of [
      'protocol: newstyle-fixed without TLS, using structured packets',
      'base:allocation',
      'can_multi_conn: true',
      'can_fua: true',
      'can_zero: true',
      'can_trim: true',
      'block_size_minimum: 512',
      `export-size: ${SIZE}`,
    ])
      expect(text).toContain(line);
    expect((await run('nbdinfo', [uri('none')])).stderr).toContain('No such file');
  });

  it('what qemu-io does by NBD is there by iSCSI, and the other way round', async () => {
    await io(uri('disk'), 'write -P 0x11 1M 2M', 'write -z 2M 64k', 'discard 2560k 64k', 'flush');
    const seen = await io(target.url, 'read -P 0x11 1M 1M', 'read -P 0 2M 64k', 'read -P 0 2560k 64k');
    expect(seen).not.toContain('failed');
    await io(target.url, 'write -P 0x22 4M 1M');
    expect(await io(uri(), 'read -P 0x22 4M 1M', 'read -P 0x11 1M 1M')).not.toContain('failed');
  });

  it('nbdinfo maps what is allocated', async () => {
    const map = JSON.parse(await runOrThrow('nbdinfo', ['--map', '--json', uri()])) as MapEntry[];
    expect(map.reduce((sum, { length }) => sum + length, 0)).toBe(SIZE);
    const at = (offset: number) =>
      map.find((each) => each.offset <= offset && offset < each.offset + each.length)?.type;
    expect([at(MIB), at(32 * MIB)]).toEqual([0, 3]);
  });

  it('qemu-img maps the same', async () => {
    await io(uri(), 'write -P 1 20M 1M', 'flush');
    const told = await runOrThrow('qemu-img', ['map', '--output=json', '-f', 'raw', uri()]);
    const map = JSON.parse(told) as { start: number; length: number; zero: boolean; data: boolean }[];
    expect(map.reduce((sum, { length }) => sum + length, 0)).toBe(SIZE);
    const at = (offset: number) =>
      map.find(({ start, length }) => start <= offset && offset < start + length);
    expect(at(20 * MIB)).toMatchObject({ zero: false, data: true });
    expect(at(50 * MIB)).toMatchObject({ zero: true, data: false });
    await io(uri(), 'discard 20M 1M');
  });

  it('nbdcopy and qemu-img take a whole disk in and out', async () => {
    const image = directory.file('image.raw');
    writeFileSync(image, Buffer.alloc(SIZE, 0x33));
    await runOrThrow('nbdcopy', [image, uri()]);
    const out = directory.file('out.raw');
    await runOrThrow('nbdcopy', [uri(), out]);
    expect(readFileSync(out).equals(readFileSync(image))).toBe(true);
    const qcow2 = directory.file('disk.qcow2');
    await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', uri(), qcow2]);
    expect(await runOrThrow('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', uri(), qcow2])).toContain(
      'identical',
    );
    expect(await runOrThrow('qemu-img', ['info', '-f', 'raw', uri()])).toContain('virtual size: 64 MiB');
  });

  it('fio reads and verifies what it has written', async () => {
    const job = [
      '--name=job',
      '--ioengine=nbd',
      `--uri=${uri()}`,
      '--rw=randwrite',
      '--bs=4k',
      '--iodepth=16',
      '--size=8M',
      '--verify=crc32c',
    ];
    expect(await runOrThrow('fio', job)).toContain('err= 0');
  });

  it('a snapshot is an export, equal to what is published of it, and tells what has changed', async () => {
    await io(uri(), 'write -P 0x44 0 8M');
    for (const name of ['one', 'two']) {
      expect((await lunbox(['snap', 'create', '0', '--name', name, '--control', control])).status).toBe(0);
      await io(uri(), `write -P 0x55 ${name === 'one' ? '16M' : '24M'} 1M`);
    }
    const text = await runOrThrow('nbdinfo', ['--list', uri()]);
    for (const name of ['export="disk":', 'export="disk@one":', 'export="disk@two":'])
      expect(text).toContain(name);
    expect((await run('qemu-io', ['-f', 'raw', '-c', 'write 0 512', uri('disk@one')])).status).not.toBe(0);
    const converted = directory.file('one.raw');
    await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', uri('disk@one'), converted]);
    mkdirSync(directory.file('published'));
    const published = await lunbox([
      'snap',
      'publish',
      '0',
      'one',
      '--to',
      directory.file('published'),
      '--control',
      control,
    ]);
    expect(published.status, published.stderr).toBe(0);
    const container = readFileSync(directory.file('published/disk-one.lun'));
    expect(container.subarray(container.length - SIZE).equals(readFileSync(converted))).toBe(true);
    const changed = async (name: string, since: string): Promise<[number, number][]> => {
      const args = [`--map=lunbox:changed:${since}`, '--json', uri(name)];
      const map = JSON.parse(await runOrThrow('nbdinfo', args)) as MapEntry[];
      return map.filter(({ type }) => type === 1).map(({ offset, length }) => [offset, length]);
    };
    expect(await changed('disk@two', 'one')).toEqual([[16 * MIB, MIB]]);
    expect(await changed('disk', 'one')).toEqual([
      [16 * MIB, MIB],
      [24 * MIB, MIB],
    ]);
    expect(await changed('disk', 'two')).toEqual([[24 * MIB, MIB]]);
  });
});

describe.skipIf(!requiresTools('nbdinfo', 'nbdcopy', 'openssl'))('NBD with TLS', () => {
  it('is required before anything is told; certificates say who may see a disk', async () => {
    const directory = makeTempDirectory('nbd-tls');
    const authority = await TestAuthority.create(directory);
    const own = await authority.issue('localhost', 'DNS:localhost,IP:127.0.0.1');
    const client = await authority.issue('alice', 'DNS:alice');
    const certificates = directory.file('certificates');
    mkdirSync(certificates);
    const files = {
      'ca-cert.pem': authority.certificate,
      'client-cert.pem': client.cert,
      'client-key.pem': client.key,
    };
    for (const [name, text] of Object.entries(files))
      writeFileSync(`${certificates}/${name}`, text, { mode: 0o600 });
    writeFileSync(directory.file('server.key'), own.key, { mode: 0o600 });
    writeFileSync(directory.file('server.pem'), own.cert);
    writeFileSync(directory.file('authority.pem'), authority.certificate);
    const target = await startLunbox({
      directory: directory.path,
      sizeBytes: SIZE,
      serveFlags: [
        ...['--nbd-tls', '127.0.0.1:0', '--tls-cert', directory.file('server.pem')],
        ...['--tls-key', directory.file('server.key'), '--tls-ca', directory.file('authority.pem')],
      ],
    });
    const port = /"nbdPortals":\["127\.0\.0\.1:(\d+)"/.exec(target.log())?.[1] ?? '';
    try {
      const text = await runOrThrow('nbdinfo', [
        `nbds://localhost:${port}/disk?tls-certificates=${certificates}`,
      ]);
      expect(text).toContain('newstyle-fixed with TLS');
      const plain = await run('nbdinfo', [`nbd://127.0.0.1:${port}/disk`]);
      expect([plain.status === 0, plain.stderr]).toEqual([false, expect.stringContaining('not supported')]);
      const foreign = await (await TestAuthority.create(directory)).issue('alice', 'DNS:alice');
      for (const shown of [{}, { 'client-cert.pem': foreign.cert, 'client-key.pem': foreign.key }]) {
        const none = directory.file(`certificates-${Object.keys(shown).length}`);
        mkdirSync(none);
        for (const [name, pem] of Object.entries({ 'ca-cert.pem': authority.certificate, ...shown }))
          writeFileSync(`${none}/${name}`, pem, { mode: 0o600 });
        const refused = await run('nbdinfo', [`nbds://localhost:${port}/disk?tls-certificates=${none}`]);
        expect([refused.status === 0, refused.stdout]).toEqual([false, '']);
      }
      const copy = directory.file('copy.raw');
      await runOrThrow('nbdcopy', [`nbds://localhost:${port}/disk?tls-certificates=${certificates}`, copy]);
      expect(readFileSync(copy).length).toBe(SIZE);
    } finally {
      await target.stop();
      directory.remove();
    }
  });
});
