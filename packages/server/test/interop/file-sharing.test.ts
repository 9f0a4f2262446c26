import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeExt4Image, readExt4File, type Ext4Image } from '../support/ext4-image.ts';
import {
  ganeshaExport,
  requiresGanesha,
  smbShare,
  startGanesha,
  startSmbd,
  type FileServer,
} from '../support/file-servers.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, lunboxInfo, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const MIB = 1 << 20;
const EXT4_MIB = 16;
const SIZE = 32 * MIB;
const basic = requiresTools('qemu-img', 'qemu-io', 'mkfs.ext4', 'e2fsck', 'debugfs');

/** How a backup program fetches a file of the storage directory. */
interface Client {
  readonly name: string;
  readonly ready: boolean;
  readonly start: (home: string, storage: string) => Promise<FileServer>;
  readonly fetch: (port: number, storage: string, to: string) => Promise<string>;
  /** Tries to put something into the directory. */
  readonly spoil: (port: number, from: string) => Promise<number | null>;
}

const smb = (port: number, command: string): string[] => [
  '//127.0.0.1/storage',
  '-N',
  '-p',
  String(port),
  '-c',
  command,
];
const nfs = (port: number, name: string): string =>
  `nfs://127.0.0.1/storage/${name}?version=4&nfsport=${port}`;
const noServer: FileServer = { port: 0, stop: () => Promise.resolve() };

const CLIENTS: readonly Client[] = [
  {
    name: 'smbclient',
    ready: basic && requiresTools('smbd', 'smbclient'),
    start: startSmbd,
    fetch: (port, _storage, to) => runOrThrow('smbclient', smb(port, `get disk.lun ${to}`)),
    spoil: async (port, from) => (await run('smbclient', smb(port, `put ${from} disk.lun`))).status,
  },
  {
    name: 'nfs-cp',
    ready: basic && requiresGanesha() && requiresTools('nfs-cp'),
    start: startGanesha,
    fetch: (port, _storage, to) => runOrThrow('nfs-cp', [nfs(port, 'disk.lun'), to]),
    spoil: async (port, from) => (await run('nfs-cp', [from, nfs(port, 'disk.lun')])).status,
  },
  {
    name: 'rsync',
    ready: basic && requiresTools('rsync'),
    start: () => Promise.resolve(noServer),
    fetch: (_port, storage, to) =>
      runOrThrow('rsync', ['--sparse', '--exclude=*.lock', `${storage}/disk.lun`, to]),
    spoil: () => Promise.resolve(1),
  },
];

it('docs/file-sharing.md has the share and the export that are tested here', () => {
  const page = readFileSync(new URL('../../../../docs/file-sharing.md', import.meta.url), 'utf8');
  expect(page).toContain(smbShare('/srv/disks'));
  expect(page).toContain(ganeshaExport('/srv/disks'));
});

describe.each(CLIENTS)('a storage directory, and $name', ({ ready, start, fetch, spoil }) => {
  describe.skipIf(!ready)('a file client', () => {
    let directory: TempDirectory;
    let server: FileServer;
    let image: Ext4Image;
    let storage: string;
    let copy: string;

    const serve = (options: { directory: string } = { directory: storage }): Promise<TargetUnderTest> =>
      startLunbox({ directory: options.directory, sizeBytes: SIZE });

    beforeAll(async () => {
      directory = makeTempDirectory('share');
      storage = directory.file('storage');
      copy = directory.file('fetched.lun');
      mkdirSync(storage);
      image = await makeExt4Image(directory.path, EXT4_MIB);
      const target = await serve();
      await runOrThrow('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'raw', image.path, target.url]);
      await target.stop();
      server = await start(directory.file('home'), storage);
    }, 120_000);

    afterAll(async () => {
      await server.stop();
      directory.remove();
    });

    it('restores an idle object that e2fsck accepts, and that opens as another disk', async () => {
      const original = await lunboxInfo(`${storage}/disk.lun`);
      await fetch(server.port, storage, copy);
      const restored = directory.file('restored');
      mkdirSync(restored);
      copyFileSync(copy, `${restored}/disk.lun`);
      rmSync(copy);
      const path = `${restored}/disk.lun`;
      const found = await lunboxInfo(path);
      expect(found).toMatchObject({ continuity: 'foreign', identity: original['identity'] });
      await runOrThrow('e2fsck', ['-f', '-n', `${path}?offset=${found.dataOffset}`]);
      for (const [name, content] of image.files) {
        expect((await readExt4File(path, found.dataOffset, name)).equals(content), name).toBe(true);
      }
      const target = await serve({ directory: restored });
      await target.stop();
      const adopted = await lunboxInfo(path);
      expect(adopted).toMatchObject({ continuity: 'clean', origin: original['identity'] });
      expect(adopted['identity']).not.toBe(original['identity']);
      expect(await lunboxInfo(`${storage}/disk.lun`)).toMatchObject({
        continuity: 'clean',
        identity: original['identity'],
      });
      expect((await lunbox(['check', path])).status).toBe(0);
    }, 120_000);

    it('reads what was flushed, while an initiator writes elsewhere, and disturbs nobody', async () => {
      const target = await serve();
      const io = (...commands: string[]): Promise<string> =>
        runOrThrow('qemu-io', ['-f', 'raw', ...commands.flatMap((each) => ['-c', each]), target.url]);
      await io('write -P 0x11 20M 1M', 'flush');
      let reading = true;
      let rounds = 0;
      const writing = (async () => {
        while (reading || rounds < 3) await io(`write -P ${(rounds++ % 250) + 1} 24M 2M`, 'flush');
      })();
      await fetch(server.port, storage, copy);
      reading = false;
      await writing;
      await io('read -P 0x11 20M 1M');
      const fetched = readFileSync(copy).subarray(target.dataOffset);
      rmSync(copy);
      expect(fetched.subarray(20 * MIB, 21 * MIB).equals(Buffer.alloc(MIB, 0x11))).toBe(true);
      const ext4 = readFileSync(image.path);
      expect(fetched.subarray(0, ext4.length).equals(ext4)).toBe(true);
      expect(await target.stop()).toBe(0);
    }, 120_000);

    it('cannot write', async () => {
      const before = readFileSync(`${storage}/disk.lun`);
      expect(await spoil(server.port, image.path)).not.toBe(0);
      expect(readFileSync(`${storage}/disk.lun`).equals(before)).toBe(true);
    });
  });
});
