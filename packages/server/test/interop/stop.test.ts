import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCapacity, settle } from '../../bench/disk.ts';
import { Initiator } from '../../bench/initiator.ts';
import { Task } from '../../bench/task.ts';
import { run } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { lunbox, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

describe('the server as a process', () => {
  let directory: TempDirectory;
  let target: TargetUnderTest;

  beforeEach(async () => {
    directory = makeTempDirectory('stop');
    target = await startLunbox({ directory: directory.path, sizeBytes: 64 << 20 });
  });

  afterEach(async () => {
    await target.kill9();
    directory.remove();
  });

  it('SIGTERM with nobody logged in ends it with status 0', async () => {
    expect(await target.stop()).toBe(0);
  });

  it('SIGTERM asks a session to log out, lets it, and ends with status 0', async () => {
    const initiator = await Initiator.connect(target);
    await settle(initiator);
    const ending = target.stop();
    expect(await initiator.asyncMessage).toBe(1);
    await initiator.logout();
    expect(await ending).toBe(0);
  });

  it('SIGTERM does not wait for ever for a session that ignores the request', async () => {
    const initiator = await Initiator.connect(target);
    await settle(initiator);
    expect(await target.stop()).toBe(0);
    await initiator.closed;
  });

  it('writes that were answered before SIGTERM are in the file, although nobody flushed', async () => {
    const initiator = await Initiator.connect(target);
    await settle(initiator);
    const task = new Task();
    task.data = Buffer.alloc(4096, 0x6d);
    task.setTransfer('write', 8, 8, 4096);
    await initiator.execute(task);
    expect(task.status).toBe(0);
    void target.stop();
    await initiator.closed;
    const again = await startLunbox({ directory: directory.path });
    const reader = await Initiator.connect(again);
    await settle(reader);
    const read = new Task();
    read.data = Buffer.alloc(4096);
    read.setTransfer('read', 8, 8, 4096);
    await reader.execute(read);
    await reader.logout();
    await again.stop();
    expect(read.data.equals(task.data)).toBe(true);
  });

  it('a second server refuses the file while it is served, and the first goes on', async () => {
    const second = await lunbox(['serve', target.filePath, '--portal', '127.0.0.1:0', '--json']);
    expect(second.timedOut).toBe(false);
    expect(second.status).not.toBe(0);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    const initiator = await Initiator.connect(target);
    await settle(initiator);
    expect((await readCapacity(initiator)).blockCount).toBe((64 << 20) / 512);
    await initiator.logout();
  });

  it('a port in use is refused in one line', async () => {
    const other = directory.file('other.lun');
    expect((await lunbox(['create', other, '--size', '16M'])).status).toBe(0);
    const second = await lunbox(['serve', other, '--portal', target.portal, '--json']);
    expect(second.timedOut).toBe(false);
    expect(second.status).not.toBe(0);
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(second.stderr).toContain(String(target.port));
  });

  it.skipIf(!requiresTools('qemu-io'))(
    'QEMU refuses to write the file behind the back of the server',
    async () => {
      const result = await run('qemu-io', ['-f', 'raw', '-c', 'write -P 1 0 512', target.filePath]);
      expect(result.output).toMatch(/lock/);
      expect(result.status).not.toBe(0);
    },
  );
});
