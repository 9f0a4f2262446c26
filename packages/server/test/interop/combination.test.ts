import { appendFileSync, existsSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, lunboxInfo, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

interface Status {
  readonly targets: readonly { readonly luns: readonly { readonly layout: Layout }[] }[];
}

interface Layout {
  readonly kind: string;
  readonly state?: string;
  readonly parts?: readonly Layout[];
}

describe.skipIf(!requiresTools('qemu-img', 'qemu-io') || process.platform === 'win32')(
  'a disk of several parts',
  () => {
    let directory: TempDirectory;
    let target: TargetUnderTest | undefined;
    const loops: string[] = [];

    beforeEach(() => {
      directory = makeTempDirectory('combination');
      target = undefined;
    });

    afterEach(async () => {
      await target?.stop();
      for (const loop of loops.splice(0)) await run('losetup', ['-d', loop]);
      directory.remove();
    });

    const serve = async (): Promise<TargetUnderTest> => {
      const serveFlags = ['--control', directory.file('control.sock')];
      target = await startLunbox({ directory: directory.path, sizeBytes: 8 << 20, serveFlags });
      return target;
    };

    const create = async (...flags: string[]): Promise<void> => {
      const made = await lunbox(['create', directory.file('disk.lun'), '--size', '8M', ...flags]);
      expect(made.status, made.output).toBe(0);
    };

    const qemuIo = async (url: string, ...commands: string[]): Promise<void> => {
      const args = commands.flatMap((command) => ['-c', command]);
      const result = await run('qemu-io', ['-f', 'raw', ...args, url]);
      expect(result.output).not.toContain('verification failed');
      expect(result.status, result.output).toBe(0);
    };

    const layoutNow = async (): Promise<Layout> => {
      const { stdout } = await lunbox(['control', directory.file('control.sock'), 'status']);
      return (JSON.parse(stdout) as Status).targets[0]!.luns[0]!.layout;
    };

    it('is created by one line, served, read by qemu-img, and shown as a tree', async () => {
      const [a, b] = [directory.file('a.img'), directory.file('b.img')];
      await create('--layout', `stripe(64K, ${a}, ${b})`);
      const { url, stop } = await serve();
      await qemuIo(url, 'write -P 0x11 0 64k', 'write -P 0x22 64k 64k', 'flush');
      await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', url, directory.file('out.raw')]);
      await stop();
      target = undefined;
      const out = readFileSync(directory.file('out.raw'));
      expect([out[0], out[65_535], out[65_536], out[131_071], out[131_072]]).toEqual([
        0x11, 0x11, 0x22, 0x22, 0,
      ]);
      // Each part is raw behind its first MiB.
      expect(readFileSync(a)[1 << 20]).toBe(0x11);
      expect(readFileSync(b)[1 << 20]).toBe(0x22);
      const info = await lunbox(['info', directory.file('disk.lun')]);
      expect(info.output).toContain('stripe: 8 MiB, units of 64 KiB');
      expect(Buffer.from(info.stdout, 'latin1').toString()).toContain('├─ file a.img: 4 MiB');
      expect(Buffer.from(info.stdout, 'latin1').toString()).toContain('└─ file b.img: 4 MiB');
      const refused = await lunbox(['serve', a]);
      expect(refused.output).toContain('is a part of the disk');
    });

    it('goes on without a leg, and makes it equal when it is back', async () => {
      await create('--raid', '1', '--part', directory.file('a.img'), '--part', directory.file('b.img'));
      const first = await serve();
      await qemuIo(first.url, 'write -P 0x31 0 8M', 'flush');
      await first.stop();
      renameSync(directory.file('a.img'), directory.file('away.img'));
      const second = await serve();
      await qemuIo(second.url, 'write -P 0x32 1M 1M', 'flush');
      expect((await layoutNow()).parts?.map(({ state }) => state)).toEqual(['stale', 'in-sync']);
      renameSync(directory.file('away.img'), directory.file('a.img'));
      await vi.waitFor(
        async () => {
          expect((await layoutNow()).parts?.map(({ state }) => state)).toEqual(['in-sync', 'in-sync']);
        },
        { timeout: 60_000, interval: 500 },
      );
      await second.stop();
      const [a, b] = [readFileSync(directory.file('a.img')), readFileSync(directory.file('b.img'))];
      expect(a.subarray(1 << 20).equals(b.subarray(1 << 20))).toBe(true);
      renameSync(directory.file('b.img'), directory.file('gone.img'));
      const third = await serve();
      await qemuIo(third.url, 'read -P 0x31 0 1M', 'read -P 0x32 1M 1M', 'read -P 0x31 2M 6M');
    });

    it('keeps what was flushed over kill -9, and its legs are alike again', async () => {
      await create('--layout', `mirror(${directory.file('a.img')}, ${directory.file('b.img')})`);
      const first = await serve();
      await qemuIo(first.url, 'write -P 0x41 0 4M', 'flush');
      await first.kill9();
      const second = await serve();
      await qemuIo(second.url, 'read -P 0x41 0 4M', 'read -P 0 4M 4M');
      await vi.waitFor(async () => expect(JSON.stringify(await layoutNow())).not.toContain('unsynced'), {
        timeout: 60_000,
        interval: 500,
      });
    });

    it('is refused when a part is missing, and check says which', async () => {
      await create('--layout', `stripe(${directory.file('a.img')}, ${directory.file('b.img')})`);
      renameSync(directory.file('b.img'), directory.file('away.img'));
      const refused = await lunbox(['serve', directory.file('disk.lun')]);
      expect(refused.status).toBe(1);
      expect(refused.output).toContain(`the part ${directory.file('b.img')} is missing`);
      const checked = await lunbox(['check', directory.file('disk.lun')]);
      expect(checked.status).toBe(5);
      expect(checked.output).toContain('PART_MISSING');
    });

    it.each([
      ['stripe(64K, a.img', 'cannot be read'],
      ['raid5(a.img)', 'there is no layout raid5'],
      ['slice(1M, a.img)', 'slice(OFFSET, LENGTH, PART)'],
      ['stripe(100, a.img, b.img)', 'stripe of 100 bytes'],
    ])('refuses the layout %s in one line', async (layout, reason) => {
      const refused = await lunbox([
        'create',
        directory.file('disk.lun'),
        '--size',
        '8M',
        '--layout',
        layout,
      ]);
      expect(refused.status).toBe(2);
      expect(refused.output).toContain(reason);
      expect(existsSync(directory.file('disk.lun'))).toBe(false);
    });

    const loopDevice = async (name: string, sizeBytes: number): Promise<string | undefined> => {
      writeFileSync(directory.file(name), '');
      truncateSync(directory.file(name), sizeBytes);
      const made = await run('losetup', ['--find', '--show', directory.file(name)]);
      if (made.status !== 0) return undefined;
      loops.push(made.output.trim());
      return made.output.trim();
    };

    it.skipIf(process.getuid?.() !== 0 || !requiresTools('losetup'))(
      'takes raw volumes',
      async ({ skip }) => {
        const loop = await loopDevice('volume', 6 << 20);
        if (loop === undefined) return skip('root has no loop devices here, as in some containers');
        await create('--layout', `concat(${loop}, ${directory.file('b.img')})`);
        expect((await lunboxInfo(directory.file('disk.lun')))['layout']).toMatchObject({
          parts: [
            { kind: 'volume', path: loop, sizeBytes: 5 << 20 },
            { kind: 'file', sizeBytes: 3 << 20 },
          ],
        });
        const { url, stop } = await serve();
        await qemuIo(url, 'write -P 0x51 4M 2M', 'flush', 'read -P 0x51 4M 2M');
        await stop();
        target = undefined;
        const third = await serve();
        await qemuIo(third.url, 'read -P 0x51 4M 2M');
        const other = ['create', directory.file('other.lun'), '--size', '4M', '--layout', loop];
        expect((await lunbox(other)).output).toContain('is in use by another program, or mounted');
        await third.stop();
        target = undefined;
        expect((await lunbox(other)).output).toContain('holds something already');
        expect((await lunbox([...other, '--overwrite-volumes'])).status).toBe(0);
        expect((await lunbox(['serve', directory.file('disk.lun')])).output).toContain(
          'is not the part that belongs there',
        );
      },
    );

    it.skipIf(process.getuid?.() !== 0 || !requiresTools('losetup'))(
      'grows onto a raw volume that has become larger, while it is served',
      async ({ skip }) => {
        const loop = await loopDevice('volume', 9 << 20);
        if (loop === undefined) return skip('root has no loop devices here, as in some containers');
        await create('--layout', loop);
        const { url, stop } = await serve();
        await qemuIo(url, 'write -P 0x61 0 8M', 'flush');
        const resize = (): ReturnType<typeof lunbox> =>
          lunbox(['control', directory.file('control.sock'), 'resize', '0', '12M']);
        const refused = await resize();
        expect(refused.status, refused.output).not.toBe(0);
        expect(refused.output).toContain(`${loop} cannot be made larger: it has room for ${8 << 20} bytes`);
        // What was there before must not show up in the disk.
        appendFileSync(directory.file('volume'), Buffer.alloc(5 << 20, 0xee));
        await runOrThrow('losetup', ['-c', loop]);
        const grown = await resize();
        expect(grown.status, grown.output).toBe(0);
        await qemuIo(url, 'read -P 0x61 0 8M', 'read -P 0 8M 4M', 'write -P 0x62 11M 1M', 'flush');
        await stop();
        target = undefined;
        expect((await lunbox(['check', directory.file('disk.lun')])).status).toBe(0);
        const second = await serve();
        await qemuIo(second.url, 'read -P 0x61 0 8M', 'read -P 0 8M 3M', 'read -P 0x62 11M 1M');
        await second.stop();
        target = undefined;
        const deleted = await lunbox(['delete', directory.file('disk.lun')]);
        expect(deleted.output).toContain(`${loop} is a raw volume, and is left as it is`);
        expect(readFileSync(directory.file('volume'))[1 << 20]).toBe(0x61);
      },
    );
  },
);
