import { BlockError, MemoryDevice, SimulatedClock } from '@lunbox/block';
import { describe, expect, test, vi } from 'vitest';
import {
  AdditionalSenseCode,
  buildFormatList,
  buildOverwriteList,
  encodeLun,
  FORMAT_UNIT,
  INQUIRY,
  MODE_SENSE_6,
  parseSense,
  READ_10,
  REQUEST_SENSE,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SenseKey,
  START_STOP_UNIT,
  Status,
  TEST_UNIT_READY,
  WRITE_10,
  type OverwriteList,
} from '../../src/index.ts';
import { Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { FailingDevice } from '../support/failing-device.ts';
import {
  Harness,
  hex,
  memoryHarness,
  pattern,
  sameBytes,
  type Answer,
  type Initiator,
} from '../support/harness.ts';

const MIB_BLOCKS = 2048;
const inProgress = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.NOT_READY, ...AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS },
};
const failed = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.MEDIUM_ERROR, ...AdditionalSenseCode.SANITIZE_COMMAND_FAILED },
};
const READ = READ_10.encode({ TRANSFER_LENGTH: 1 });

function overwrite(initiator: Initiator, list: Partial<OverwriteList>, fields: object = {}) {
  const dataOut = buildOverwriteList({ invert: false, test: 0, count: 1, pattern: hex('aa55'), ...list });
  const cdb = SANITIZE_OVERWRITE.encode({ PARAMETER_LIST_LENGTH: dataOut.length, ...fields });
  return initiator.send(cdb, { dataOut });
}

async function progress(initiator: Initiator) {
  const { data } = await initiator.send(REQUEST_SENSE.encode({ ALLOCATION_LENGTH: 252 }));
  return parseSense(data);
}

async function settled(initiator: Initiator): Promise<void> {
  for (;;) {
    const { sense } = await initiator.send(TEST_UNIT_READY.encode());
    if (sense?.senseKey !== SenseKey.NOT_READY) return;
    await new Promise(setImmediate);
  }
}

