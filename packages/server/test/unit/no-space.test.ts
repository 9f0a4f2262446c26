import { SimulatedDisk } from '@lunbox/block';
import { AdditionalSenseCode, READ_10, SenseKey, Status, SYNCHRONIZE_CACHE_10, WRITE_10 } from '@lunbox/scsi';
import { StorageObject } from '@lunbox/storage-object';
import { expect, it, onTestFinished } from 'vitest';
import { createServer } from '../../src/index.ts';
import { ScsiClient } from '../support/scsi-client.ts';

const IQN = 'iqn.2026-11.com.example:full';
const good = { status: Status.GOOD };

/** A container on a simulated disk that is served, and an initiator of it. */
async function serving() {
  const disk = new SimulatedDisk();
  await (await StorageObject.create('/disk.lun', { disk, sizeBytes: 2 ** 20 })).close();
  const targets = [{ iqn: IQN, luns: [{ path: '/disk.lun' }] }];
  const server = await createServer({ disk, portals: ['127.0.0.1:0'], targets });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const port = Number(server.portals[0]!.split(':').at(-1));
  const client = await ScsiClient.ready({ host: '127.0.0.1', port, iqn: IQN, initiator: 1 });
  onTestFinished(() => client.close());
  return { disk, client };
}

it.each(['ENOSPC', 'EDQUOT'])('a write that %s ends is told 27h/07h, and the disk goes on', async (errno) => {
  const { disk, client } = await serving();
  const write = (lba: number, value: number) =>
    client.send(
      WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: 8 }),
      new Uint8Array(4096).fill(value),
    );
  expect(await write(0, 1)).toMatchObject(good);
  disk.faults.fail('write', 1, errno);
  expect(await write(8, 2)).toMatchObject({
    status: Status.CHECK_CONDITION,
    sense: {
      senseKey: SenseKey.DATA_PROTECT,
      ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
    },
  });
  expect(await write(8, 3)).toMatchObject(good);
  expect(await client.send(SYNCHRONIZE_CACHE_10.encode())).toMatchObject(good);
  const { data } = await client.send(READ_10.encode({ TRANSFER_LENGTH: 16 }));
  expect(data).toEqual(Uint8Array.from({ length: 8192 }, (_, at) => (at < 4096 ? 1 : 3)));
});
