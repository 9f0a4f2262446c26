import { MemoryDevice } from '@lunbox/block';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  encodeLun,
  INQUIRY,
  LogicalUnit,
  READ_10,
  RESERVE_6,
  ReservationType,
  SenseKey,
  Status,
} from '../../src/index.ts';
import { controlByteOf } from '../../src/cdb/control-byte.ts';
import { COMMAND_TABLE } from '../../src/commands/command-table.ts';
import { attention, Expected } from '../support/expected-sense.ts';
import { Harness, type Initiator } from '../support/harness.ts';
import { key, Registrant } from '../support/registrant.ts';
import {
  establishAca,
  FAILS,
  FAILS_WITH_NACA,
  faultyScene,
  NACA,
  READ_BLOCK,
  selectControl,
  settled,
  TestTask,
  TUR,
  TUR_NACA,
  WRITE_BLOCK,
} from '../support/task-control.ts';

const LUN_0 = encodeLun(0);
const ACA_ACTIVE = { status: Status.ACA_ACTIVE };
const BUSY = { status: Status.BUSY };
const INVALID_MESSAGE = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.ILLEGAL_REQUEST, ...AdditionalSenseCode.INVALID_MESSAGE_ERROR },
};

let harness: Harness;
let faulty: Initiator;
let other: Initiator;

beforeEach(async () => {
  ({ harness, faulty, other } = await faultyScene());
});

/** The first byte of the medium. */
function firstByte(): number | undefined {
  const found = new Uint8Array(512);
  void harness.device.read([found], 0);
  return found[0];
}

async function separateTaskSets(): Promise<void> {
  expect(await selectControl(faulty, { TST: 1 })).toMatchObject(Expected.GOOD);
  await other.settle();
}

