import { StorageObject, readContainerInfo } from '@lunbox/storage-object';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { captureOutput } from '../support/captured-output.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let directory: TempDirectory;
let path: string;
let printed: string[];
let complained: string[];

beforeEach(async () => {
  directory = makeTempDirectory('attributes');
  path = directory.file('disk.lun');
  await (await StorageObject.create(path, { sizeBytes: 2 ** 20 })).close();
  ({ printed, complained } = captureOutput());
});

afterEach(() => {
  vi.restoreAllMocks();
  directory.remove();
});

const attributes = async () => (await readContainerInfo(path)).attributes;

describe('lunbox attributes', () => {
  it('sets, shows and takes away', async () => {
    const words = ['name=db 1', 'description=a=b', 'location.lun=7', 'organisation.stripeBytes=64K'];
    expect(
      await run(['attributes', 'set', path, ...words, 'location.bus=1', 'profiles.quiesce=postgres']),
    ).toBe(0);
    expect(await attributes()).toMatchObject({
      name: 'db 1',
      description: 'a=b',
      location: { lun: 7, bus: 1 },
      organisation: { stripeBytes: 65_536 },
      profiles: { quiesce: 'postgres' },
    });
    printed.length = 0;
    expect(await run(['attributes', 'show', path])).toBe(0);
    expect(printed).toContain('location.lun: 7');
    expect(printed).toContain('profiles.quiesce: postgres');
    const { capacityBytes, usedBytes, freeBytes } = await readContainerInfo(path);
    expect(printed).toEqual(
      expect.arrayContaining([
        `capacityBytes: ${capacityBytes}`,
        `usedBytes: ${usedBytes}`,
        `freeBytes: ${freeBytes}`,
      ]),
    );
    expect(printed.at(-1)).toBe('user everybody: admin');
    expect(await run(['attributes', 'set', path, 'location.lun=', 'profiles.quiesce=', 'name='])).toBe(0);
    expect(await attributes()).toMatchObject({ location: { bus: 1 }, description: 'a=b' });
    expect(await attributes()).not.toHaveProperty('profiles');
    expect(await attributes()).not.toHaveProperty('name');
  });

  it('says what users may do, and lunbox info tells', async () => {
    const user = (...words: string[]) => run(['attributes', 'user', path, ...words]);
    expect(await user('alice', '--permission', 'write', '--quota', '10G')).toBe(0);
    expect(printed).toEqual(['everybody: admin -> alice: write, up to 10 GiB']);
    expect(await user('IQN.2026-11.com.example:Host', '--permission', 'read')).toBe(0);
    expect((await attributes()).users).toEqual([
      { name: 'alice', permission: 'write', quotaBytes: 10 * 2 ** 30 },
      { name: 'iqn.2026-11.com.example:host', permission: 'read' },
    ]);
    printed.length = 0;
    expect(await run(['info', path])).toBe(0);
    expect(printed.map((line) => line.replace(/ +/g, ' '))).toContain('user alice: write, up to 10 GiB');
    expect(await user('alice', '--quota', 'none')).toBe(0);
    expect(await user('alice', '--remove', '--json')).toBe(0);
    expect(await user('iqn.2026-11.com.example:host', '--remove')).toBe(0);
    expect((await attributes()).users).toEqual([]);
    printed.length = 0;
    expect(await run(['info', path])).toBe(0);
    expect(printed.map((line) => line.replace(/ +/g, ' '))).toContain('user nobody');
    expect(await run(['attributes', 'set', path, 'users='])).toBe(0);
    expect(await attributes()).not.toHaveProperty('users');
  });

  it.each([
    [['set', 'nothing'], '"nothing": write KEY=VALUE; there are name, description, location.bus'],
    [['set', 'createdAt=now'], 'there are name,'],
    [['set', '__proto__.x=1'], 'there are name,'],
    [['set', 'location.lun=x'], '"location.lun=x": location.lun is the number of a LUN, 0 to 16383'],
    [['set', 'location.lun=16384'], 'location.lun is the number of a LUN'],
    [['set', 'name=ok', 'organisation.stripeBytes=-1'], 'organisation.stripeBytes is a size, such as 64K'],
    [['set', 'users=eve'], 'lunbox attributes user changes it'],
    [['user', 'eve'], 'say what eve may do, such as --permission write'],
    [['user', 'eve', '--remove'], 'there is no user eve in the list'],
    [['user', '', '--permission', 'read'], 'a user has 1 to 255 characters on one line'],
  ])('%j is refused with one line, and changes nothing', async ([verb = '', ...words], message) => {
    const { headerSequence } = await readContainerInfo(path);
    expect(await run(['attributes', verb, path, ...words])).toBe(2);
    expect(complained).toHaveLength(1);
    expect(complained[0]).toContain(message);
    expect((await readContainerInfo(path)).headerSequence).toBe(headerSequence);
  });

  it('changes nothing while the disk is served', async () => {
    const object = await StorageObject.open(path);
    expect(await run(['attributes', 'set', path, 'name=x'])).toBe(1);
    expect(complained).toHaveLength(1);
    expect(await run(['attributes', 'show', path, '--json'])).toBe(0);
    await object.close();
    expect(await attributes()).not.toHaveProperty('name');
  });
});
