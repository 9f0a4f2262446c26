import { connectLun, type IscsiDisk } from '@lunbox/iscsi-initiator';
import { AdditionalSenseCode, SenseKey, TEST_UNIT_READY } from '@lunbox/scsi';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { run as lunboxHere } from '../../src/cli/program.ts';
import { captureOutput } from '../support/captured-output.ts';
import { makeExt4Image, readExt4File, type Ext4Image } from '../support/ext4-image.ts';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { ScsiClient } from '../support/scsi-client.ts';
import { SnapshotWriter, type SnapshotMoment } from '../support/snapshot-writer.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const EXT4_MIB = 16;
const SIZE_MIB = 24;
const SNAPSHOTS = 20;
const CHUNK = 65_536;
const tools = ['mkfs.ext4', 'debugfs', 'e2fsck', 'qemu-img', 'iscsi-ls'];
const REPLACED = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.NOT_READY_TO_READY_CHANGE };

/** What a snapshot must have. */
interface Reference {
  readonly ext4: Buffer;
  readonly moment: SnapshotMoment;
}

describe.skipIf(!requiresTools(...tools) || process.platform === 'win32')(
  'snapshots of a disk with ext4, taken while two writers go on',
  () => {
    let directory: TempDirectory;
    let target: TargetUnderTest;
    let socket: string;
    let image: Ext4Image;
    let disk: IscsiDisk;
    let writer: SnapshotWriter;
    const references: Reference[] = [];

    beforeAll(async () => {
      directory = makeTempDirectory('snapshots');
      socket = directory.file('control.sock');
      image = await makeExt4Image(directory.path, EXT4_MIB);
      target = await startLunbox({
        directory: directory.path,
        sizeBytes: SIZE_MIB * MIB,
        serveFlags: ['--control', socket],
      });
      disk = await connectLun(target.url);
      writer = new SnapshotWriter(disk, EXT4_MIB * MIB, (SIZE_MIB - EXT4_MIB) * MIB, 6);
    });

    afterEach(() => {
      vi.restoreAllMocks();
    });

    afterAll(async () => {
      await target.stop();
      directory.remove();
    });

    /** `lunbox snap … --control --json`, as its line of JSON. */
    const snap = async (verb: string, ...words: string[]): Promise<Record<string, unknown>> => {
      const { printed, complained } = captureOutput();
      const status = await lunboxHere(['snap', verb, '0', ...words, '--control', socket, '--json']);
      vi.restoreAllMocks();
      expect(complained.join('\n')).toBe('');
      expect(status).toBe(0);
      return JSON.parse(printed.join('')) as Record<string, unknown>;
    };

    /** Writes what has changed in the file system since it was written last. */
    const sync = async (before: Buffer): Promise<Buffer> => {
      const after = readFileSync(image.path);
      for (let at = 0; at < after.length; at += CHUNK) {
        const chunk = after.subarray(at, at + CHUNK);
        if (!chunk.equals(before.subarray(at, at + CHUNK))) await disk.write([chunk], at);
      }
      await disk.flush();
      return after;
    };

    const lunOf = (round: number): number => 100 + round;
    const urlOf = (lun: number): string => target.url.replace(/\/\d+$/, `/${lun}`);

    it('are taken in the middle of everything', async () => {
      let ext4 = await sync(Buffer.alloc(image.sizeBytes));
      const load = writer.run(8);
      try {
        for (let round = 0; round < SNAPSHOTS; round++) {
          writeFileSync(directory.file('news'), Buffer.alloc(200_000, 65 + round));
          await runOrThrow('debugfs', [
            '-w',
            '-R',
            `write ${directory.file('news')} news-${round}`,
            image.path,
          ]);
          ext4 = await sync(ext4);
          const askedAt = writer.now();
          await snap('create', '--name', `round ${round}`, '--label', `round=${round}`);
          references.push({ ext4, moment: { askedAt, thereAt: writer.now() } });
        }
      } finally {
        writer.stop();
        await load;
      }
      expect(writer.writes).toBeGreaterThan(SNAPSHOTS * 8);
    });

    it('are LUNs with a sound file system, and with exactly what the journal says', async () => {
      for (let round = 0; round < SNAPSHOTS; round++) {
        const opened = await snap('open', `round ${round}`, '--lun', String(lunOf(round)));
        expect(opened).toMatchObject({ event: 'opened', lun: lunOf(round), url: urlOf(lunOf(round)) });
      }
      const listed = await run('iscsi-ls', ['-s', `iscsi://${target.portal}`]);
      expect(listed.stdout.match(/^Lun:1\d\d +Type:DIRECT_ACCESS/gm)).toHaveLength(SNAPSHOTS);
      for (const [round, { ext4, moment }] of references.entries()) {
        const copy = directory.file('copy.img');
        await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', urlOf(lunOf(round)), copy]);
        const content = readFileSync(copy);
        expect(content.subarray(0, ext4.length).equals(ext4), `round ${round}`).toBe(true);
        expect(writer.faultsOf(content.subarray(ext4.length), moment), `round ${round}`).toEqual([]);
        // The journal tells one snapshot from another.
        const other = references[(round + SNAPSHOTS / 2) % SNAPSHOTS]!;
        expect(writer.faultsOf(content.subarray(ext4.length), other.moment)).not.toEqual([]);
        writeFileSync(copy, content.subarray(0, ext4.length));
        await runOrThrow('e2fsck', ['-f', '-n', copy]);
        const news = await readExt4File(copy, 0, `/news-${round}`);
        expect(news.equals(Buffer.alloc(200_000, 65 + round))).toBe(true);
        expect(await readExt4File(copy, 0, `/news-${round + 1}`)).toHaveLength(0);
      }
      const compared = await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', urlOf(103), urlOf(103)]);
      expect(compared.status, compared.output).toBe(0);
      const other = await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', urlOf(103), urlOf(104)]);
      expect(other.status, other.output).toBe(1);
    });

    it('are not deleted while they are open, and go when they are closed', async () => {
      const busy = await lunbox(['snap', 'rm', '0', 'round 3', '--control', socket]);
      expect([busy.status, busy.stderr]).toEqual([
        1,
        'lunbox: snapshot round 3 is open as LUN 103; close it with lunbox snap close\n',
      ]);
      for (let round = 0; round < SNAPSHOTS; round++) await snap('close', `round ${round}`);
      const listed = await run('iscsi-ls', ['-s', `iscsi://${target.portal}`]);
      expect(listed.stdout.match(/^Lun:/gm)).toHaveLength(1);
      await snap('rm', 'round 3');
      const { snapshots } = (await snap('ls')) as { snapshots: { name: string; labels: unknown }[] };
      expect(snapshots).toHaveLength(SNAPSHOTS - 1);
      expect(snapshots[3]).toMatchObject({ name: 'round 4', labels: { round: '4' }, level: 'crash' });
    });

    it('tell what has changed: with that, one becomes the next', async () => {
      const copy = directory.file('older.img');
      const next = directory.file('newer.img');
      await snap('open', 'round 8', '--lun', '8');
      await snap('open', 'round 9', '--lun', '9');
      await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', urlOf(8), copy]);
      await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', urlOf(9), next]);
      const words = ['diff', target.filePath, 'round 8', 'round 9', '--json', '--control', socket];
      const { stdout, status } = await lunbox(['snap', ...words]);
      expect(status).toBe(0);
      const lines = stdout.trim().split('\n');
      const [header, ...extents] = lines.map((line) => JSON.parse(line) as Record<string, number>);
      expect(header).toMatchObject({ event: 'diff', sizeBytes: SIZE_MIB * MIB });
      const end = extents.pop();
      const [older, newer] = [readFileSync(copy), readFileSync(next)];
      for (const { offset, length } of extents as { offset: number; length: number }[])
        newer.copy(older, offset, offset, offset + length);
      expect(older.equals(newer)).toBe(true);
      const changedBytes = extents.reduce((sum, { length }) => sum + length!, 0);
      expect(end).toEqual({ event: 'end', extents: extents.length, changedBytes });
      expect(changedBytes).toBeLessThan(SIZE_MIB * MIB);
      for (const round of [8, 9]) await snap('close', `round ${round}`);
    });

    it('are restored only when nobody uses the disk, or by force, and initiators hear of it', async () => {
      const refused = await lunbox(['snap', 'restore', '0', 'round 10', '--control', socket]);
      expect([refused.status, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/LUN 0 is in use by iqn\.\S+;/),
      ]);
      const { ext4, moment } = references[10]!;
      const readBack = async (): Promise<void> => {
        const copy = directory.file('restored.img');
        await runOrThrow('qemu-img', ['convert', '-f', 'raw', '-O', 'raw', target.url, copy]);
        const content = readFileSync(copy);
        expect(content.subarray(0, ext4.length).equals(ext4)).toBe(true);
        expect(writer.faultsOf(content.subarray(ext4.length), moment)).toEqual([]);
      };
      await disk.close();
      const restored = await snap('restore', 'round 10');
      expect(restored).toMatchObject({ event: 'restored', snapshot: { name: 'round 10' } });
      await readBack();
      const client = await ScsiClient.ready({ ...target, initiator: 1 });
      await snap('restore', 'round 12', '--force');
      expect(await client.send(TEST_UNIT_READY.encode())).toMatchObject({ sense: REPLACED });
      await client.close();
      await snap('restore', 'round 10', '--name', 'back again');
      await readBack();
      await target.stop();
      copyFileSync(target.filePath, directory.file('raw'));
      const raw = readFileSync(directory.file('raw')).subarray(
        target.dataOffset,
        target.dataOffset + ext4.length,
      );
      expect(raw.equals(ext4)).toBe(true);
      const checked = await lunbox(['check', target.filePath]);
      expect(checked.status, checked.output).toBe(0);
    });
  },
);
