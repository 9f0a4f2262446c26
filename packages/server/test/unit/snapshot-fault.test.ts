import { SimulatedDisk } from '@lunbox/block';
import { StorageObject } from '@lunbox/storage-object';
import { expect, it, onTestFinished } from 'vitest';
import { createServer, type DiskFault } from '../../src/index.ts';

it('a list of snapshots that cannot be made durable is a fault of the LUN', async () => {
  const disk = new SimulatedDisk();
  await (await StorageObject.create('/disk.lun', { disk, sizeBytes: 2 ** 20 })).close();
  const faults: DiskFault[] = [];
  const targets = [{ luns: [{ path: '/disk.lun' }] }];
  const portals = ['127.0.0.1:0'];
  const server = await createServer({ disk, portals, targets, onFault: (fault) => faults.push(fault) });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const { set } = server.snapshots(0);
  await set.create({ name: 'a' });
  expect(server.targets[0]?.luns[0]?.fault).toBeUndefined();
  disk.faults.fail('sync', 1, 'EIO');
  await expect(set.rename('a', 'b')).rejects.toThrow();
  const [lun] = server.targets[0]!.luns;
  expect(lun?.fault).toMatch(/opened again/);
  expect(faults).toEqual([{ lun: 0, path: '/disk.lun', fault: lun?.fault }]);
});
