import { BlockError, MemoryDevice, type MaybePromise } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildFormatList,
  FORMAT_UNIT,
  READ_10,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SenseKey,
  START_STOP_UNIT,
  Status,
  type KeptOperations,
  type LogicalUnitOptions,
  type MediumStateStore,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { Harness, pattern, type Initiator } from '../support/harness.ts';
import { SlowDevice } from '../support/slow-device.ts';

const check = (senseKey: number, code: object) => ({
  status: Status.CHECK_CONDITION,
  sense: { senseKey, ...code },
});
const SANITIZE_FAILED = check(SenseKey.MEDIUM_ERROR, AdditionalSenseCode.SANITIZE_COMMAND_FAILED);
const FORMAT_CORRUPTED = check(SenseKey.MEDIUM_ERROR, AdditionalSenseCode.MEDIUM_FORMAT_CORRUPTED);
const IN_PROGRESS = check(
  SenseKey.NOT_READY,
  AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS,
);
const READ = READ_10.encode({ TRANSFER_LENGTH: 1 });
const EXIT = SANITIZE_EXIT_FAILURE_MODE.encode();
const erase = (fields: { AUSE?: number; IMMED?: number } = {}) => SANITIZE_BLOCK_ERASE.encode(fields);

/** Keeps the state as JSON, as a file would. */
class MediumStore implements MediumStateStore {
  text: string;
  failure: Error | undefined = undefined;
  gate: Promise<void> | undefined = undefined;

  constructor(kept: unknown = {}) {
    this.text = JSON.stringify(kept);
  }

  load(): unknown {
    return JSON.parse(this.text);
  }

  save(state: KeptOperations): MaybePromise<void> {
    if (this.failure !== undefined) throw this.failure;
    const keep = (): void => {
      this.text = JSON.stringify(state);
    };
    return this.gate === undefined ? keep() : this.gate.then(keep);
  }
}

/** A device that fails to give space back, on demand. */
class Device extends MemoryDevice {
  broken = false;

  override unmap(offset: number, length: number): MaybePromise<void> {
    if (this.broken) throw new BlockError('BLOCK_IO', 'injected');
    return super.unmap(offset, length);
  }
}

const newDevice = (): Device => new Device({ size: 2 ** 20 });

/** A unit that has just been switched on. */
async function powerOn(
  device: MemoryDevice,
  mediumStateStore?: MediumStateStore,
  more: Partial<LogicalUnitOptions> = {},
): Promise<Initiator> {
  const options = mediumStateStore === undefined ? more : { ...more, mediumStateStore };
  const { initiator } = new Harness(device, options);
  while ((await initiator.send(READ)).sense?.senseKey === SenseKey.UNIT_ATTENTION);
  return initiator;
}

describe('a SANITIZE that failed is not forgotten over a loss of power', () => {
  test('in restricted mode, where only another one like it makes up for it', async () => {
    const [device, store] = [newDevice(), new MediumStore()];
    device.broken = true;
    expect(await (await powerOn(device, store)).send(erase())).toMatchObject(SANITIZE_FAILED);
    device.broken = false;
    const initiator = await powerOn(device, store);
    expect(await initiator.send(READ)).toMatchObject(SANITIZE_FAILED);
    expect(await initiator.send(EXIT)).toMatchObject(invalidCdb(1, 4));
    expect(await initiator.send(erase({ AUSE: 1 }))).toMatchObject(invalidCdb(1, 5));
    expect(await initiator.send(FORMAT_UNIT.encode())).toMatchObject(SANITIZE_FAILED);
    expect(await initiator.send(erase())).toMatchObject(Expected.GOOD);
    expect(await (await powerOn(device, store)).send(READ)).toMatchObject(Expected.GOOD);
  });

  test('in unrestricted mode, where EXIT FAILURE MODE ends it for good', async () => {
    const [device, store] = [newDevice(), new MediumStore()];
    device.broken = true;
    expect(await (await powerOn(device, store)).send(erase({ AUSE: 1 }))).toMatchObject(SANITIZE_FAILED);
    const initiator = await powerOn(device, store);
    expect(await initiator.send(READ)).toMatchObject(SANITIZE_FAILED);
    expect(await initiator.send(EXIT)).toMatchObject(Expected.GOOD);
    expect(await (await powerOn(device, store)).send(READ)).toMatchObject(Expected.GOOD);
  });

  test('nor over an eject and a load, with or without a place to keep it', async () => {
    const device = newDevice();
    device.broken = true;
    const initiator = await powerOn(device, undefined, { kind: 'removable-disk' });
    expect(await initiator.send(erase())).toMatchObject(SANITIZE_FAILED);
    expect(await initiator.send(START_STOP_UNIT.encode({ LOEJ: 1 }))).toMatchObject(Expected.GOOD);
    expect(await initiator.send(START_STOP_UNIT.encode({ LOEJ: 1, START: 1 }))).toMatchObject(Expected.GOOD);
    expect(await initiator.send(READ)).toMatchObject(SANITIZE_FAILED);
  });

  test('and goes with the medium from drive to drive', async () => {
    const kind = 'removable-disk';
    const [device, store] = [newDevice(), new MediumStore()];
    device.broken = true;
    expect(await (await powerOn(device, store, { kind })).send(erase())).toMatchObject(SANITIZE_FAILED);
    const { unit, initiator } = new Harness(newDevice(), { kind });
    await initiator.settle();
    await unit.eject();
    unit.insert(device, { mediumStateStore: store });
    await initiator.send(READ);
    expect(await initiator.send(READ)).toMatchObject(SANITIZE_FAILED);
    await unit.eject();
    unit.insert(newDevice(), {});
    await initiator.send(READ);
    expect(await initiator.send(READ)).toMatchObject(Expected.GOOD);
  });
});

