import { MemoryDevice } from '@lunbox/block';
import { ChapAlgorithm, connectLun } from '@lunbox/iscsi-initiator';
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ChapSecret, createServer, type AccessEntry, type LunboxServer } from '../../src/index.ts';
import { run, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { runTestcu } from '../support/testcu.ts';

const IQN = 'iqn.2026-11.com.example:guarded';
const USER = 'alice';
const SECRET = 'secret-of-alice1';
const BACK = 'target_user=target&target_password=secret-of-target';

const tools = ['iscsi-ls', 'iscsi-inq', 'iscsi-test-cu', 'qemu-img', 'qemu-io'];

const chap = (user: string, secret: string): AccessEntry => ({
  initiator: '*',
  chap: { user, secrets: [new ChapSecret(secret)] },
  mutual: { user: 'target', secret: new ChapSecret('secret-of-target') },
});

const lun = (first: number, sizeMib: number): { device: MemoryDevice; identity: Uint8Array } => ({
  device: new MemoryDevice({ size: sizeMib * 2 ** 20 }),
  identity: new Uint8Array(16).fill(first),
});

describe.skipIf(!requiresTools(...tools))('foreign initiators log in by CHAP', () => {
  let server: LunboxServer;

  beforeEach(async () => {
    const access = [
      chap(USER, SECRET),
      { ...chap('bob', 'the secret of bob'), lunMap: new Map([[0, 1]]), readOnly: true },
    ];
    server = await createServer({
      portals: ['127.0.0.1:0'],
      targets: [
        { iqn: IQN, luns: [lun(1, 64), lun(2, 32)], access },
        {
          iqn: `${IQN}-of-others`,
          luns: [lun(3, 16)],
          access: [{ initiator: 'iqn.2026-11.com.example:nobody' }],
        },
      ],
      discovery: access,
    });
    await server.start();
  });

  afterEach(async () => {
    await server.stop({ timeoutMs: 0 });
  });

  const portal = (): string => server.portals[0] ?? '';
  const list = (login: string, options = ''): Promise<Finished> =>
    run('iscsi-ls', ['-s', `iscsi://${login}${portal()}${options}`], { timeoutMs: 8000 });
  const inquire = (login: string, options = '', number = 0): Promise<Finished> =>
    run('iscsi-inq', [`iscsi://${login}${portal()}/${IQN}/${number}${options}`], { timeoutMs: 8000 });

  it('iscsi-ls and iscsi-inq with the right secret, one way and mutual', async () => {
    for (const options of ['', `?${BACK}`]) {
      const listed = await list(`${USER}%${SECRET}@`, options);
      expect(listed.status, listed.output).toBe(0);
      expect(listed.stdout).toMatch(/Lun:0 .*Size:63M/);
      const inquiry = await inquire(`${USER}%${SECRET}@`, options);
      expect(inquiry.status, inquiry.output).toBe(0);
      expect(inquiry.stdout).toContain('Peripheral Qualifier:CONNECTED');
    }
  });

  it.each([
    ['no user', ''],
    ['a wrong secret', `${USER}%secret-of-alice2@`],
    ['a wrong user', `mallory%${SECRET}@`],
    ['the secret of the target', `${USER}%secret-of-target@`],
  ])('with %s nothing is seen and nothing is read', async (_what, login) => {
    for (const attempt of [list(login), inquire(login)]) {
      const { status, output, timedOut } = await attempt;
      expect(timedOut).toBe(false);
      expect(status, output).not.toBe(0);
      expect(output).not.toMatch(/Target:|Lun:|Vendor:/);
    }
  });

  it('an initiator that does not believe the target leaves', async () => {
    const wrong = `?${BACK.replace('secret-of-target', 'secret-of-nobody')}`;
    const { status, output } = await inquire(`${USER}%${SECRET}@`, wrong);
    expect(status, output).not.toBe(0);
  });

  it('shows each user its own LUNs and no target of others', async () => {
    const alice = await list(`${USER}%${SECRET}@`);
    expect(alice.stdout.match(/Lun:\d+/g)).toEqual(['Lun:0', 'Lun:1']);
    expect(alice.stdout).not.toContain('of-others');
    const bob = await list('bob%the secret of bob@');
    expect(bob.stdout.match(/Lun:\d+/g)).toEqual(['Lun:0']);
    expect(bob.stdout).toMatch(/Lun:0 .*Size:31M/);
    const hidden = await inquire('bob%the secret of bob@', '', 1);
    expect(hidden.output).not.toContain('Peripheral Qualifier:CONNECTED');
  });

  it('qemu-io writes and reads with CHAP and header digests; who may only read does not write', async () => {
    const qemuIo = (user: string, secret: string, command: string): Promise<Finished> => {
      const image = [
        'driver=iscsi,transport=tcp',
        `portal=${portal()},target=${IQN},lun=0`,
        `user=${user},password-secret=password,header-digest=crc32c`,
      ];
      const password = `secret,id=password,data=${secret}`;
      return run('qemu-io', ['--object', password, '--image-opts', image.join(','), '-c', command]);
    };
    const written = await qemuIo(USER, SECRET, 'write -P 0x5a 1M 64k');
    expect(written.status, written.output).toBe(0);
    const read = await qemuIo(USER, SECRET, 'read -P 0x5a 1M 64k');
    expect(read.output).not.toContain('failed');
    expect(read.status, read.output).toBe(0);
    expect((await qemuIo(USER, 'secret-of-alice2', 'read 0 4k')).status).not.toBe(0);
    const refused = await qemuIo('bob', 'the secret of bob', 'write -P 1 0 4k');
    expect(refused.status, refused.output).not.toBe(0);
  });

  it('a secret is changed without a restart', async () => {
    const secrets = [new ChapSecret('the new secret of alice'), new ChapSecret(SECRET)];
    server.setAccess([{ initiator: '*', chap: { user: USER, secrets } }]);
    expect((await inquire(`${USER}%${SECRET}@`)).status).toBe(0);
    expect((await inquire(`${USER}%the new secret of alice@`)).status).toBe(0);
    server.setAccess([{ initiator: '*', chap: { user: USER, secrets: secrets.slice(0, 1) } }]);
    expect((await inquire(`${USER}%${SECRET}@`)).status).not.toBe(0);
    expect((await inquire(`${USER}%the new secret of alice@`)).status).toBe(0);
  });
});

describe.skipIf(!requiresTools(...tools))('lunbox serve with CHAP', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeAll(async () => {
    directory = makeTempDirectory('chap');
    const secretFile = (name: string, text: string): string => {
      const path = directory.file(name);
      writeFileSync(path, `${text}\n`, { mode: 0o600 });
      return path;
    };
    target = await startLunbox({
      directory: directory.path,
      serveFlags: [
        ...['--chap-user', USER, '--chap-secret-file', secretFile('alice', SECRET)],
        ...['--mutual-user', 'target', '--mutual-secret-file', secretFile('target', 'secret-of-target')],
        ...['--allow', 'iqn.*', '--initiator-address', '127.0.0.0/8'],
      ],
    });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  const withLogin = (login: string): string => target.url.replace('iscsi://', `iscsi://${login}`);

  it('iscsi-inq needs the secret, and the secret is in nothing that was printed', async () => {
    expect((await run('iscsi-inq', [target.url], { timeoutMs: 8000 })).status).not.toBe(0);
    const inquiry = await run('iscsi-inq', [withLogin(`${USER}%${SECRET}@`)], { timeoutMs: 8000 });
    expect(inquiry.status, inquiry.output).toBe(0);
    expect(target.log()).not.toContain('secret-of');
  });

  it.each([
    ['CHAP', ''],
    ['mutual CHAP', `?${BACK}`],
  ])('iscsi-test-cu passes by %s as it does without', async (_what, options) => {
    const url = `${withLogin(`${USER}%${SECRET}@`)}${options}`;
    const only = [
      'TestUnitReady.Simple',
      'Inquiry.Standard',
      'Read10.Simple',
      'Write10.Simple',
      'iSCSIcmdsn.*',
    ];
    const results = await runTestcu({ url, only });
    expect(results.length).toBeGreaterThan(4);
    expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
  });
});

describe.skipIf(!requiresTools(...tools))('lunbox serve --access', () => {
  it('gives each user of a file its own LUNs, and takes one out who is struck off', async () => {
    const directory = makeTempDirectory('access');
    const file = (name: string, text: string): string => {
      writeFileSync(directory.file(name), text, { mode: 0o600 });
      return directory.file(name);
    };
    file('alice.secret', SECRET);
    file('bob.secret', 'the secret of bob');
    const alice = { initiator: '*', user: USER, secretFile: 'alice.secret' };
    const bob = { initiator: '*', user: 'bob', secretFile: 'bob.secret', luns: { 0: 1 }, readOnly: true };
    const access = file('access.json', JSON.stringify([alice, bob]));
    const second = directory.file('second.lun');
    await lunbox(['create', second, '--size', '32M']);
    const serveFlags = [second, '--access', access];
    const target = await startLunbox({ directory: directory.path, sizeBytes: 64 << 20, serveFlags });
    const list = async (login: string): Promise<(string | undefined)[]> => {
      const portal = `iscsi://${login}@${target.portal}`;
      const { stdout } = await run('iscsi-ls', ['-s', portal], { timeoutMs: 8000 });
      return [...stdout.matchAll(/Lun:(\d+) .*Size:(\d+)M/g)].map(
        ([, lunNumber, mib]) => `${lunNumber}: ${mib}`,
      );
    };
    const bobs = 'bob%the secret of bob';
    expect(await list(`${USER}%${SECRET}`)).toEqual(['0: 63', '1: 31']);
    expect(await list(bobs)).toEqual(['0: 31']);
    const url = target.url.replace('//', '//bob%the secret of bob@');
    const refused = await run('qemu-io', ['-f', 'raw', '-c', 'write 0 4k', url]);
    expect(refused.status, refused.output).not.toBe(0);
    file('access.json', JSON.stringify([alice]));
    await expect.poll(() => target.log(), { timeout: 8000 }).toContain('was read again');
    expect(await list(bobs)).toEqual([]);
    expect(await list(`${USER}%${SECRET}`)).toHaveLength(2);
    await target.stop();
    directory.remove();
  });
});

describe.skipIf(!requiresTools('iscsi-inq'))('lunbox serve --chap-minimum', () => {
  it('refuses an initiator that has MD5 only, and takes one with a hash that is good enough', async () => {
    const directory = makeTempDirectory('chap-minimum');
    const secretFile = directory.file('secret');
    writeFileSync(secretFile, SECRET, { mode: 0o600 });
    const serveFlags = ['--chap-user', USER, '--chap-secret-file', secretFile, '--chap-minimum', 'sha256'];
    const target = await startLunbox({ directory: directory.path, sizeBytes: 1 << 20, serveFlags });
    const inquiry = await run('iscsi-inq', [target.url.replace('//', `//${USER}%${SECRET}@`)], {
      timeoutMs: 8000,
    });
    expect(inquiry.status, inquiry.output).not.toBe(0);
    const { host, port, iqn, lun: number } = target;
    const chap = { name: USER, secret: SECRET, algorithms: [ChapAlgorithm.SHA256] };
    await (await connectLun({ portal: { host, port }, targetName: iqn, lun: number, chap })).close();
    await target.stop();
    directory.remove();
  });
});
