import { ChapAlgorithm, connectLun } from '@lunbox/iscsi-initiator';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const SECRETS = { alice: 'secret-of-alice1', bob: 'the secret of bob', carol: 'secret of carol 3' };
type User = keyof typeof SECRETS;
const tools = ['iscsi-ls', 'iscsi-inq', 'qemu-io'];

describe.skipIf(!requiresTools(...tools) || process.platform === 'win32')('users by CHAP', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  let socket: string;

  /** The first disk is LUN 5, of which alice may fill 4 MiB and bob reads; the second is for carol alone. */
  beforeAll(async () => {
    directory = makeTempDirectory('users');
    socket = directory.file('control.sock');
    const entries = Object.entries(SECRETS).map(([user, secret]) => {
      writeFileSync(directory.file(`${user}.secret`), secret, { mode: 0o600 });
      return { initiator: '*', user, secretFile: `${user}.secret` };
    });
    writeFileSync(directory.file('access.json'), JSON.stringify(entries), { mode: 0o600 });
    const [first, second] = [directory.file('disk.lun'), directory.file('second.lun')];
    for (const words of [
      ['create', first, '--size', '64M'],
      ['attributes', 'set', first, 'location.lun=5'],
      ['attributes', 'user', first, 'alice', '--permission', 'write', '--quota', '4M'],
      ['attributes', 'user', first, 'bob', '--permission', 'read'],
      ['create', second, '--size', '32M'],
      ['attributes', 'user', second, 'carol', '--permission', 'admin'],
    ]) {
      const { status, output } = await lunbox(words);
      expect(status, output).toBe(0);
    }
    const serveFlags = [second, '--access', directory.file('access.json'), '--control', socket];
    target = await startLunbox({ directory: directory.path, serveFlags });
  });

  afterAll(async () => {
    await target.stop();
    directory.remove();
  });

  const login = (user: User): string => `${user}%${SECRETS[user]}@`;
  const listed = async (user: User): Promise<string[]> => {
    const portal = `iscsi://${login(user)}${target.portal}`;
    const { stdout } = await run('iscsi-ls', ['-s', portal], { timeoutMs: 8000 });
    return stdout.match(/Target:|Lun:\d+/g) ?? [];
  };
  const qemuIo = (user: User, lun: number, ...commands: string[]): Promise<Finished> => {
    const image = [
      'driver=iscsi,transport=tcp',
      `portal=${target.portal},target=${target.iqn},lun=${lun}`,
      `user=${user},password-secret=password`,
    ];
    const password = `secret,id=password,data=${SECRETS[user]}`;
    const given = commands.flatMap((command) => ['-c', command]);
    // QEMU refuses to open what is write-protected otherwise than for reading.
    const access = commands.every((command) => command.startsWith('read')) ? ['-r'] : [];
    return run('qemu-io', [...access, '--object', password, '--image-opts', image.join(','), ...given]);
  };

  it('see their disks and no others, under the LUN that the disk says', async () => {
    expect(target.lun).toBe(5);
    expect(await listed('alice')).toEqual(['Target:', 'Lun:5']);
    expect(await listed('bob')).toEqual(['Target:', 'Lun:5']);
    expect(await listed('carol')).toEqual(['Target:', 'Lun:0']);
    const url = `iscsi://${login('carol')}${target.portal}/${target.iqn}/5`;
    const hidden = await run('iscsi-inq', [url], { timeoutMs: 8000 });
    expect(hidden.output).not.toContain('Peripheral Qualifier:CONNECTED');
  });

  it('qemu-io writes up to the quota, is told that there is no space, and loses nothing', async () => {
    const written = await qemuIo('alice', 5, 'write -P 0x5a 0 2M', 'flush');
    expect(written.status, written.output).toBe(0);
    const refused = await qemuIo('alice', 5, 'write -P 0x77 1M 8M');
    expect(refused.output).toMatch(/No space left on device/);
    const after = await qemuIo('alice', 5, 'read -P 0x5a 0 2M', 'write -P 0x66 1M 1M', 'read -P 0x66 1M 1M');
    expect(after.output).not.toMatch(/failed/);
    expect(after.status, after.output).toBe(0);
    const reader = await qemuIo('bob', 5, 'write -P 1 0 4k');
    expect(reader.status, reader.output).not.toBe(0);
    const read = await qemuIo('bob', 5, 'read -P 0x5a 0 1M');
    expect(read.output).not.toMatch(/failed/);
    expect(read.status, read.output).toBe(0);
  });

  it('are changed while sessions are there: our initiator feels it at once', async () => {
    const { host, port, iqn } = target;
    const chap = { name: 'alice', secret: SECRETS.alice, algorithms: [ChapAlgorithm.SHA256] };
    const disk = await connectLun({ portal: { host, port }, targetName: iqn, lun: 5, chap });
    const mine = new Uint8Array(4 * MIB).fill(0x33);
    await expect(disk.write([mine], 8 * MIB)).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    const change = (...words: string[]) => lunbox(['control', socket, 'users', '5', ...words]);
    expect((await change('alice', '--quota', '32M')).status).toBe(0);
    await disk.write([mine], 8 * MIB);
    await disk.flush();
    expect((await change('alice', '--permission', 'read')).status).toBe(0);
    await expect(Promise.resolve(disk.write([mine.subarray(0, 4096)], 0))).rejects.toMatchObject({
      code: 'BLOCK_READ_ONLY',
    });
    const found = new Uint8Array(4 * MIB);
    await disk.read([found], 8 * MIB);
    expect(Buffer.compare(found, mine)).toBe(0);
    const gone = await change('alice', '--remove');
    expect(gone.status, gone.output).toBe(0);
    expect(await listed('alice')).toEqual([]);
    await expect(Promise.resolve(disk.read([found.subarray(0, 4096)], 0))).rejects.toMatchObject({
      name: 'BlockError',
    });
    // Its flush finds no disk any more.
    await expect(Promise.resolve(disk.close())).rejects.toMatchObject({ name: 'BlockError' });
    expect(target.log()).toMatch(
      /lunbox: audit: \S+ users of LUN 5 by the control socket: .*alice: write, up to 32 MiB/,
    );
    expect((await change('nobody', '--remove')).output).toContain('there is no user nobody in the list');
  });
});
