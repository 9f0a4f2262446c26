import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { mountImage, mountLun, type MountedLun } from './mounted-lun.ts';
import { Postgres } from './postgres.ts';
import { lunbox, lunboxInfo, startLunbox } from './start-lunbox.ts';
import type { TargetUnderTest } from './target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from './temp-directory.ts';

const SUMS = `select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers)
  and (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers)
  and (select coalesce(sum(delta), 0) from pgbench_history) = (select sum(bbalance) from pgbench_branches)`;

/** What was committed when a snapshot was asked for, and the most that can be in it. */
export interface Taken {
  readonly name: string;
  readonly committed: number;
  readonly sent: number;
}

/** A disk that is served and mounted, for a PostgreSQL to have its data on. */
export class ServedDatabase {
  readonly directory: TempDirectory;
  readonly mounted: MountedLun;
  readonly #serve: () => Promise<TargetUnderTest>;
  target: TargetUnderTest;

  private constructor(
    directory: TempDirectory,
    target: TargetUnderTest,
    mounted: MountedLun,
    serve: () => Promise<TargetUnderTest>,
  ) {
    this.directory = directory;
    this.target = target;
    this.mounted = mounted;
    this.#serve = serve;
  }

  /** Serves a new disk, with a control socket and with NBS, and mounts it. */
  static async open(purpose: string, sizeMib: number): Promise<ServedDatabase> {
    const directory = makeTempDirectory(purpose);
    // The database's user, who is nobody, passes through to its data.
    chmodSync(directory.path, 0o711);
    const [control, nbs] = [directory.file('control.sock'), directory.file('nbs.sock')];
    let port: string | undefined;
    const serve = async (): Promise<TargetUnderTest> => {
      const serveFlags = ['--control', control, '--nbs', `unix:${nbs}`];
      const where = port === undefined ? {} : { port: Number(port) };
      const target = await startLunbox({
        directory: directory.path,
        sizeBytes: sizeMib << 20,
        serveFlags,
        ...where,
      });
      ({ port } = new URL(target.url));
      return target;
    };
    const target = await serve();
    return new ServedDatabase(directory, target, await mountLun(target.url, directory.path), serve);
  }

  /** Where PostgreSQL has its data. */
  get dataPath(): string {
    return join(this.mounted.path, 'data');
  }

  /** Makes a database and starts it. */
  async start(): Promise<Postgres> {
    mkdirSync(this.directory.file('export'));
    await Postgres.init(this.dataPath);
    return await Postgres.start(this.dataPath, this.directory.file('socket'));
  }

  /** Kills the server, and starts another one in its place. */
  async restart(): Promise<void> {
    await this.target.kill9();
    this.target = await this.#serve();
  }

  /** Runs `lunbox snap`. */
  async snap(...words: string[]): Promise<void> {
    const control = ['--control', this.directory.file('control.sock'), '--json'];
    const done = await lunbox(['snap', ...words, ...control], 60_000);
    expect(done.status, done.output).toBe(0);
  }

  /** Loads the database, and takes so many snapshots meanwhile. */
  async takeUnderLoad(
    database: Postgres,
    count: number,
    take: (name: string) => Promise<void>,
  ): Promise<Taken[]> {
    const taken: Taken[] = [];
    const stopBench = await database.bench(4);
    const journal = database.journal();
    for (let index = 0; index < count; index++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { committed } = journal;
      await take(`s${index}`);
      taken.push({ name: `s${index}`, committed, sent: journal.sent });
    }
    await journal.stop();
    await stopBench();
    expect(taken.at(-1)?.committed).toBeGreaterThan(taken[0]?.committed ?? 0);
    return taken;
  }

  /** Starts the database on a publication of a snapshot, and looks whether all of it is there. */
  async checkPublished({ name, committed, sent }: Taken): Promise<void> {
    const { directory } = this;
    await this.snap('publish', '0', name, '--to', directory.file('export'), '--name', name);
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
      const [found, newest, oldest] = rows.split('|').map(Number);
      expect([found, oldest]).toEqual([newest, 1]);
      expect(newest).toBeGreaterThanOrEqual(committed);
      expect(newest).toBeLessThanOrEqual(sent);
      expect(await database.query(SUMS)).toBe('t');
      expect(await database.amcheck()).toBe('');
    } finally {
      await database?.stop();
      await elsewhere.unmount();
    }
    rmSync(directory.file(`export/${name}.lun`), { force: true });
  }

  /** Takes everything away again; the database must have been stopped. */
  async close(): Promise<void> {
    if (existsSync(this.mounted.path)) await this.mounted.unmount();
    await this.target.stop();
    this.directory.remove();
  }
}
