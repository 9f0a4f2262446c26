import { chmodSync, copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { canMountLun, mountImage, mountLun, type MountedLun } from '../support/mounted-lun.ts';
import { Postgres, requiresPostgres } from '../support/postgres.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, lunboxInfo, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const SIZE_MIB = 160;
const SNAPSHOTS = 4;
const SUMS = `select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers)
  and (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers)
  and (select coalesce(sum(delta), 0) from pgbench_history) = (select sum(bbalance) from pgbench_branches)`;

/** What was committed when a snapshot was asked for, and the most that can be in it. */
interface Taken {
  readonly name: string;
  readonly committed: number;
  readonly sent: number;
}

const hasTools = requiresTools('qemu-storage-daemon', 'mkfs.ext4') && requiresPostgres();
const canRun = hasTools && (await canMountLun());

describe.skipIf(!canRun)('a PostgreSQL whose data directory lies on a served disk', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;
  let mounted: MountedLun;

  beforeEach(async () => {
    directory = makeTempDirectory('postgresql');
    // The database's user, who is nobody, passes through to its data.
    chmodSync(directory.path, 0o711);
    const serveFlags = ['--control', directory.file('control.sock')];
    target = await startLunbox({ directory: directory.path, sizeBytes: SIZE_MIB << 20, serveFlags });
    mounted = await mountLun(target.url, directory.path);
  });

  afterEach(async () => {
    await mounted.unmount();
    await target.stop();
    directory.remove();
  });

  const snap = async (...words: string[]): Promise<void> => {
    const control = ['--control', directory.file('control.sock'), '--json'];
    const done = await lunbox(['snap', ...words, ...control], 60_000);
    expect(done.status, done.output).toBe(0);
  };

  /** Loads the database, and takes snapshots meanwhile. */
  const takeUnderLoad = async (database: Postgres): Promise<Taken[]> => {
    const taken: Taken[] = [];
    const stopBench = await database.bench(4);
    const journal = database.journal();
    for (let index = 0; index < SNAPSHOTS; index++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { committed } = journal;
      await snap('create', '0', '--name', `s${index}`);
      taken.push({ name: `s${index}`, committed, sent: journal.sent });
    }
    await journal.stop();
    await stopBench();
    return taken;
  };

  /** Starts the database on a publication of a snapshot, and looks whether all of it is there. */
  const checkPublished = async ({ name, committed, sent }: Taken): Promise<void> => {
    await snap('publish', '0', name, '--to', directory.file('export'), '--name', name);
    const { dataOffset } = await lunboxInfo(directory.file(`export/${name}.lun`));
    const copy = directory.file('copy');
    copyFileSync(directory.file(`export/${name}.lun`), copy);
    chmodSync(copy, 0o600);
    const elsewhere = await mountImage(copy, dataOffset, directory.file(name));
    // The process that it names is alive, and serves the original.
    rmSync(join(elsewhere.path, 'data/postmaster.pid'));
    let database: Postgres | undefined;
    try {
      database = await Postgres.start(join(elsewhere.path, 'data'), directory.file(`socket-${name}`));
      expect(database.log()).toContain('redo done');
      const rows = await database.query('select count(*), max(number), min(number) from journal');
      const [count, newest, oldest] = rows.split('|').map(Number);
      expect([count, oldest]).toEqual([newest, 1]);
      expect(newest).toBeGreaterThanOrEqual(committed);
      expect(newest).toBeLessThanOrEqual(sent);
      expect(await database.query(SUMS)).toBe('t');
      expect(await database.amcheck()).toBe('');
    } finally {
      await database?.stop();
      await elsewhere.unmount();
    }
  };

  it('is in each snapshot that is taken under pgbench: it recovers elsewhere, and no commit is lost', async () => {
    mkdirSync(directory.file('export'));
    await Postgres.init(join(mounted.path, 'data'));
    const database = await Postgres.start(join(mounted.path, 'data'), directory.file('socket'));
    try {
      await database.initBench(1);
      const taken = await takeUnderLoad(database);
      expect(taken.at(-1)?.committed).toBeGreaterThan(taken[0]?.committed ?? 0);
      for (const each of taken) await checkPublished(each);
    } finally {
      await database.stop();
    }
  });
});