describe('SANITIZE', () => {
  test('OVERWRITE repeats the pattern in every block and inverts it in every second pass', async () => {
    const { initiator, device } = await memoryHarness({ blocks: 64 });
    const first = new Uint8Array(64 * 512);
    expect(await overwrite(initiator, { pattern: hex('010203') })).toMatchObject(Expected.GOOD);
    await device.read([first], 0);
    for (let at = 0; at < first.length; at++) expect(first[at]).toBe(((at % 512) % 3) + 1);
    const inverted = { pattern: hex('0f'), invert: true };
    for (const [count, byte] of [
      [1, 0x0f],
      [2, 0xf0],
      [3, 0x0f],
    ] as const) {
      expect(await overwrite(initiator, { ...inverted, count })).toMatchObject(Expected.GOOD);
      await device.read([first], 0);
      expect(first.every((found) => found === byte)).toBe(true);
    }
  });

  test('BLOCK ERASE overwrites what is stored on the medium before it gives the space back', async () => {
    const steps: string[] = [];
    class Device extends MemoryDevice {
      override write(from: readonly Uint8Array[], offset: number) {
        const bytes = Buffer.concat(from);
        steps.push(
          `write ${bytes.every((byte) => byte === 0) ? 'zeroes' : 'data'} ${offset}+${bytes.length}`,
        );
        return super.write(from, offset);
      }
      override writeZeroes(): never {
        throw new Error('which need not overwrite anything');
      }
      override flush() {
        steps.push('flush');
        return super.flush();
      }
      override unmap(offset: number, length: number) {
        steps.push(`unmap ${offset}+${length}`);
        return super.unmap(offset, length);
      }
    }
    const device = new Device({ size: 2 ** 20 });
    const { initiator } = new Harness(device);
    await initiator.settle();
    await device.write([pattern(512)], 2 ** 17);
    steps.length = 0;
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(Expected.GOOD);
    expect(steps).toEqual(['write zeroes 131072+65536', 'flush', `unmap 0+${2 ** 20}`, 'flush']);
    expect(device.allocatedBytes).toBe(0);
  });

  test('BLOCK ERASE of a thin disk of 64 GiB flushes before it gives space back, and after', async () => {
    const device = new FailingDevice({ size: 2 ** 36 });
    const { initiator } = new Harness(device);
    await initiator.settle();
    for (const at of [0, 2 ** 35, 2 ** 36 - 512]) await device.write([pattern(512)], at);
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(Expected.GOOD);
    expect([device.flushes, device.allocatedBytes]).toEqual([2, 0]);
  });

  test('with IMMED goes on in the background: NOT READY with progress, which REQUEST SENSE tells', async () => {
    const { initiator, device } = await memoryHarness({ blocks: 8 * MIB_BLOCKS });
    expect(await overwrite(initiator, { count: 2 }, { IMMED: 1 })).toMatchObject(Expected.GOOD);
    const seen: number[] = [];
    for (;;) {
      const sense = await progress(initiator);
      if (sense?.senseKey === SenseKey.NO_SENSE) break;
      expect(sense).toMatchObject(inProgress.sense);
      seen.push(sense?.progress ?? NaN);
      expect(await initiator.send(READ)).toMatchObject(inProgress);
      await new Promise(setImmediate);
    }
    expect(seen.length).toBeGreaterThan(4);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(await initiator.send(READ)).toMatchObject(Expected.GOOD);
    expect(device.allocatedBytes).toBe(device.size);
  });

  test('meanwhile what needs no medium runs, and nobody starts, stops, formats or sanitizes', async () => {
    const { initiator } = await memoryHarness({ blocks: 8 * MIB_BLOCKS });
    const running = overwrite(initiator, {});
    for (const cdb of [INQUIRY.encode({ ALLOCATION_LENGTH: 96 }), MODE_SENSE_6.encode({ PAGE_CODE: 8 })]) {
      expect(await initiator.send(cdb)).toMatchObject(Expected.GOOD);
    }
    for (const cdb of [
      TEST_UNIT_READY,
      START_STOP_UNIT,
      FORMAT_UNIT,
      SANITIZE_BLOCK_ERASE,
      SANITIZE_EXIT_FAILURE_MODE,
    ]) {
      expect(await initiator.send(cdb.encode())).toMatchObject(inProgress);
    }
    expect(await running).toMatchObject(Expected.GOOD);
  });

  test('keeps to backgroundBytesPerSecond in what it writes, not in what it gives back', async () => {
    const { initiator, device, movesUntilDone } = await paced(1024);
    await device.write([new Uint8Array(3 * 2 ** 20).fill(1)], 8 * 2 ** 20);
    const erase = SANITIZE_BLOCK_ERASE.encode({ IMMED: 1 });
    expect(await movesUntilDone(initiator.send(erase))).toEqual([0, 500, 1000]);
    expect(device.allocatedBytes).toBe(0);
  });

  test('a WRITE that was accepted before does not write into it', async () => {
    const { initiator, device } = await memoryHarness({ blocks: 4 * MIB_BLOCKS });
    const write = initiator.command(WRITE_10.encode({ TRANSFER_LENGTH: 1 }));
    const execution = await initiator.nexus.execute(encodeLun(0), write);
    expect(await overwrite(initiator, {}, { IMMED: 1 })).toMatchObject(Expected.GOOD);
    expect(await initiator.carry(execution, { dataOut: pattern(512) })).toMatchObject(inProgress);
    await settled(initiator);
    const block = new Uint8Array(512);
    await device.read([block], 0);
    expect(
      sameBytes(
        block,
        Uint8Array.from({ length: 512 }, (_, at) => (at % 2 === 0 ? 0xaa : 0x55)),
      ),
    ).toBe(true);
  });

  test('goes on to its end when the command is aborted or the unit is reset', async () => {
    const { initiator, device } = await memoryHarness({ blocks: 4 * MIB_BLOCKS });
    await device.write([pattern(512)], 3 * 2 ** 20);
    const command = initiator.command(SANITIZE_BLOCK_ERASE.encode());
    const running = initiator.nexus.execute(encodeLun(0), command);
    command.aborted = true;
    initiator.nexus.resetUnit(encodeLun(0));
    await running;
    expect((await initiator.send(TEST_UNIT_READY.encode())).sense?.senseKey).toBe(SenseKey.UNIT_ATTENTION);
    await settled(initiator);
    expect(device.allocatedBytes).toBe(0);
  });

  test('whose command is aborted goes on without it: nobody waits for the end to hear of the abort', async () => {
    const { initiator, device, internalErrors } = await memoryHarness({ blocks: 4 * MIB_BLOCKS });
    const write = device.write.bind(device);
    let steps = 0;
    let fails = false;
    device.write = async (from, offset) => {
      if (++steps === 2) await goOn;
      if (fails) throw new BlockError('BLOCK_IO', 'injected');
      return write(from, offset);
    };
    let openGate = (): void => undefined;
    const goOn = new Promise<void>((resolve) => (openGate = resolve));
    const dataOut = buildOverwriteList({ invert: false, test: 0, count: 1, pattern: hex('aa') });
    const command = initiator.command(SANITIZE_OVERWRITE.encode({ PARAMETER_LIST_LENGTH: dataOut.length }));
    const running = initiator
      .carry(await initiator.nexus.execute(encodeLun(0), command), { dataOut })
      .then(({ status }) => status);
    command.aborted = true;
    expect(await running).toBe(Status.TASK_ABORTED);
    expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(inProgress);
    fails = true;
    openGate();
    // Its failure is not lost with the command.
    await vi.waitFor(async () => {
      const { sense } = await initiator.send(TEST_UNIT_READY.encode());
      expect(sense).toMatchObject({ ...failed.sense, deferred: true });
    });
    expect(await initiator.send(READ)).toMatchObject(failed);
    expect(internalErrors).toEqual([]);
  });

  test('refuses lists and CDBs that are not as they must be', async () => {
    const { initiator, device } = await memoryHarness();
    expect(await overwrite(initiator, { count: 0 })).toMatchObject(invalidList(0, 4));
    expect(await overwrite(initiator, { test: 1 })).toMatchObject(invalidList(0, 6));
    for (const length of [0, 1, 4, 517]) {
      const answer = await overwrite(initiator, {}, { PARAMETER_LIST_LENGTH: length });
      expect(answer).toMatchObject(invalidCdb(7));
    }
    const empty = SANITIZE_OVERWRITE.encode({ PARAMETER_LIST_LENGTH: 6 });
    expect(await initiator.send(empty, { dataOut: hex('01000000aa55') })).toMatchObject(invalidList(2));
    expect(await initiator.send(empty, { dataOut: hex('01000003aa55') })).toMatchObject(invalidList(2));
    const erase = (fields: object) => initiator.send(SANITIZE_BLOCK_ERASE.encode(fields));
    expect(await erase({ PARAMETER_LIST_LENGTH: 8 })).toMatchObject(invalidCdb(7));
    expect(await erase({ ZNR: 1 })).toMatchObject(invalidCdb(1, 6));
    expect(await initiator.send(hex('4802 0000 0100 0000 0000'))).toMatchObject(invalidCdb(4));
    expect(await initiator.send(hex('4803'))).toMatchObject(invalidCdb(1, 4));
    expect(device.allocatedBytes).toBe(0);
  });

  test('of a write-protected unit is refused', async () => {
    const { initiator } = await memoryHarness({ readOnly: true });
    for (const cdb of [SANITIZE_BLOCK_ERASE, SANITIZE_OVERWRITE, SANITIZE_EXIT_FAILURE_MODE, FORMAT_UNIT]) {
      expect(await initiator.send(cdb.encode())).toMatchObject(Expected.WRITE_PROTECTED);
    }
  });
});

