import { expect, it, vi } from 'vitest';
import type { SnapList } from '../../src/cli/snap-desk.ts';
import { askControl } from '../support/ask-control.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import { makeTempDirectory } from '../support/temp-directory.ts';

// Processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000 });

it('lunbox serve takes a snapshot each second and keeps three, and goes on after a restart', async () => {
  const directory = makeTempDirectory('schedule');
  const socket = directory.file('control.sock');
  const start = () =>
    startLunbox({ directory: directory.path, sizeBytes: 1 << 20, serveFlags: ['--control', socket] });
  let target = await start();
  const names = async (): Promise<string[]> => {
    const list = (await askControl(socket, { verb: 'snap-ls', lun: 0 })) as SnapList;
    return list.snapshots.map(({ name }) => name);
  };
  const seen = new Set<string>();
  const watch = async (count: number): Promise<void> => {
    while (seen.size < count) {
      const found = await names();
      // Three, and one that has been taken a moment ago.
      expect(found.length).toBeLessThanOrEqual(4);
      for (const name of found) seen.add(name);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  try {
    const schedule = { everyMs: 1000, keep: { last: 3 } };
    await askControl(socket, { verb: 'snap-schedule', lun: 0, schedule });
    await watch(5);
    for (const name of seen) expect(name).toMatch(/^auto-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    await target.stop();
    target = await start();
    await watch(7);
    expect(await askControl(socket, { verb: 'snap-schedule', lun: 0, schedule: null })).toMatchObject({
      schedule: null,
    });
    await vi.waitUntil(async () => (await names()).length === 3);
    expect(target.log()).not.toContain('warning');
  } finally {
    await target.stop();
    directory.remove();
  }
});
