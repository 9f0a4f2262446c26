import { MemoryDevice } from '@lunbox/block';
import { expect, test } from 'vitest';
import { encodeLun, READ_10, Status, WRITE_10, WRITE_AND_VERIFY_10, type DataIn } from '../../src/index.ts';
import { Harness, sameBytes } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const block = { LOGICAL_BLOCK_ADDRESS: 3, TRANSFER_LENGTH: 1 };
const filled = (value: number): Uint8Array => new Uint8Array(512).fill(value);

test('a READ whose pieces meet inside a block has it from before or from after a WRITE, not from both', async () => {
  const { initiator } = new Harness(new MemoryDevice({ size: 64 * 512 }));
  await initiator.settle();
  await initiator.send(WRITE_10.encode(block), { dataOut: filled(1) });
  const command = initiator.command(READ_10.encode({ LOGICAL_BLOCK_ADDRESS: 2, TRANSFER_LENGTH: 3 }));
  const transfer = (await initiator.nexus.execute(encodeLun(0), command)) as DataIn;
  const data = new Uint8Array(3 * 512);
  await transfer.read([data.subarray(0, 600)], 0);
  await initiator.send(WRITE_10.encode(block), { dataOut: filled(2) });
  await transfer.read([data.subarray(1000)], 1000);
  await transfer.read([data.subarray(600, 1000)], 600);
  transfer.end?.();
  expect(sameBytes(data.subarray(512, 1024), filled(1))).toBe(true);
});

test('WRITE AND VERIFY takes what others write at the same time for no miscompare', async () => {
  const { initiator } = new Harness(new SlowDevice({ size: 64 * 512 }));
  await initiator.settle();
  const commands = Array.from({ length: 6 }, (_, index) => {
    const cdb = index % 2 === 0 ? WRITE_AND_VERIFY_10 : WRITE_10;
    return initiator.send(cdb.encode(block), { dataOut: filled(index + 1) });
  });
  for (const { status } of await Promise.all(commands)) expect(status).toBe(Status.GOOD);
});