test('FORMAT UNIT keeps to backgroundBytesPerSecond in what it writes and what it reads back', async () => {
  const { initiator, movesUntilDone } = await paced(3);
  const initialization = { secure: false, type: 1, pattern: hex('0102') };
  const dataOut = buildFormatList({ formatOptionsValid: true, immediate: true, initialization });
  const format = initiator.send(FORMAT_UNIT.encode({ FMTDATA: 1 }), { dataOut });
  expect(await movesUntilDone(format)).toEqual([0, 500, 1000, 1500, 2000, 2500]);
});

/** A unit on which work in the background has 2 MiB a second, and a clock that runs while it waits. */
async function paced(mebibytes: number) {
  const clock = new SimulatedClock();
  const options = { clock, backgroundBytesPerSecond: 2 ** 21 };
  const harness = await memoryHarness({ blocks: mebibytes * MIB_BLOCKS, ...options });
  const { initiator, device } = harness;
  /** The times at which data was moved, in milliseconds. */
  const movesUntilDone = async (answer: Promise<Answer>): Promise<number[]> => {
    const moves: number[] = [];
    for (const name of ['read', 'write'] as const) {
      const move = device[name].bind(device);
      device[name] = (buffers: readonly Uint8Array[], offset: number) => {
        moves.push(clock.nowMs());
        return move(buffers, offset);
      };
    }
    expect(await answer).toMatchObject(Expected.GOOD);
    while ((await progress(initiator))?.senseKey === SenseKey.NOT_READY) {
      clock.advance(clock.pendingTimers > 0 ? 100 : 0);
      await new Promise(setImmediate);
    }
    return moves;
  };
  return { initiator, device, movesUntilDone };
}

