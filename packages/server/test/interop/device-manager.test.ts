import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { commandLine } from '../../../block/test/support/command-line.ts';
import { canMountLun } from '../support/mounted-lun.ts';
import { requiresPostgres, type Postgres } from '../support/postgres.ts';
import { run, toolEnvironment, type Finished } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { ServedDatabase } from '../support/served-database.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 3_600_000, hookTimeout: 120_000 });

const SIZE_MIB = 192;
/** With 50 it takes some minutes: `LUNBOX_SNAPSHOTS=50`. */
const SNAPSHOTS = Number(process.env['LUNBOX_SNAPSHOTS'] ?? 5);
const INITIATED_TIMEOUT_MS = 2000;
/** A suspended file system and the database on it go on within this time, whoever was killed. */
const RESUMES_WITHIN_MS = 20_000;

/** What `lunbox-manager snapshot --json` prints. */
interface Report {
  readonly level: string;
  readonly suspendedMs: number;
  readonly drivers: readonly { readonly name: string; readonly suspendedMs?: number }[];
}

const hasTools = requiresTools('qemu-storage-daemon', 'mkfs.ext4', 'fsfreeze') && requiresPostgres();
const canRun = hasTools && (await canMountLun());

describe.skipIf(!canRun)('lunbox-manager and a PostgreSQL on a served disk', () => {
  let served: ServedDatabase;
  let database: Postgres;

  beforeEach(async () => {
    served = await ServedDatabase.open('device-manager', SIZE_MIB);
    database = await served.start();
    const plan = {
      server: { portals: [`unix:${served.directory.file('nbs.sock')}`] },
      groups: {
        database: {
          objects: ['disk'],
          initiatedTimeoutMs: INITIATED_TIMEOUT_MS,
          quiesce: [
            {
              postgresql: {
                connection: `host=${served.directory.file('socket')} user=nobody dbname=postgres`,
              },
            },
            { fsfreeze: { path: served.mounted.path } },
          ],
        },
      },
    };
    // JSON is YAML, too.
    writeFileSync(served.directory.file('plan.yaml'), JSON.stringify(plan));
  });

  afterEach(async () => {
    await database.stop();
    await served.close();
  });

  const words = (...more: string[]): string[] => [
    ...commandLine('device-manager'),
    ...['snapshot', 'database', '--plan', served.directory.file('plan.yaml'), '--json', ...more],
  ];
  const manager = (...more: string[]): Promise<Finished> =>
    run(process.execPath, words(...more), { timeoutMs: 60_000 });

  it('every snapshot is application-consistent, starts elsewhere and has every commit', async () => {
    await database.initBench(1);
    const reports: Report[] = [];
    const taken = await served.takeUnderLoad(database, SNAPSHOTS, async (name) => {
      const done = await manager('--name', name);
      expect(done.status, done.output).toBe(0);
      reports.push(JSON.parse(done.stdout) as Report);
    });
    expect(new Set(reports.map(({ level }) => level))).toEqual(new Set(['application']));
    for (const each of taken) await served.checkPublished(each);
    const frozenMs = reports.flatMap(({ drivers }) => drivers.at(-1)?.suspendedMs ?? []);
    process.stderr.write(
      `${SNAPSHOTS} snapshots; the file system was frozen for ${Math.max(...frozenMs)} ms at most\n`,
    );
  });

  it('an agent suspends it when the server takes snapshots, and they have every commit', async () => {
    await database.initBench(1);
    const agent = spawn(
      process.execPath,
      [...commandLine('device-manager'), 'agent', '--plan', served.directory.file('plan.yaml')],
      { env: toolEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const said: string[] = [];
    createInterface({ input: agent.stdout }).on('line', (line) => said.push(line));
    const ended = once(agent, 'close');
    try {
      await once(agent.stderr, 'data');
      // It says that it is there before its subscriptions are.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const taken = await served.takeUnderLoad(database, 2, (name) =>
        served.snap('create', '0', '--name', name, '--quiesce'),
      );
      expect(said).toEqual(Array(2).fill('database: suspended for the server, consistency application'));
      for (const each of taken) await served.checkPublished(each);
    } finally {
      agent.kill('SIGTERM');
      await ended;
    }
    await expectResumed();
  });

  /** The database commits, and no session of the manager holds it in its backup mode. */
  const expectResumed = async (): Promise<void> => {
    const startMs = performance.now();
    const mode = `select count(*) from pg_stat_activity
      where query like '%pg_backup_start%' and pid <> pg_backend_pid()`;
    await database.query('create table if not exists goes_on (number int); insert into goes_on values (1)');
    while ((await database.query(mode)) !== '0') {
      expect(performance.now() - startMs).toBeLessThan(RESUMES_WITHIN_MS);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(performance.now() - startMs).toBeLessThan(RESUMES_WITHIN_MS);
    // Nothing is left that would thaw it later, or has frozen it.
    const again = await manager();
    expect(again.status, again.output).toBe(0);
  };

  /** Starts the manager, and kills somebody when it says that a step begins. */
  const killAt = async (step: string, kill: (pid: number) => Promise<void> | void): Promise<void> => {
    const child = spawn(process.execPath, words(), {
      env: toolEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'close');
    const lines = createInterface({ input: child.stderr });
    let killed: Promise<void> | undefined;
    lines.on('line', (line) => {
      if (line.includes(step)) killed ??= Promise.resolve(kill(child.pid!));
    });
    await ended;
    expect(killed, `it never came to ${step}`).toBeDefined();
    await killed;
  };

  it.each(['suspending', 'taking', 'resuming'])(
    'kill -9 of the manager while it is %s leaves nothing suspended',
    async (step) => {
      await killAt(step, (pid) => void process.kill(pid, 'SIGKILL'));
      await expectResumed();
    },
  );

  it('kill -9 of the server while the snapshot is taken leaves nothing suspended', async () => {
    await killAt('taking', () => served.restart());
    await expectResumed();
  });
});
