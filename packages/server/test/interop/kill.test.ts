import { closeSync, openSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKillCycles, type KillReport } from '../../soak/kill-cycles.ts';
import { StampedWriter } from '../../soak/stamped-writer.ts';
import { requiresTools } from '../support/requires.ts';
import { startTarget, targetKindUnderTest } from '../support/start-target.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const kind = targetKindUnderTest();
const ready = kind === 'lunbox' || requiresTools('tgtd', 'tgtadm');

describe.skipIf(!ready)('kill -9 of the server under write load, 20 times on one file', () => {
  const seed = 20_260;
  let directory: TempDirectory;
  let report: KillReport;

  beforeAll(async () => {
    directory = makeTempDirectory('kill');
    report = await runKillCycles({ kind, directory: directory.path, cycles: 20, seed, loadMs: [30, 300] });
  }, 240_000);

  afterAll(() => {
    directory.remove();
  });

  it('every flushed write is there after each restart, and no sector is torn or foreign', () => {
    expect(report.violations, `seed ${seed}`).toEqual([]);
  });

  it('the load was real: writes were answered and flushed between the kills', () => {
    expect(report.cycles).toBe(20);
    expect(report.stamps).toBeGreaterThan(2000);
    expect(report.flushes).toBeGreaterThan(20);
    expect(report.promised).toBeGreaterThan(2000);
  });
});

describe.skipIf(kind !== 'lunbox')(
  'kill -9 while snapshots are taken, deleted and restored, 10 times',
  () => {
    const seed = 20_261;

    it('no flushed write is lost, and every snapshot has what it must have', async () => {
      const directory = makeTempDirectory('kill-snapshots');
      const options = {
        kind,
        directory: directory.path,
        cycles: 10,
        seed,
        loadMs: [300, 1200] as const,
        snapshots: true,
      };
      const { violations, snapshots } = await runKillCycles(options);
      directory.remove();
      expect(violations, `seed ${seed}`).toEqual([]);
      expect(snapshots.created).toBeGreaterThan(10);
      expect(snapshots.deleted).toBeGreaterThan(5);
      expect(snapshots.checked).toBeGreaterThan(20);
      expect(snapshots.restored).toBeGreaterThan(0);
    }, 240_000);
  },
);

describe.skipIf(!ready)('the judge of flushed writes', () => {
  it('notices one sector that is lost behind the back of the target', async () => {
    const directory = makeTempDirectory('judge');
    const grains = 16;
    const writer = new StampedWriter(grains, 7);
    const options = { directory: directory.path, sizeBytes: 32 << 20 };
    let target = await startTarget(kind, options);
    const cut = writer.writeUntilCut(target, 8);
    while (writer.progress.stamps < 1000 || writer.progress.flushes < 10) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await target.kill9();
    await cut;
    // Sector 2 of grain 5 goes back to what it was before anything was written.
    const file = openSync(target.filePath, 'r+');
    writeSync(file, Buffer.alloc(512), 0, 512, target.dataOffset + 5 * 4096 + 2 * 512);
    closeSync(file);
    target = await startTarget(kind, options);
    const check = await writer.check(target);
    await target.stop();
    directory.remove();
    expect(check.promised).toBe(grains);
    expect(check.violations).toEqual([expect.stringMatching(/^grain 5 sector 2: stamp 0, flushed [1-9]/)]);
  });
});