/** A unit whose device does not unmap, on demand. */
async function failing() {
  const harness = await memoryHarness({ blocks: 64 });
  const unmap = harness.device.unmap.bind(harness.device);
  const fail = (on: boolean) => {
    harness.device.unmap = on ? () => Promise.reject(new BlockError('BLOCK_IO', 'injected')) : unmap;
  };
  fail(true);
  return { ...harness, initiator: harness.initiator, fail };
}

describe('after a SANITIZE that failed', () => {
  test('the medium is unusable until another one succeeds', async () => {
    const { initiator, fail } = await failing();
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(failed);
    expect(await initiator.send(READ)).toMatchObject(failed);
    expect(await progress(initiator)).toMatchObject(failed.sense);
    expect(await initiator.send(FORMAT_UNIT.encode())).toMatchObject(failed);
    fail(false);
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(Expected.GOOD);
    expect(await initiator.send(READ)).toMatchObject(Expected.GOOD);
  });

  test('EXIT FAILURE MODE makes it usable only where AUSE allowed it', async () => {
    const { initiator } = await failing();
    const exit = SANITIZE_EXIT_FAILURE_MODE.encode();
    expect(await initiator.send(exit)).toMatchObject(Expected.GOOD);
    await initiator.send(SANITIZE_BLOCK_ERASE.encode());
    expect(await initiator.send(exit)).toMatchObject(invalidCdb(1, 4));
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode({ AUSE: 1 }))).toMatchObject(invalidCdb(1, 5));
    const { initiator: other } = await failing();
    expect(await other.send(SANITIZE_BLOCK_ERASE.encode({ AUSE: 1 }))).toMatchObject(failed);
    expect(await other.send(exit)).toMatchObject(Expected.GOOD);
    expect(await other.send(READ)).toMatchObject(Expected.GOOD);
  });

  test('of restricted mode, none without restriction follows whose list was on its way meanwhile', async () => {
    const { initiator } = await failing();
    const dataOut = buildOverwriteList({ invert: false, test: 0, count: 1, pattern: hex('aa') });
    const cdb = SANITIZE_OVERWRITE.encode({ PARAMETER_LIST_LENGTH: dataOut.length, AUSE: 1 });
    const earlier = await initiator.nexus.execute(encodeLun(0), initiator.command(cdb));
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode())).toMatchObject(failed);
    expect(await initiator.carry(earlier, { dataOut })).toMatchObject(invalidCdb(1, 5));
    expect(await initiator.send(SANITIZE_EXIT_FAILURE_MODE.encode())).toMatchObject(invalidCdb(1, 4));
  });

  test('in the background a deferred error tells of it', async () => {
    const { initiator } = await failing();
    expect(await initiator.send(SANITIZE_BLOCK_ERASE.encode({ IMMED: 1 }))).toMatchObject(Expected.GOOD);
    await new Promise(setImmediate);
    expect((await initiator.send(READ)).sense).toMatchObject({ ...failed.sense, deferred: true });
    expect(await initiator.send(READ)).toMatchObject(failed);
  });

  test.each([0, 1])('by a mistake of ours it is loud, and the medium unusable (IMMED %i)', async (IMMED) => {
    const { initiator, device, internalErrors } = await failing();
    const bug = new TypeError('a mistake of ours');
    device.unmap = () => Promise.reject(bug);
    const internal = {
      senseKey: SenseKey.HARDWARE_ERROR,
      ...AdditionalSenseCode.INTERNAL_TARGET_FAILURE,
    };
    const answer = await initiator.send(SANITIZE_BLOCK_ERASE.encode({ IMMED }));
    await new Promise(setImmediate);
    if (IMMED === 0) expect(answer.sense).toMatchObject(internal);
    else expect((await initiator.send(READ)).sense).toMatchObject({ ...internal, deferred: true });
    expect(internalErrors).toEqual([bug]);
    expect(await initiator.send(READ)).toMatchObject(failed);
  });
});
