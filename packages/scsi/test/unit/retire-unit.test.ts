import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  decodeLun,
  LogicalUnit,
  parseLunList,
  READ_10,
  REPORT_LUNS,
  ScsiTarget,
  SenseKey,
  Status,
  TEST_UNIT_READY,
} from '../../src/index.ts';
import { Initiator } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const PORTS = ['a', 'b'].map((name) => `iqn.2026-01.test.initiator:${name},i,0x000000000001`);
const NEVER = new Promise<never>(() => undefined);
const read = READ_10.encode({ TRANSFER_LENGTH: 2 });
const CHANGED = { senseKey: SenseKey.UNIT_ATTENTION, ...AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED };

const unit = (device: MemoryDevice, id: number): LogicalUnit =>
  new LogicalUnit({ device, identity: new Uint8Array(16).fill(id) });

/** LUN 0, and LUN 1 whose reads wait until the gate opens; two initiators that have nothing to hear of. */
async function world() {
  const target = new ScsiTarget();
  const slow = new SlowDevice({ size: 64 * 512 });
  await slow.write([new Uint8Array(1024).fill(9)], 0);
  target.addUnit(0, unit(new MemoryDevice({ size: 512 }), 1));
  target.addUnit(1, unit(slow, 2));
  const initiators = PORTS.map((port) => new Initiator(target, port));
  for (const initiator of initiators) for (const lun of [0, 1]) await initiator.settle(lun);
  let open = (): void => undefined;
  slow.gate = new Promise((resolve) => (open = resolve));
  return { target, initiators, open };
}

const lunsOf = async (initiator: Initiator): Promise<(number | undefined)[]> => {
  const { data } = await initiator.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 256 }));
  return parseLunList(data).map(decodeLun);
};

describe('a LUN that is retired', () => {
  test('is gone at once; what is under way ends with its own status, and then the unit can be closed', async () => {
    const { target, initiators, open } = await world();
    const [first, second] = initiators as [Initiator, Initiator];
    const reading = first.send(read, { lun: 1 });
    const ordered = second.send(read, { lun: 1, attribute: 'ordered' });
    let retired = false;
    const done = target.retireUnit(1, NEVER).then((was) => {
      retired = was;
    });
    for (const initiator of initiators) {
      expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject({ sense: CHANGED });
      expect(await lunsOf(initiator)).toEqual([0]);
      const refused = await initiator.send(read, { lun: 1 });
      expect(refused.sense).toMatchObject(AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED);
    }
    expect(retired).toBe(false);
    expect(() => target.addUnit(1, unit(new MemoryDevice({ size: 512 }), 3))).toThrow('LUN 1 is taken');
    open();
    for (const result of await Promise.all([reading, ordered])) {
      expect(result.status).toBe(Status.GOOD);
      expect(result.data).toEqual(new Uint8Array(1024).fill(9));
    }
    await done;
    expect(retired).toBe(true);
    expect(initiators.map(({ abortedLuns }) => abortedLuns)).toEqual([[], []]);
    target.addUnit(1, unit(new MemoryDevice({ size: 512 }), 3));
    expect(await lunsOf(first)).toEqual([0, 1]);
  });

  test('loses what is under way when nobody waits any longer', async () => {
    const { target, initiators, open } = await world();
    const [first] = initiators as [Initiator];
    const reading = first.send(read, { lun: 1 });
    expect(await target.retireUnit(1, Promise.resolve())).toBe(true);
    expect(initiators.map(({ abortedLuns }) => abortedLuns)).toEqual([[1], []]);
    open();
    await reading;
  });

  test('is retired while an initiator goes away', async () => {
    const { target, initiators, open } = await world();
    const [first] = initiators as [Initiator];
    const reading = first.send(read, { lun: 1 });
    const done = target.retireUnit(1, NEVER);
    first.nexus.close();
    open();
    await reading;
    expect(await done).toBe(true);
  });

  test('was there', async () => {
    expect(await new ScsiTarget().retireUnit(1, NEVER)).toBe(false);
  });
});
