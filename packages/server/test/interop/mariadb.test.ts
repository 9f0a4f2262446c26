import { mysqlDriver } from '@lunbox/device-manager';
import { cpSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MariaDb, type MariaJournal } from '../support/mariadb.ts';
import { requiresTools } from '../support/requires.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const canRun = requiresTools('mariadbd', 'mariadb-install-db', 'mariadb');

describe.skipIf(!canRun)('a MariaDB that the driver suspends', () => {
  let directory: TempDirectory;
  let database: MariaDb;
  let journal: MariaJournal;

  beforeEach(async () => {
    directory = makeTempDirectory('mariadb');
    await MariaDb.init(directory.file('data'));
    database = await MariaDb.start(directory.file('data'), directory.file('original'));
    await database.query('CREATE DATABASE journal; CREATE TABLE journal.n (n INT PRIMARY KEY) ENGINE=InnoDB');
    journal = database.journal();
    await journal.goesOn();
  });

  afterEach(async () => {
    await journal.stop();
    await database.stop();
    directory.remove();
  });

  const suspend = (holdLimitMs: number, readyTimeoutMs = 10_000) =>
    mysqlDriver(database.defaultsFile, ['mariadb']).suspend({ readyTimeoutMs, holdLimitMs });

  it('commits nothing until it is resumed, and a copy of that time has all that was committed before', async () => {
    const suspension = await suspend(60_000);
    await wait(100);
    const committed = journal.committed;
    await wait(300);
    expect(journal.committed).toBe(committed);
    const copy = directory.file('copy');
    database.frozen(() => cpSync(directory.file('data'), copy, { recursive: true }));
    expect(await suspension.resume()).toBe(true);
    await journal.goesOn();
    const restored = await MariaDb.start(copy, directory.file('restored'));
    try {
      expect(await restored.query('SELECT COUNT(*), MAX(n) FROM journal.n')).toBe(
        `${committed}\t${committed}`,
      );
      expect(await restored.query('CHECK TABLE journal.n EXTENDED')).toMatch(/status\tOK$/);
    } finally {
      await restored.stop();
    }
  });

  it('goes on by itself when nobody resumes it in time, and that is told', async () => {
    const suspension = await suspend(500, 1000);
    await wait(2000);
    await journal.goesOn();
    expect(await suspension.resume()).toBe(false);
  });

  it('is not suspended while a long statement keeps it from that, and goes on', async () => {
    const busy = database.query('UPDATE journal.n SET n = n WHERE n = 1 AND SLEEP(4) = 0');
    await wait(200);
    await expect(suspend(500, 1000)).rejects.toThrow('it was not ready in time');
    await journal.goesOn();
    await busy;
  });
});
