import { afterEach, beforeEach, describe, it, vi } from 'vitest';
import { canMountLun } from '../support/mounted-lun.ts';
import { requiresPostgres } from '../support/postgres.ts';
import { requiresTools } from '../support/requires.ts';
import { ServedDatabase } from '../support/served-database.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const SIZE_MIB = 160;
const SNAPSHOTS = 4;

const hasTools = requiresTools('qemu-storage-daemon', 'mkfs.ext4') && requiresPostgres();
const canRun = hasTools && (await canMountLun());

describe.skipIf(!canRun)('a PostgreSQL whose data directory lies on a served disk', () => {
  let served: ServedDatabase;

  beforeEach(async () => {
    served = await ServedDatabase.open('postgresql', SIZE_MIB);
  });

  afterEach(async () => {
    await served.close();
  });

  it('is in each snapshot that is taken under pgbench: it recovers elsewhere, and no commit is lost', async () => {
    const database = await served.start();
    try {
      await database.initBench(1);
      const take = (name: string): Promise<void> => served.snap('create', '0', '--name', name);
      for (const each of await served.takeUnderLoad(database, SNAPSHOTS, take))
        await served.checkPublished(each);
    } finally {
      await database.stop();
    }
  });
});
