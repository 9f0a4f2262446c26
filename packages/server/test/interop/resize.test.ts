import type { UnitEvent } from '@lunbox/iscsi-initiator';
import { AdditionalSenseCode, SenseKey, Status, TEST_UNIT_READY } from '@lunbox/scsi';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run, runOrThrow } from '../support/processes.ts';
import { requiresTools } from '../support/requires.ts';
import { ScsiClient } from '../support/scsi-client.ts';
import { lunbox, lunboxInfo, startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const tools = ['iscsi-inq', 'iscsi-readcapacity16', 'qemu-img', 'qemu-io'];
const renamed = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.INQUIRY_DATA_HAS_CHANGED };
const changed = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED };

describe.skipIf(!requiresTools(...tools) || process.platform === 'win32')(
  'a disk that changes while it is served',
  () => {
    let directory: TempDirectory;
    let target: TargetUnderTest;
    let socket: string;

    const serve = async (): Promise<void> => {
      const serveFlags = ['--control', socket];
      target = await startLunbox({ directory: directory.path, sizeBytes: 16 * MIB, serveFlags });
    };

    beforeAll(async () => {
      directory = makeTempDirectory('resize');
      socket = directory.file('control.sock');
      await serve();
    });

    afterAll(async () => {
      await target.stop();
      directory.remove();
    });

    const resize = (size: string) => lunbox(['control', socket, 'resize', '0', size]);

    /** What libiscsi and QEMU, which log in for it, take the capacity to be. */
    const seenBytes = async (): Promise<readonly unknown[]> => {
      const capacity = await runOrThrow('iscsi-readcapacity16', [target.url]);
      const info = JSON.parse(await runOrThrow('qemu-img', ['info', '--output=json', target.url])) as {
        'virtual-size': number;
      };
      return [Number(/Total size:(\d+)/.exec(capacity)?.[1]), info['virtual-size']];
    };

    const qemuIo = async (...commands: string[]): Promise<void> => {
      const args = commands.flatMap((command) => ['-c', command]);
      const result = await run('qemu-io', ['-f', 'raw', ...args, target.url]);
      expect(result.output).not.toContain('verification failed');
      expect(result.status, result.output).toBe(0);
    };

    it('tells each initiator, shows it the new size, and keeps what is in it', async () => {
      await qemuIo('write -P 0xa5 12M 4M', 'flush');
      const clients = await Promise.all(
        [1, 2].map((initiator) => ScsiClient.ready({ ...target, initiator })),
      );
      const events: UnitEvent[] = [];
      for (const { session } of clients) session.onUnitEvent((event) => events.push(event));
      const grown = await resize('40M');
      expect(grown.status, grown.output).toBe(0);
      for (const client of clients) {
        const attention = await client.send(TEST_UNIT_READY.encode());
        expect(attention).toMatchObject({ status: Status.CHECK_CONDITION, sense: changed });
        expect((await client.send(TEST_UNIT_READY.encode())).status).toBe(Status.GOOD);
      }
      expect(events).toMatchObject([{ sense: changed }, { sense: changed }]);
      await Promise.all(clients.map((client) => client.close()));
      expect(await seenBytes()).toEqual([40 * MIB, 40 * MIB]);
      await qemuIo('read -P 0xa5 12M 4M', 'read -P 0 16M 24M', 'write -P 0x5a 39M 1M', 'read -P 0x5a 39M 1M');
    });

    it('has its new size and its content after kill -9', async () => {
      await qemuIo('write -P 0x77 39M 1M', 'flush');
      expect((await resize('64M')).status).toBe(0);
      await qemuIo('write -P 0x78 63M 1M', 'flush');
      await target.kill9();
      await serve();
      expect(await seenBytes()).toEqual([64 * MIB, 64 * MIB]);
      await qemuIo('read -P 0x77 39M 1M', 'read -P 0 40M 23M', 'read -P 0x78 63M 1M');
    });

    it('is called otherwise: each initiator hears of it, and it lasts over kill -9', async () => {
      const client = await ScsiClient.ready({ ...target, initiator: 1 });
      const flags = ['--product', 'RENAMED', '--revision', '7'];
      const result = await lunbox(['control', socket, 'rename', '0', ...flags]);
      expect(result.status, result.output).toBe(0);
      const attention = await client.send(TEST_UNIT_READY.encode());
      expect(attention).toMatchObject({ status: Status.CHECK_CONDITION, sense: renamed });
      await client.close();
      expect((await run('iscsi-inq', [target.url])).output).toMatch(/Product:RENAMED\s[^]*Revision:7/);
      expect((await lunbox(['control', socket, 'rename', '0'])).status).toBe(2);
      await target.kill9();
      await serve();
      expect((await run('iscsi-inq', [target.url])).output).toMatch(/Product:RENAMED\s[^]*Revision:7/);
    });

    it('is not made smaller, and the server goes on', async () => {
      const before = await lunboxInfo(target.filePath);
      const refused = await resize('32M');
      expect([refused.status, refused.stderr]).toEqual([
        1,
        'lunbox: LUN 0 has 67108864 bytes, and cannot be made smaller while it is served\n',
      ]);
      expect([(await resize('huge')).status, (await resize('64.5K')).status]).toEqual([2, 1]);
      expect(await seenBytes()).toEqual([64 * MIB, 64 * MIB]);
      expect((await lunboxInfo(target.filePath))['headerSequence']).toBe(before['headerSequence']);
    });
  },
);
