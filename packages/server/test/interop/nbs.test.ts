import { connectNbs, NbsDisk, NbsServer, makeVerifier, nodeSaslCrypto, type NbsClient } from '@lunbox/nbs';
import { MemoryDevice } from '@lunbox/block';
import { createHash } from 'node:crypto';
import { connect } from 'node:tls';
import { mkdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { TestAuthority } from '../support/certificates.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const bytes = (length: number, seed: number): Buffer =>
  createHash('shake256', { outputLength: length }).update(String(seed)).digest();

describe.skipIf(process.platform === 'win32')('a served disk by NBS', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  let path: string;
  let client: NbsClient;

  const serve = (): Promise<TargetUnderTest> =>
    startLunbox({ directory: directory.path, sizeBytes: 64 * MIB, serveFlags: ['--nbs', `unix:${path}`] });

  beforeAll(async () => {
    directory = makeTempDirectory('nbs');
    path = directory.file('nbs.sock');
    target = await serve();
    client = await connectNbs({ portals: [{ path }], reconnectMs: 50 });
  });

  afterAll(async () => {
    await client.close();
    await target.stop();
    directory.remove();
  });

  it.skipIf(!requiresTools('qemu-io'))(
    'what QEMU writes by iSCSI is read by NBS, and the other way round',
    async () => {
      const disk = await NbsDisk.open(client, { name: 'disk' });
      const io = (command: string) => runOrThrow('qemu-io', ['-f', 'raw', '-c', command, target.url]);
      await io('write -P 0x5a 1M 1M');
      const found = Buffer.alloc(MIB);
      await disk.read([found], MIB);
      expect(found.equals(Buffer.alloc(MIB, 0x5a))).toBe(true);
      await disk.write([Buffer.alloc(MIB, 0xa5)], 2 * MIB);
      expect(await io('read -P 0xa5 2M 1M')).not.toContain('verification failed');
      await disk.close();
    },
  );

  it('survives kill -9 of the server: what was flushed is in the file, what was not is written once more', async () => {
    const disk = await NbsDisk.open(client, { name: 'disk' });
    for (let round = 0; round < 4; round++) {
      const work: Promise<void>[] = [];
      for (let index = 0; index < 200; index++) {
        const data = bytes(16_384, round * 1000 + index);
        work.push(Promise.resolve(disk.write([data], 8 * MIB + index * 16_384)));
        if (index % 50 === 49) work.push(Promise.resolve(disk.flush()));
        if (index === 120) {
          await target.kill9();
          target = await serve();
        }
      }
      await Promise.all(work);
      await disk.flush();
      const file = readFileSync(target.filePath);
      for (let index = 0; index < 200; index++) {
        const at = target.dataOffset + 8 * MIB + index * 16_384;
        const isThere = file.subarray(at, at + 16_384).equals(bytes(16_384, round * 1000 + index));
        expect(isThere, `round ${round}, write ${index}`).toBe(true);
      }
    }
    await disk.close();
  });

  it('takes a snapshot that the command line knows, and reads of it what is published of it', async () => {
    const disk = await NbsDisk.open(client, { name: 'disk' });
    await disk.write([bytes(MIB, 7)], 0);
    await disk.request('SNAPSHOT_CREATE', { fields: { name: 'seven' } });
    await disk.write([bytes(MIB, 8)], 0);
    await disk.close();
    const view = await NbsDisk.open(client, { name: 'disk', snapshot: 'seven' });
    const whole = Buffer.alloc(64 * MIB);
    await view.read([whole], 0);
    await view.close();
    await target.stop();
    mkdirSync(directory.file('out'));
    const published = await lunbox([
      'snap',
      'publish',
      target.filePath,
      'seven',
      '--to',
      directory.file('out'),
    ]);
    expect(published.status, published.stderr).toBe(0);
    const { stdout } = await run('find', [directory.file('out'), '-name', '*.lun']);
    const container = readFileSync(stdout.trim());
    expect(container.subarray(container.length - whole.length).equals(whole)).toBe(true);
    target = await serve();
  });
});

describe.skipIf(!requiresTools('openssl'))('NBS with TLS', () => {
  let directory: TempDirectory;
  let authority: TestAuthority;
  beforeAll(async () => {
    directory = makeTempDirectory('nbs-tls');
    authority = await TestAuthority.create(directory);
  });
  afterAll(() => {
    directory.remove();
  });

  const service = () => {
    const device = new MemoryDevice({ size: MIB });
    const permissions = { write: true, snapshot: true, replicate: true, admin: true };
    const described = {
      name: 'disk',
      uuid: '1'.repeat(32),
      sizeBytes: MIB,
      blockSize: 512,
      readOnly: false,
      permissions,
    };
    return { list: () => [described], open: () => ({ device, describe: () => described }) };
  };

  it('binds passwords to the connection (SCRAM-SHA-256-PLUS), and takes certificates for names', async () => {
    const verifier = await makeVerifier(nodeSaslCrypto, 'pencil', { salt: bytes(16, 1), iterations: 4096 });
    const server = new NbsServer({
      service: service(),
      authentication: { anonymous: false, verifierOf: (user) => (user === 'alice' ? verifier : undefined) },
    });
    onTestFinished(() => server.close());
    const own = await authority.issue('localhost', 'DNS:localhost');
    const at = await server.listen({ host: '127.0.0.1', port: 0, tls: own });
    const mutual = await server.listen({
      host: '127.0.0.1',
      port: 0,
      tls: { ...own, ca: authority.certificate, requestCert: true },
    });
    const tls = { ca: authority.certificate, servername: 'localhost' };
    const portal = (where: string, more = {}) => [
      { host: '127.0.0.1', port: Number(where.split(':')[1]), tls: { ...tls, ...more } },
    ];
    const credentials = { user: 'alice', password: 'pencil' };
    const client = await connectNbs({ portals: portal(at), credentials });
    expect(client.server.mechanism).toEqual(['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256']);
    expect((await client.request('SERVER_STATUS')).fields.user).toBe('alice');
    await client.close();
    const bob = await authority.issue('bob', 'DNS:bob');
    const named = await connectNbs({ portals: portal(mutual, bob) });
    expect((await named.request('SERVER_STATUS')).fields.user).toBe('bob');
    await named.close();
  });

  it('speaks TLS 1.3 and nothing older, and no plain bytes', async () => {
    const server = new NbsServer({ service: service(), authentication: { anonymous: true } });
    onTestFinished(() => server.close());
    const at = await server.listen({
      host: '127.0.0.1',
      port: 0,
      tls: await authority.issue('localhost', 'DNS:localhost'),
    });
    const port = Number(at.split(':')[1]);
    const older = new Promise((resolve) => {
      const socket = connect({
        port,
        ca: authority.certificate,
        servername: 'localhost',
        maxVersion: 'TLSv1.2',
      });
      socket.on('secureConnect', () => resolve('connected')).on('error', () => resolve('refused'));
    });
    expect(await older).toBe('refused');
    const plain = connectNbs({ portals: [{ host: '127.0.0.1', port }], lossTimeoutMs: 100, reconnectMs: 50 });
    await expect(plain).rejects.toMatchObject({ code: 'NBS_LINK_DOWN' });
  });
});
