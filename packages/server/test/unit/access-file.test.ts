import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadAccess, type AccessFlags } from '../../src/cli/access-flags.ts';
import { AccessWatcher } from '../../src/cli/access-watcher.ts';
import { SourceFiles } from '../../src/cli/source-files.ts';
import { ChapSecret, type AccessEntry } from '../../src/index.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let directory: TempDirectory;
let said: string[];

beforeEach(() => {
  directory = makeTempDirectory('access-file');
  said = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void said.push(line));
});

afterEach(() => {
  vi.restoreAllMocks();
  directory.remove();
});

const write = (name: string, text: string): string => {
  const path = directory.file(name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
/** A symbolic link to itself, which cannot be looked at. */
const loop = (name: string): string => {
  const path = directory.file(name);
  symlinkSync(path, path);
  return path;
};
const accessFile = (entries: unknown): string => write('access.json', JSON.stringify(entries));

const whole = {
  initiator: 'iqn.*:alice',
  addresses: ['192.0.2.0/24'],
  user: 'alice',
  secretFile: 'alice.secret',
  mutualUser: 'target',
  mutualSecretFile: 'target.secret',
  luns: { 0: 3, 1: 2 },
  readOnly: true,
};

const load = (flags: AccessFlags): AccessEntry[] => loadAccess(flags, new SourceFiles());

const accepts = (entry: AccessEntry | undefined, secret: string): boolean =>
  entry?.chap?.secrets.some((each) => each.sameAs(new ChapSecret(secret))) ?? false;

describe('an access file', () => {
  it('says everything of an entry; names of files are relative to it', () => {
    write('alice.secret', 'secret-of-alice1\n');
    write('target.secret', 'secret-of-target\n');
    const path = accessFile([whole, { initiator: 'iqn.*:guest', readOnly: true }]);
    const [alice, guest] = load({ access: path });
    expect(alice).toMatchObject({ initiator: 'iqn.*:alice', addresses: ['192.0.2.0/24'], readOnly: true });
    expect([...(alice?.lunMap ?? [])]).toEqual([
      [0, 3],
      [1, 2],
    ]);
    expect([alice?.chap?.user, alice?.mutual?.user]).toEqual(['alice', 'target']);
    expect(accepts(alice, 'secret-of-alice1')).toBe(true);
    expect(guest).toEqual({ initiator: 'iqn.*:guest', readOnly: true });
    expect(said).toEqual([]);
  });

  it.each([
    ['no list', {}, /at least one entry/],
    ['an empty list, which would open everything', [], /at least one entry/],
    ['a number', [7], /entry 1: not an object/],
    ['no initiator', [{ readOnly: true }], /entry 1: "initiator" is missing/],
    [
      'a misspelt key',
      [{ initiator: '*' }, { initiator: '*', readonly: true }],
      /entry 2: there is no "readonly"/,
    ],
    ['a key of another type', [{ initiator: '*', readOnly: 'yes' }], /"readOnly" is true or false/],
    ['LUNs that are none', [{ initiator: '*', luns: { zero: 0 } }], /"luns" is an object of LUNs/],
    ['a user without a secret', [{ initiator: '*', user: 'alice' }], /"user" needs "secretFile"/],
    ['a secret without a user', [{ initiator: '*', secretFile: 'x' }], /"secretFile" needs "user"/],
    [
      'a secret that is not there',
      [{ initiator: '*', user: 'a', secretFile: 'x' }],
      /cannot read the secret in .*x: ENOENT/,
    ],
  ])('with %s is refused', (_what, entries, message) => {
    const path = accessFile(entries);
    expect(() => load({ access: path })).toThrow(expect.objectContaining({ code: 'SERVER_BAD_OPTIONS' }));
    expect(() => load({ access: path })).toThrow(message);
  });

  it('that is no JSON, or is not there, is refused; and so is one beside flags that say the same', () => {
    expect(() => load({ access: write('x', '[') })).toThrow(/x: not JSON/);
    expect(() => load({ access: directory.file('none') })).toThrow(/cannot read the access list in .*ENOENT/);
    expect(() => load({ access: loop('loop') })).toThrow(/cannot read the access list in .*ELOOP/);
    expect(() => load({ chapUser: 'alice', chapSecretFile: loop('secret') })).toThrow(/secret in .*ELOOP/);
    expect(() => load({ access: 'x', allow: ['*'] })).toThrow(/leave --allow/);
  });
});

describe('files that change while a server runs', () => {
  /** What is in force after `check`, and a way to look at the files now. */
  const watch = (
    flags: AccessFlags,
  ): { check: () => Promise<AccessEntry | undefined>; watcher: AccessWatcher } => {
    let first: AccessEntry | undefined;
    const files = new SourceFiles();
    loadAccess(flags, files);
    const watcher = new AccessWatcher(
      (source) => loadAccess(flags, source),
      files,
      (access) => (first = access[0]),
    );
    onTestFinished(() => watcher.close());
    const check = async (): Promise<AccessEntry | undefined> => {
      await watcher.check();
      return first;
    };
    return { check, watcher };
  };

  it('are put into force: a secret with its successor, then the successor alone', async () => {
    const chapSecretFile = write('secret', 'secret-of-alice1\n');
    const { check } = watch({ chapUser: 'alice', chapSecretFile });
    expect(await check()).toBeUndefined();
    write('secret', 'the new secret of alice\nsecret-of-alice1\n');
    const both = await check();
    expect(accepts(both, 'secret-of-alice1') && accepts(both, 'the new secret of alice')).toBe(true);
    write('secret', 'the new secret of alice\n');
    expect(accepts(await check(), 'secret-of-alice1')).toBe(false);
    expect(said).toEqual(Array(2).fill('lunbox: who may log in was read again'));
  });

  it('change nothing when they cannot be used, which is said once and without the secret', async () => {
    const chapSecretFile = write('secret', 'secret-of-alice1\n');
    const { check } = watch({ chapUser: 'alice', chapSecretFile });
    write('secret', 'sesame\n');
    expect([await check(), await check()]).toEqual([undefined, undefined]);
    expect(said).toEqual([expect.stringMatching(/12 to 1024 bytes, not 6; who may log in is as before$/)]);
    expect(said[0]).not.toContain('sesame');
    rmSync(chapSecretFile);
    expect(await check()).toBeUndefined();
    expect(said[1]).toMatch(/cannot read the secret in .*: ENOENT; who may log in is as before$/);
    write('secret', 'the new secret of alice\n');
    expect(accepts(await check(), 'the new secret of alice')).toBe(true);
  });

  it('change nothing when they cannot be looked at', async () => {
    const chapSecretFile = write('secret', 'secret-of-alice1\n');
    const { check } = watch({ chapUser: 'alice', chapSecretFile });
    rmSync(chapSecretFile);
    loop('secret');
    expect([await check(), await check()]).toEqual([undefined, undefined]);
    expect(said).toEqual([expect.stringMatching(/the secret in .*: ELOOP; who may log in is as before$/)]);
  });

  it('are looked at no more when the watcher is closed during a look', async () => {
    const chapSecretFile = write('secret', 'secret-of-alice1\n');
    const { check, watcher } = watch({ chapUser: 'alice', chapSecretFile });
    write('secret', 'the new secret of alice\n');
    const looked = check();
    watcher.close();
    expect(await looked).toBeUndefined();
  });

  it('are looked at when a changed access file names them', async () => {
    write('bob.secret', 'the secret of bob');
    const { check } = watch({ access: accessFile([{ initiator: '*' }]) });
    accessFile([{ initiator: '*', user: 'bob', secretFile: 'bob.secret' }]);
    expect(accepts(await check(), 'the secret of bob')).toBe(true);
    write('bob.secret', 'another secret of bob');
    expect(accepts(await check(), 'another secret of bob')).toBe(true);
    write('access.json', '[');
    await check();
    write('bob.secret', 'the third secret of bob');
    await check();
    // The second look found that a file had changed which the broken list does not name.
    expect(said.slice(2)).toEqual(Array(2).fill(expect.stringMatching(/access.json: not JSON/)));
  });
});
