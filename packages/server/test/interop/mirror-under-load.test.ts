import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { canMount, mountSmall, type SmallFileSystem } from '../support/small-file-system.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const SIZE_MIB = 24;
/** One leg runs full with its headers and so much of the disk. */
const SMALL_MIB = 8;

describe.skipIf(!requiresTools('qemu-io') || !canMount())(
  'a mirror, one leg of which fails under load',
  () => {
    let directory: TempDirectory;
    let small: SmallFileSystem;
    let target: TargetUnderTest | undefined;

    beforeAll(async () => {
      directory = makeTempDirectory('mirror');
      small = await mountSmall('tmpfs', directory.path, SMALL_MIB);
    });

    afterAll(async () => {
      await target?.stop();
      await small.unmount();
      directory.remove();
    });

    const serve = async (): Promise<TargetUnderTest> => {
      target = await startLunbox({ directory: directory.path, sizeBytes: SIZE_MIB * MIB });
      return target;
    };

    const qemuIo = async (url: string, commands: readonly string[]): Promise<void> => {
      const result = await run('qemu-io', ['-f', 'raw', ...commands.flatMap((each) => ['-c', each]), url]);
      expect(result.output).not.toContain('failed');
      expect(result.status, result.output).toBe(0);
    };

    /** Writes of 64 KiB, many at a time, over some MiB of the disk, each MiB with a pattern of its own. */
    const load = (url: string, startMib: number, endMib: number, round: number): Promise<void> => {
      const writes: string[] = [];
      for (let at = startMib * 16; at < endMib * 16; at++) {
        writes.push(`aio_write -q -P ${pattern(round, Math.floor(at / 16))} ${at * 64}k 64k`);
        if (at % 64 === 63) writes.push('aio_flush');
      }
      return qemuIo(url, [...writes, 'aio_flush', 'flush']);
    };

    const pattern = (round: number, mib: number): number => 1 + ((round * 50 + mib) % 255);

    const verify = (url: string, startMib: number, endMib: number, round: number): Promise<void> => {
      const reads = Array.from({ length: endMib - startMib }, (_, index) => startMib + index);
      return qemuIo(
        url,
        reads.map((mib) => `read -q -P ${pattern(round, mib)} ${mib}M 1M`),
      );
    };

    const told = (state: string): boolean =>
      (target?.log() ?? '')
        .split('\n')
        .some((line) => line.includes('"event":"mirror"') && line.includes(state));

    it('loses nothing, tells of it, and is made equal when there is space again', async () => {
      const [a, b] = [join(small.path, 'a.img'), directory.file('b.img')];
      const made = await lunbox([
        'create',
        directory.file('disk.lun'),
        '--size',
        `${SIZE_MIB}M`,
        '--layout',
        `mirror(${a}, ${b})`,
      ]);
      expect(made.status, made.output).toBe(0);
      const { url } = await serve();
      // Two initiators; no write of either may fail, though the file system of the first leg runs full.
      await Promise.all([load(url, 0, 12, 1), load(url, 12, SIZE_MIB, 1)]);
      expect(told('"failed"'), target?.log()).toBe(true);
      expect(told('"in-sync"')).toBe(false);
      await verify(url, 0, SIZE_MIB, 1);
      await runOrThrow('mount', ['-o', 'remount,size=64M', small.path]);
      // The leg is written anew while the load goes on.
      await load(url, 4, 16, 2);
      await vi.waitFor(() => expect(told('"in-sync"')).toBe(true), { timeout: 90_000, interval: 250 });
      expect(told('"resyncing"')).toBe(true);
      await load(url, 16, 20, 3);
      await target?.stop();
      target = undefined;
      expect(readFileSync(a).subarray(MIB).equals(readFileSync(b).subarray(MIB))).toBe(true);
      const checked = await lunbox(['check', directory.file('disk.lun')]);
      expect(checked.status, checked.output).toBe(0);
      // The leg that had failed has everything by itself.
      mkdirSync(directory.file('away'));
      renameSync(b, directory.file('away/b.img'));
      const alone = await serve();
      await verify(alone.url, 0, 4, 1);
      await verify(alone.url, 4, 16, 2);
      await verify(alone.url, 16, 20, 3);
      await verify(alone.url, 20, SIZE_MIB, 1);
    });
  },
);