describe('an operation that the power goes in the middle of', () => {
  test.each([0, 1])('SANITIZE (IMMED %i) has failed', async (IMMED) => {
    const [device, store] = [new SlowDevice({ size: 2 ** 20 }), new MediumStore()];
    const initiator = await powerOn(device, store);
    await device.write([pattern(512)], 0);
    device.gate = new Promise(() => undefined);
    const answer = initiator.send(erase({ IMMED }));
    if (IMMED === 1) expect(await answer).toMatchObject(Expected.GOOD);
    device.gate = undefined;
    expect(await (await powerOn(device, store)).send(READ)).toMatchObject(SANITIZE_FAILED);
  });

  test('FORMAT UNIT has left a format that is corrupted', async () => {
    const [device, store] = [new SlowDevice({ size: 2 ** 20 }), new MediumStore()];
    const before = await powerOn(device, store);
    device.gate = new Promise(() => undefined);
    const initialization = { secure: false, type: 1, pattern: pattern(4) };
    const dataOut = buildFormatList({ immediate: true, formatOptionsValid: true, initialization }, false);
    const cdb = FORMAT_UNIT.encode({ FMTDATA: 1 });
    expect(await before.send(cdb, { dataOut, announce: true })).toMatchObject(Expected.GOOD);
    device.gate = undefined;
    const initiator = await powerOn(device, store);
    expect(await initiator.send(READ)).toMatchObject(FORMAT_CORRUPTED);
    expect(await initiator.send(FORMAT_UNIT.encode())).toMatchObject(Expected.GOOD);
    expect(await (await powerOn(device, store)).send(READ)).toMatchObject(Expected.GOOD);
  });

  test('is entered durably before the first block changes, and before IMMED is answered', async () => {
    const [device, store] = [newDevice(), new MediumStore()];
    const initiator = await powerOn(device, store);
    await device.write([pattern(512)], 0);
    let open = (): void => undefined;
    store.gate = new Promise((resolve) => (open = resolve));
    let answered = false;
    const answer = initiator.send(erase({ IMMED: 1 })).finally(() => (answered = true));
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect([answered, device.allocatedBytes]).toEqual([false, 65_536]);
    expect(await initiator.send(READ)).toMatchObject(IN_PROGRESS);
    open();
    expect(await answer).toMatchObject(Expected.GOOD);
    expect(store.load()).toEqual({ sanitize: { restricted: true } });
  });
});

describe('where it cannot be kept', () => {
  test.each([0, 1])('because of a failure, SANITIZE (IMMED %i) does not begin', async (IMMED) => {
    const [device, store] = [newDevice(), new MediumStore()];
    const initiator = await powerOn(device, store);
    await device.write([pattern(512)], 0);
    store.failure = new BlockError('BLOCK_IO', 'injected');
    expect((await initiator.send(erase({ IMMED }))).sense).toMatchObject({ senseKey: SenseKey.MEDIUM_ERROR });
    expect(device.allocatedBytes).toBe(65_536);
    expect(await initiator.send(READ)).toMatchObject(Expected.GOOD);
  });

  test('because nothing can be saved, it is refused as write-protected', async () => {
    const [device, store] = [newDevice(), { load: () => undefined }];
    const initiator = await powerOn(device, store);
    expect(await initiator.send(erase())).toMatchObject(Expected.WRITE_PROTECTED);
    expect(await initiator.send(READ)).toMatchObject(Expected.GOOD);
  });

  test('at the end, the medium counts as not sanitized', async () => {
    const [device, store] = [new SlowDevice({ size: 2 ** 20 }), new MediumStore()];
    const initiator = await powerOn(device, store);
    await device.write([pattern(512)], 0);
    const answer = initiator.send(erase());
    store.failure = new BlockError('BLOCK_IO', 'injected');
    expect(await answer).toMatchObject(SANITIZE_FAILED);
    store.failure = undefined;
    expect(await initiator.send(erase())).toMatchObject(Expected.GOOD);
  });
});

test.each([
  [null],
  ['sanitize'],
  [[]],
  [{ sanitize: true }],
  [{ sanitize: { restricted: 1 } }],
  [{ format: { restricted: false, since: 5 } }],
  [{ crypto: { restricted: false } }],
])('a state that nobody can have saved is a SANITIZE that failed: %j', async (kept) => {
  const initiator = await powerOn(newDevice(), new MediumStore(kept));
  expect(await initiator.send(READ)).toMatchObject(SANITIZE_FAILED);
  expect(await initiator.send(EXIT)).toMatchObject(invalidCdb(1, 4));
  expect(await initiator.send(erase())).toMatchObject(Expected.GOOD);
});
