import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Initiator } from '../../bench/initiator.ts';
import { judgeCapture } from '../support/capture.ts';
import { run, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const INITIATOR = 'iqn.1994-05.com.example:controlled';
const tools = ['iscsi-ls', 'iscsi-readcapacity16', 'qemu-io', 'tshark'];

describe.skipIf(!requiresTools(...tools) || process.platform === 'win32')('lunbox control', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  let other: TargetUnderTest;
  let socket: string;

  beforeAll(async () => {
    directory = makeTempDirectory('control');
    socket = directory.file('control.sock');
    const serveFlags = [
      '--control',
      socket,
      '--capture-seconds',
      '600',
      '--iqn',
      'iqn.2026-11.com.example:one',
    ];
    target = await startLunbox({ directory: directory.path, sizeBytes: 64 << 20, serveFlags });
    const fileName = 'other.lun';
    const same = ['--iqn', 'iqn.2026-11.com.example:one'];
    other = await startLunbox({ directory: directory.path, fileName, sizeBytes: 16 << 20, serveFlags: same });
  });

  afterAll(async () => {
    await other.stop();
    expect(await target.stop()).toBe(0);
    directory.remove();
  });

  const control = (...args: string[]): Promise<Finished> => lunbox(['control', socket, ...args]);
  const controlled = async (...args: string[]): Promise<unknown> => {
    const { status, stdout, output } = await control(...args);
    expect(status, output).toBe(0);
    return stdout === '' ? undefined : JSON.parse(stdout);
  };
  /** How large the disk is that an initiator finds at the first portal, in MiB. */
  const seenMib = async (): Promise<number | undefined> => {
    const { output } = await run('iscsi-ls', ['-s', '-i', INITIATOR, `iscsi://${target.portal}`], {
      timeoutMs: 8000,
    });
    const size = /Size:(\d+)M/.exec(output)?.[1];
    return size === undefined ? undefined : Number(size);
  };

  it('listens where its owner alone may knock', () => {
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  it('tells sessions, and statistics of a foreign initiator', async () => {
    const session = await Initiator.connect({ ...target, initiatorName: INITIATOR });
    expect(await controlled('status')).toMatchObject({
      pid: target.pid,
      draining: false,
      portals: [target.portal],
      redirects: [],
      sessions: [{ targetName: target.iqn, initiatorName: INITIATOR, tasks: 0 }],
    });
    await session.logout();
    const commands = ['write -P 1 0 64k', 'read -P 1 0 64k'].flatMap((each) => ['-c', each]);
    expect((await run('qemu-io', ['-f', 'raw', ...commands, target.url])).status).toBe(0);
    const { opcodes } = (await controlled('statistics')) as { opcodes: { opcode: number }[] };
    const [written, read] = [0x2a, 0x28].map((opcode) => opcodes.find((each) => each.opcode === opcode));
    expect(written).toMatchObject({ succeeded: 1, failed: 0, writtenBytes: 65_536 });
    expect(read).toMatchObject({ failed: 0, writtenBytes: 0 });
  });

  it('writes what went over the wire to a file that wireshark reads, and to no file that exists', async () => {
    const path = directory.file('ring.pcap');
    const written = await control('capture', path);
    expect(written.status, written.output).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const verdict = await judgeCapture(path, target.port);
    expect([verdict.holes, verdict.malformed, verdict.invalid, verdict.errors]).toEqual([0, [], [], []]);
    for (const opcode of ['0x01', '0x03', '0x21', '0x23', '0x25']) {
      expect(verdict.pdus.get(opcode) ?? 0, opcode).toBeGreaterThan(0);
    }
    expect((await control('capture', path)).output).toMatch(/cannot write .*: EEXIST/);
  });

  it('redirects an initiator, and no other, until it is told to stop', async () => {
    await controlled('redirect', other.portal, '--initiator', INITIATOR);
    expect(await seenMib()).toBe(15);
    await controlled('redirect', other.portal, '--initiator', `${INITIATOR}x`);
    await controlled('redirect');
    await controlled('redirect', other.portal, '--initiator', `${INITIATOR}x`);
    expect(await seenMib()).toBe(63);
    await controlled('redirect', other.portal, '--portal-group', '2');
    expect(await seenMib()).toBe(63);
    await controlled('redirect', other.portal);
    expect(await seenMib()).toBe(15);
    await controlled('redirect');
    expect(await seenMib()).toBe(63);
  });

  it('drains to another server, and takes logins again', async () => {
    const session = await Initiator.connect(target);
    await controlled('drain', '--redirect-to', other.portal, '--timeout', '0.3');
    // It was asked to log out, did not, and was dropped.
    expect(await session.asyncMessage).toBe(1);
    expect(await session.closed).toBeInstanceOf(Error);
    expect(await controlled('status')).toMatchObject({ draining: true, sessions: [] });
    const elsewhere = await run('iscsi-readcapacity16', [target.url], { timeoutMs: 8000 });
    expect(elsewhere.stdout).toContain(`Total size:${16 << 20}`);
    expect(await controlled('status')).toMatchObject({ sessions: [] });
    await controlled('resume');
    expect(await seenMib()).toBe(63);
  });

  it('keeps everybody out while a command runs, and lets them in again when it has failed too', async () => {
    const { stdout, status } = await control(
      'maintenance',
      '--timeout',
      '0',
      '--',
      'iscsi-inq',
      '-e',
      '1',
      target.url,
    );
    expect([stdout, status]).toEqual(['', 1]);
    expect(await controlled('status')).toMatchObject({ draining: false });
    expect(await seenMib()).toBe(63);
    const sent = ['maintenance', '--redirect-to', other.portal, '--', 'iscsi-readcapacity16', target.url];
    const redirected = await control(...sent);
    expect(redirected.stdout).toContain(`Total size:${16 << 20}`);
    expect(redirected.status).toBe(0);
    const absent = await control('maintenance', '--', 'no-such-command');
    expect([absent.status, absent.stderr]).toEqual([
      1,
      expect.stringMatching(/ended with ENOENT; logins are taken/),
    ]);
    expect(await seenMib()).toBe(63);
  });

  it.each([
    ['an unknown verb', ['dance'], 2, /Allowed choices are status, statistics/],
    ['a capture without a file', ['capture'], 2, /capture needs the name of a file/],
    ['an argument too many', ['resume', 'now'], 2, /too many arguments for resume/],
    ['maintenance of nothing', ['maintenance'], 2, /needs a command to run/],
    ['an address that is none', ['redirect', 'x:99999'], 2, /write HOST:PORT/],
    ['an initiator that is none', ['redirect', 'x:1', '--initiator', 'x'], 2, /not an iSCSI name/],
  ])('refuses %s', async (_what, args, status, message) => {
    const refused = await control(...args);
    expect(refused.output).toMatch(message);
    expect(refused.status).toBe(status);
  });

  it('says when no server answers, and a second server says that the socket is taken', async () => {
    const lost = await lunbox(['control', directory.file('none.sock'), 'status']);
    expect([lost.status, lost.stderr]).toEqual([
      1,
      expect.stringMatching(/^lunbox: no server answers at .*ENOENT/),
    ]);
    const disk = directory.file('second.lun');
    await lunbox(['create', disk, '--size', '1M']);
    const second = await lunbox(['serve', disk, '--portal', '127.0.0.1:0', '--control', socket, '--json']);
    expect([second.status, second.stderr]).toEqual([
      1,
      expect.stringMatching(/another server listens there\n$/),
    ]);
    expect((await lunbox(['info', disk])).stdout).toContain('closed in order');
  });

  it('never takes the place of a file', async () => {
    const path = directory.file('precious');
    writeFileSync(path, 'precious');
    const disk = directory.file('third.lun');
    await lunbox(['create', disk, '--size', '1M']);
    const refused = await lunbox(['serve', disk, '--portal', '127.0.0.1:0', '--control', path, '--json']);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/there is a file of that name\n$/),
    ]);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('takes the place of a server that was killed', async () => {
    const serveFlags = ['--control', directory.file('killed.sock')];
    const start = (): Promise<TargetUnderTest> =>
      startLunbox({ directory: directory.path, fileName: 'killed.lun', sizeBytes: 1 << 20, serveFlags });
    await (await start()).kill9();
    const again = await start();
    const status = await lunbox(['control', directory.file('killed.sock'), 'status']);
    expect(JSON.parse(status.stdout)).toMatchObject({ pid: again.pid });
    await again.stop();
  });

  it('attaches a disk that a foreign initiator then finds, reads and writes, and detaches it', async () => {
    const path = directory.file('late.lun');
    expect((await lunbox(['create', path, '--size', '8M', '--quiet'])).status).toBe(0);
    const { lun, url } = (await controlled('attach', path, '5')) as { lun: number; url: string };
    expect(lun).toBe(5);
    const list = () =>
      run('iscsi-ls', ['-s', '-i', INITIATOR, `iscsi://${target.portal}`], { timeoutMs: 8000 });
    expect((await list()).output).toMatch(/Lun:5 .*Size:7M/);
    const commands = ['write -P 7 1M 64k', 'read -P 7 1M 64k'].flatMap((command) => ['-c', command]);
    const used = await run('qemu-io', ['-f', 'raw', ...commands, url]);
    expect(used.status, used.output).toBe(0);
    expect(used.output).not.toContain('verification failed');
    expect((await control('detach', '5')).status).toBe(0);
    expect((await list()).output).not.toContain('Lun:5');
    expect((await control('detach', '5')).output).toContain('there is no disk with the LUN 5');
    expect((await control('detach', '0')).output).toContain('the only one of its target');
  });
});

describe.skipIf(!requiresTools('iscsi-ls', 'iscsi-inq'))('secrets in files', () => {
  it('change while the server runs: both are right, then the new one alone, also for discovery', async () => {
    const directory = makeTempDirectory('rotation');
    const secretFile = directory.file('secret');
    const write = (...lines: string[]): void =>
      writeFileSync(secretFile, `${lines.join('\n')}\n`, { mode: 0o600 });
    const [old, fresh] = ['secret-of-alice1', 'the new secret of alice'] as const;
    write(old);
    const serveFlags = ['--chap-user', 'alice', '--chap-secret-file', secretFile];
    const target = await startLunbox({ directory: directory.path, sizeBytes: 1 << 20, serveFlags });
    const letsIn = async (secret: string): Promise<boolean[]> => {
      const [portal, url] = [
        `iscsi://alice%${secret}@${target.portal}`,
        target.url.replace('//', `//alice%${secret}@`),
      ];
      const results = [await run('iscsi-ls', [portal], { timeoutMs: 8000 }), await run('iscsi-inq', [url])];
      return results.map(({ status }) => status === 0);
    };
    const reread = (count: number): Promise<void> =>
      expect.poll(() => target.log().match(/was read again/g)?.length, { timeout: 8000 }).toBe(count);
    expect(await letsIn(old)).toEqual([true, true]);
    write(fresh, old);
    await reread(1);
    expect([await letsIn(old), await letsIn(fresh)]).toEqual([
      [true, true],
      [true, true],
    ]);
    write(fresh);
    await reread(2);
    expect([await letsIn(old), await letsIn(fresh)]).toEqual([
      [false, false],
      [true, true],
    ]);
    expect(target.log()).not.toMatch(/secret-of|new secret/);
    await target.stop();
    directory.remove();
  });
});

describe.skipIf(!requiresTools('iscsi-ls'))('lunbox serve --portal with a tag', () => {
  it('tells initiators the group of each portal, at the address that reaches it', async () => {
    const directory = makeTempDirectory('groups');
    const serveFlags = [
      '--portal',
      '127.0.0.1:0,7',
      '--advertise',
      '127.0.0.1:13260',
      '--advertise',
      '[::1]:13261',
    ];
    const target = await startLunbox({ directory: directory.path, sizeBytes: 1 << 20, serveFlags });
    const { stdout } = await run('iscsi-ls', [`iscsi://${target.portal}`], { timeoutMs: 8000 });
    expect(stdout).toContain(`Target:${target.iqn} Portal:127.0.0.1:13260,1`);
    expect(stdout).toContain(`Target:${target.iqn} Portal:[::1]:13261,7`);
    await target.stop();
    directory.remove();
  });
});