describe('SAM-5 5.9.1: establishing an ACA condition', () => {
  test('a command with NACA that ends with CHECK CONDITION does, one without does not', async () => {
    expect(await faulty.send(FAILS)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect(await faulty.send(TUR)).toMatchObject(Expected.GOOD);
    expect(await faulty.send(TUR_NACA)).toMatchObject(Expected.GOOD);
    await establishAca(faulty);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
  });

  test('a unit attention, an unknown command and a failure of the medium do, too', async () => {
    faulty.nexus.resetUnit(LUN_0);
    const reset = attention(AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    expect(await faulty.send(TUR_NACA)).toMatchObject(reset);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
    faulty.nexus.clearAca(LUN_0);
    expect(await faulty.send(Uint8Array.of(0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NACA))).toMatchObject(
      Expected.INVALID_OPCODE,
    );
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
  });

  test('a transfer that fails does, once the transport tells of it', async () => {
    class Failing extends MemoryDevice {
      override read(): never {
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
      }
    }
    const failing = new Harness(new Failing({ size: 512 * 16 }));
    await failing.initiator.settle();
    const read = READ_10.encode({ TRANSFER_LENGTH: 1, CONTROL: NACA });
    expect(await failing.initiator.send(read)).toMatchObject({ status: Status.CHECK_CONDITION });
    expect(await failing.initiator.send(TUR)).toMatchObject(ACA_ACTIVE);
  });

  test('RESERVATION CONFLICT establishes none', async () => {
    await other.send(RESERVE_6.encode());
    expect(await faulty.send(TUR_NACA)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await faulty.send(FAILS_WITH_NACA)).toMatchObject(Expected.RESERVATION_CONFLICT);
    expect(await faulty.send(INQUIRY.encode({ ALLOCATION_LENGTH: 36 }))).toMatchObject(Expected.GOOD);
  });

  test('NACA is found where the table of commands has CONTROL', () => {
    for (const { cdb, controlByte } of COMMAND_TABLE) {
      expect(controlByteOf(cdb.encode()), cdb.name).toBe(controlByte);
    }
  });
});

describe('SAM-5 5.9.2.1: commands on the faulted nexus', () => {
  beforeEach(() => establishAca(faulty));

  test('all without the ACA attribute end with ACA ACTIVE, INQUIRY and HEAD OF QUEUE included', async () => {
    for (const cdb of [TUR, TUR_NACA, INQUIRY.encode({ ALLOCATION_LENGTH: 36 }), WRITE_BLOCK])
      for (const attribute of ['simple', 'ordered', 'head-of-queue'] as const)
        expect(await faulty.send(cdb, { attribute })).toMatchObject(ACA_ACTIVE);
  });

  test('one with the ACA attribute runs at a time', async () => {
    const first = new TestTask(faulty, READ_BLOCK, 'aca');
    expect(first.execution?.kind).toBe('data-in');
    expect(await faulty.send(TUR, { attribute: 'aca' })).toMatchObject(ACA_ACTIVE);
    expect((await first.finish()).data).toHaveLength(512);
    expect(await faulty.send(TUR, { attribute: 'aca' })).toMatchObject(Expected.GOOD);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
  });

  test('ACA ACTIVE comes before a unit attention and before RESERVATION CONFLICT (SAM-5 5.3.3)', async () => {
    harness.unit.raiseAttention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
    faulty.nexus.clearAca(LUN_0);
    expect(await faulty.send(TUR)).toMatchObject(attention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED));
  });
});

describe('SAM-5 5.9.2.2: commands on other nexuses', () => {
  test('TST 000b: BUSY without NACA, ACA ACTIVE with it and with the ACA attribute', async () => {
    await establishAca(faulty);
    expect(await other.send(TUR)).toMatchObject(BUSY);
    expect(await other.send(TUR_NACA)).toMatchObject(ACA_ACTIVE);
    expect(await other.send(TUR, { attribute: 'aca' })).toMatchObject(ACA_ACTIVE);
    faulty.nexus.clearAca(LUN_0);
    expect(await other.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('TST 001b: they run, and have conditions of their own', async () => {
    await separateTaskSets();
    await establishAca(faulty);
    expect(await other.send(TUR_NACA)).toMatchObject(Expected.GOOD);
    expect(await other.send(TUR, { attribute: 'aca' })).toMatchObject(INVALID_MESSAGE);
    expect(await other.send(FAILS_WITH_NACA)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    faulty.nexus.clearAca(LUN_0);
    expect(await faulty.send(TUR)).toMatchObject(Expected.GOOD);
    expect(await other.send(TUR)).toMatchObject(ACA_ACTIVE);
  });

  test('other units of the target know nothing of it', async () => {
    const device = new MemoryDevice({ size: 512 });
    harness.target.addUnit(1, new LogicalUnit({ device, identity: new Uint8Array(16) }));
    await faulty.settle(0);
    await establishAca(faulty);
    await faulty.settle(1);
  });
});

test('SAM-5 8.6.5: the ACA attribute without a condition is INVALID MESSAGE ERROR', async () => {
  expect(await faulty.send(TUR, { attribute: 'aca' })).toMatchObject(INVALID_MESSAGE);
});

describe('SAM-5 8.5: tasks that are there when the condition is established are blocked', () => {
  test('a transfer that is under way stops, one that waits does not start, until CLEAR ACA', async () => {
    const reading = new TestTask(faulty, READ_BLOCK);
    const waiting = new TestTask(faulty, READ_BLOCK, 'ordered');
    await new TestTask(faulty, FAILS_WITH_NACA, 'head-of-queue').finish();
    const order: string[] = [];
    const read = reading.finish().then(() => order.push('read'));
    const waited = waiting.finish().then(() => order.push('waited'));
    await settled();
    expect(order).toEqual([]);
    expect(waiting.execution).toBeUndefined();
    faulty.nexus.clearAca(LUN_0);
    await Promise.all([read, waited]);
    expect(order).toEqual(['read', 'waited']);
    expect(harness.unit.tasks.activeCount).toBe(0);
  });

  test('a write is not stored before CLEAR ACA; TST 001b leaves those of other nexuses alone', async () => {
    await separateTaskSets();
    const block = new Uint8Array(512).fill(7);
    const write = new TestTask(faulty, WRITE_BLOCK);
    const elsewhere = new TestTask(other, READ_BLOCK);
    await establishAca(faulty);
    const written = faulty.carry(write.execution!, { dataOut: block }, write.command);
    await settled();
    expect(firstByte()).toBe(0);
    expect(await elsewhere.finish()).toMatchObject(Expected.GOOD);
    faulty.nexus.clearAca(LUN_0);
    expect(await written).toMatchObject(Expected.GOOD);
    expect(firstByte()).toBe(7);
  });

  test('what is aborted meanwhile ends at once and changes nothing', async () => {
    const write = new TestTask(faulty, WRITE_BLOCK);
    const waiting = new TestTask(faulty, READ_BLOCK, 'ordered');
    await new TestTask(faulty, FAILS_WITH_NACA, 'head-of-queue').finish();
    const written = faulty.carry(write.execution!, { dataOut: new Uint8Array(512).fill(9) }, write.command);
    write.abort();
    waiting.abort();
    await written;
    expect(await waiting.finish()).toMatchObject({ status: Status.TASK_ABORTED });
    expect(firstByte()).toBe(0);
    expect(harness.unit.tasks.activeCount).toBe(0);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
  });
});

describe('SAM-5 5.9.2.3: an ACA condition ends', () => {
  beforeEach(() => establishAca(faulty));

  test('by CLEAR ACA of the faulted nexus, and by that of no other', async () => {
    expect(other.nexus.clearAca(LUN_0)).toBe(true);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
    expect(faulty.nexus.clearAca(encodeLun(9))).toBe(false);
    expect(faulty.nexus.clearAca(LUN_0)).toBe(true);
    expect(await faulty.send(TUR)).toMatchObject(Expected.GOOD);
    expect(await other.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('by the failure of a command with the ACA attribute; with NACA there is a new one', async () => {
    expect(await faulty.send(FAILS_WITH_NACA, { attribute: 'aca' })).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
    expect(await faulty.send(FAILS, { attribute: 'aca' })).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    expect(await faulty.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('by a reset of the unit or the target', async () => {
    other.nexus.resetUnit(LUN_0);
    await faulty.settle();
    await other.settle();
    await establishAca(faulty);
    faulty.nexus.resetTarget();
    await other.settle();
    await faulty.settle();
  });

  test('by the loss of the nexus; its next one knows nothing of it', async () => {
    faulty.nexus.close();
    expect(await other.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('not by CLEAR TASK SET', async () => {
    faulty.nexus.clearTaskSet(LUN_0);
    expect(await faulty.send(TUR)).toMatchObject(ACA_ACTIVE);
  });
});

describe('SPC-4 5.13.11.2.6: PREEMPT AND ABORT during an ACA condition', () => {
  const { WRITE_EXCLUSIVE, WRITE_EXCLUSIVE_ALL_REGISTRANTS } = ReservationType;
  let victim: Registrant;
  let preemptor: Registrant;

  beforeEach(async () => {
    victim = new Registrant(faulty);
    preemptor = new Registrant(other);
    await victim.register(key(0), key(1));
    await preemptor.register(key(0), key(2));
  });

  test('of the faulted nexus runs, aborts what is blocked and ends the condition', async () => {
    await victim.reserve(key(1), WRITE_EXCLUSIVE);
    const blocked = new TestTask(faulty, READ_BLOCK);
    await establishAca(faulty);
    faulty.onTasksAborted = () => blocked.abort();
    const read = blocked.finish();
    expect(await preemptor.preempt(key(2), key(1), WRITE_EXCLUSIVE)).toMatchObject(BUSY);
    expect(await preemptor.preempt(key(2), key(1), WRITE_EXCLUSIVE, true)).toMatchObject(Expected.GOOD);
    await read;
    expect(await other.send(TUR)).toMatchObject(Expected.GOOD);
    expect(await faulty.send(TUR)).toMatchObject(attention(AdditionalSenseCode.REGISTRATIONS_PREEMPTED));
    expect((await preemptor.keys()).keys).toEqual([key(2)]);
  });

  test('of another nexus is kept out like any command, and preempts nobody', async () => {
    const third = new Registrant(await harness.connectReady('third'));
    await third.register(key(0), key(3));
    await establishAca(faulty);
    expect(await preemptor.preempt(key(2), key(3), WRITE_EXCLUSIVE, true)).toMatchObject(BUSY);
    faulty.nexus.clearAca(LUN_0);
    expect((await preemptor.keys()).keys).toEqual([key(1), key(2), key(3)]);
  });

  test('of all registrants ends every condition, also of who is not registered', async () => {
    await victim.register(key(1), key(0));
    await preemptor.reserve(key(2), WRITE_EXCLUSIVE_ALL_REGISTRANTS);
    await establishAca(faulty);
    const all = await preemptor.preempt(key(2), key(0), WRITE_EXCLUSIVE_ALL_REGISTRANTS, true);
    expect(all).toMatchObject(Expected.GOOD);
    expect(await faulty.send(TUR)).toMatchObject(Expected.GOOD);
  });

  test('by the faulted nexus itself needs the ACA attribute', async () => {
    await establishAca(faulty);
    expect(await victim.preempt(key(1), key(2), WRITE_EXCLUSIVE, true)).toMatchObject(ACA_ACTIVE);
  });
});
