import { DISK_CALLS, SimulatedDisk } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { withShortWrite } from '../support/wrapped-disk.ts';
import {
  cutOffEverywhere,
  LIFE_HISTORIES,
  withoutFileSync,
  withoutNameSync,
  worldsOf,
} from '../support/life-histories.ts';

const TIMES = 24;
const TYPED = expect.stringMatching(/^(Container|Block)Error$/) as string;

/** What an act throws; undefined when it does what it should. */
const failureOf = (act: Promise<unknown>): Promise<unknown> =>
  act.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each(Object.entries(LIFE_HISTORIES))('%s', (_name, history) => {
  it('leaves the old state or the new one, at whatever change the power goes', async () => {
    expect(await cutOffEverywhere(history)).toBeGreaterThan(3);
  }, 120_000);

  it('loses nothing when any one call fails, and says what failed', async () => {
    for (const call of DISK_CALLS) {
      for (let nth = 1; nth <= TIMES; nth++) {
        for (const code of ['EIO', 'ENOSPC', 'EDQUOT']) {
          const disk = new SimulatedDisk();
          const [before, after] = worldsOf(disk, nth);
          await history.prepare(before);
          disk.faults.fail(call, nth, code);
          const failed = await failureOf(history.act(before));
          // It makes no more of these calls.
          if (disk.faults.failed === 0) break;
          if (failed !== undefined) expect(failed).toMatchObject({ name: TYPED });
          disk.faults.clear();
          try {
            await history.check(after);
          } catch (error) {
            throw new Error(`${call} ${nth} ${code}`, { cause: error });
          }
        }
      }
    }
  }, 120_000);

  it('loses nothing when a write stores a part of its bytes and fails', async () => {
    for (let nth = 1; ; nth++) {
      const disk = new SimulatedDisk();
      const [before, after] = worldsOf(disk, nth);
      await history.prepare(before);
      let wasMade = false;
      const short = withShortWrite(disk, nth, 'ENOSPC', () => (wasMade = true));
      const failed = await failureOf(history.act({ ...before, disk: short }));
      if (!wasMade) break;
      if (failed !== undefined) expect(failed).toMatchObject({ name: TYPED });
      await history.check(after);
    }
  });
});

describe('a variant that is broken is caught:', () => {
  it.each([
    'import that deletes the image',
    'import in place',
    'shrink',
    'create, preallocated and with protection',
    'export',
    'delete, of several parts',
    'import, to several parts',
    'shrink, of several parts',
  ])(
    '%s without a sync',
    async (name) => {
      await expect(cutOffEverywhere(LIFE_HISTORIES[name]!, withoutFileSync)).rejects.toThrow(/power gone/);
    },
    120_000,
  );

  it.each([
    'import that deletes the image',
    'rename',
    'create, of several parts',
    'delete, of several parts',
  ])(
    '%s without a sync of names',
    async (name) => {
      await expect(cutOffEverywhere(LIFE_HISTORIES[name]!, withoutNameSync)).rejects.toThrow(/power gone/);
    },
    120_000,
  );
});
