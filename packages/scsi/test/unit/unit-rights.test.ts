import { BlockError, MemoryDevice, SimulatedClock, SpaceLedger } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildModeParameters,
  buildProvisioningPage,
  buildUnmapList,
  COPY_OPERATION_ABORT,
  decodeLun,
  encodeLun,
  EVERY_RIGHT,
  INQUIRY,
  LOG_SENSE,
  LogicalUnit,
  MODE_SELECT_6,
  MODE_SENSE_6,
  parseLunList,
  PR_OUT_REGISTER,
  READ_10,
  REPORT_LUNS,
  SANITIZE_BLOCK_ERASE,
  ScsiTarget,
  SenseKey,
  Status,
  TEST_UNIT_READY,
  UNMAP,
  WRITE_10,
  WRITE_SAME_16,
  WRITE_USING_TOKEN,
  FORMAT_UNIT,
  type AnyCdbDefinition,
  type LogicalUnitOptions,
  type UnitRights,
} from '../../src/index.ts';
import type { TargetNexus } from '../../src/target/target-nexus.ts';
import { COMMAND_TABLE } from '../../src/commands/command-table.ts';
import { ALL_EFFECTS } from '../support/effects/all-effects.ts';
import { openScene, type CommandEffect, type Scene } from '../support/effects/command-effect.ts';
import { attention, Expected } from '../support/expected-sense.ts';
import { Initiator, pattern, type Answer } from '../support/harness.ts';

const CHUNK = 65_536;
const BLOCKS = CHUNK / 512;

const NO_SPACE = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.DATA_PROTECT, ...AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT },
};
const NO_RIGHTS = {
  status: Status.CHECK_CONDITION,
  sense: { senseKey: SenseKey.ILLEGAL_REQUEST, ...AdditionalSenseCode.ACCESS_DENIED_NO_ACCESS_RIGHTS },
};

/** LUN 0 for everybody, LUN 1 for those in `rights`; of chunks of memory. */
function guarded(chunks = 16, options: Partial<LogicalUnitOptions> = {}) {
  const target = new ScsiTarget();
  const clock = new SimulatedClock();
  const rights = new Map<string | undefined, UnitRights>();
  const device = new MemoryDevice({ size: chunks * CHUNK });
  const ledger = new SpaceLedger(device, () => device.allocatedBytes, CHUNK);
  const space = () => ({
    usedBytes: device.allocatedBytes,
    availableBytes: device.size - device.allocatedBytes,
  });
  const identity = new Uint8Array(16).fill(1);
  const unit = new LogicalUnit({ device, space, clock, identity, ...options });
  const open = new LogicalUnit({ device: new MemoryDevice({ size: CHUNK }), identity: new Uint8Array(16) });
  target.addUnit(0, open);
  target.addUnit(1, unit, (user) => rights.get(user));
  let count = 0;
  const connect = async (user?: string): Promise<Initiator> => {
    const port = `iqn.2026-01.test.initiator:${String(count++)},i,0x000000000001`;
    const initiator = new Initiator(target, port, 1, user === undefined ? {} : { user });
    await initiator.settle();
    if (rights.has(user)) await initiator.settle(1);
    return initiator;
  };
  return { target, clock, rights, device, ledger, unit, connect };
}

async function luns(initiator: Initiator): Promise<(number | undefined)[]> {
  const { data } = await initiator.send(REPORT_LUNS.encode({ ALLOCATION_LENGTH: 256 }));
  return parseLunList(data).map(decodeLun);
}

function write(initiator: Initiator, lba: number, blocks: number, seed = 1): Promise<Answer> {
  const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks });
  return initiator.send(cdb, { lun: 1, dataOut: pattern(blocks * 512, seed), pieceBytes: 8192 });
}

async function read(initiator: Initiator, lba: number, blocks: number): Promise<Uint8Array> {
  const cdb = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: blocks });
  return (await initiator.send(cdb, { lun: 1 })).data;
}

const wholeUnit = (blocks: number) => ({ LOGICAL_BLOCK_ADDRESS: 0, NUMBER_OF_LOGICAL_BLOCKS: blocks });

describe('a unit that is not for everybody', () => {
  test('does not exist for others: no REPORT LUNS, no task management, no commands', async () => {
    const { rights, connect } = guarded();
    rights.set('alice', EVERY_RIGHT);
    for (const user of ['bob', undefined]) {
      const other = await connect(user);
      expect(await luns(other)).toEqual([0]);
      expect(other.nexus.hasUnit(encodeLun(1))).toBe(false);
      expect(other.nexus.resetUnit(encodeLun(1))).toBe(false);
      expect(await other.send(TEST_UNIT_READY.encode(), { lun: 1 })).toMatchObject(
        Expected.LUN_NOT_SUPPORTED,
      );
      const { data } = await other.send(INQUIRY.encode({ ALLOCATION_LENGTH: 36 }), { lun: 1 });
      expect(data[0]).toBe(0x7f);
    }
    expect(await luns(await connect('alice'))).toEqual([0, 1]);
  });

  test('is written, reserved and changed by those only who may, and the mode header tells', async () => {
    const { rights, connect } = guarded();
    rights.set('alice', EVERY_RIGHT);
    rights.set('bob', { writes: false, administers: false });
    const [alice, bob] = [await connect('alice'), await connect('bob')];
    expect(await write(alice, 0, 4)).toMatchObject(Expected.GOOD);
    expect(await write(bob, 0, 4, 9)).toMatchObject(Expected.WRITE_PROTECTED);
    const dataOut = new Uint8Array(24);
    const register = PR_OUT_REGISTER.encode({ PARAMETER_LIST_LENGTH: 24 });
    expect(await bob.send(register, { lun: 1, dataOut })).toMatchObject(Expected.WRITE_PROTECTED);
    expect(await read(bob, 0, 4)).toEqual(pattern(4 * 512));
    const sense = MODE_SENSE_6.encode({ PAGE_CODE: 0x3f, ALLOCATION_LENGTH: 255 });
    const protectedBit = async (initiator: Initiator) =>
      (await initiator.send(sense, { lun: 1 })).data[2]! >> 7;
    expect([await protectedBit(alice), await protectedBit(bob)]).toEqual([0, 1]);
  });

  test('appears and goes in sessions that are there, with the commands under way', async () => {
    const { target, rights, connect, device } = guarded();
    rights.set('alice', EVERY_RIGHT);
    const [alice, bob] = [await connect('alice'), await connect('bob')];
    rights.set('bob', EVERY_RIGHT);
    target.rightsChanged(1);
    expect(await luns(bob)).toEqual([0, 1]);
    await bob.settle(1);
    const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    const underWay = await bob.nexus.execute(encodeLun(1), bob.command(cdb));
    expect(underWay.kind).toBe('data-out');
    rights.delete('bob');
    target.rightsChanged(1);
    expect(bob.abortedLuns).toEqual([1]);
    expect(await bob.send(TEST_UNIT_READY.encode())).toMatchObject(
      attention(AdditionalSenseCode.REPORTED_LUNS_DATA_HAS_CHANGED),
    );
    expect(await luns(bob)).toEqual([0]);
    expect(await bob.send(cdb, { lun: 1, dataOut: pattern(512) })).toMatchObject(Expected.LUN_NOT_SUPPORTED);
    expect(await alice.send(TEST_UNIT_READY.encode(), { lun: 1 })).toMatchObject(Expected.GOOD);
    expect(device.allocatedBytes).toBe(0);
    if (underWay.kind === 'data-out') underWay.end?.();
  });

  test('becomes write-protected, or is not any more, with a unit attention', async () => {
    const { target, rights, connect } = guarded();
    rights.set('alice', EVERY_RIGHT);
    const alice = await connect('alice');
    rights.set('alice', { writes: false, administers: false });
    target.rightsChanged(1);
    expect(await write(alice, 0, 1)).toMatchObject(attention(AdditionalSenseCode.MODE_PARAMETERS_CHANGED));
    expect(await write(alice, 0, 1)).toMatchObject(Expected.WRITE_PROTECTED);
    rights.set('alice', { writes: true, administers: false });
    target.rightsChanged(1);
    expect(await write(alice, 0, 1)).toMatchObject(attention(AdditionalSenseCode.MODE_PARAMETERS_CHANGED));
    expect(await write(alice, 0, 1)).toMatchObject(Expected.GOOD);
  });

  test('hides its target only where no other unit is there for the user', () => {
    const { target, rights } = guarded();
    rights.set('alice', EVERY_RIGHT);
    expect(target.hidesAll('bob')).toBe(false);
    expect(target.hidesAll('bob', new Map([[0, 1]]))).toBe(true);
    expect(target.hidesAll('alice', new Map([[0, 1]]))).toBe(false);
    expect(target.hidesAll('bob', new Map([[0, 7]]))).toBe(false);
    target.removeUnit(0);
    expect([target.hidesAll('bob'), target.hidesAll('alice'), target.hidesAll(undefined)]).toEqual([
      true,
      false,
      true,
    ]);
    target.removeUnit(1);
    expect(target.hidesAll('bob')).toBe(false);
  });
});

describe('a quota', () => {
  async function limited(chunks: number, deviceChunks?: number, options?: Partial<LogicalUnitOptions>) {
    const scene = guarded(deviceChunks, options);
    scene.rights.set('alice', { ...EVERY_RIGHT, space: scene.ledger.allowance(chunks * CHUNK) });
    scene.rights.set('bob', EVERY_RIGHT);
    return { ...scene, alice: await scene.connect('alice'), bob: await scene.connect('bob') };
  }

  test('refuses new space before anything is written; overwriting, UNMAP and reading go on', async () => {
    const { alice, bob, device } = await limited(2);
    expect(await write(alice, 0, 2 * BLOCKS)).toMatchObject(Expected.GOOD);
    expect(await write(alice, BLOCKS, 2 * BLOCKS, 5)).toMatchObject(NO_SPACE);
    expect(await read(alice, BLOCKS, BLOCKS)).toEqual(pattern(2 * CHUNK).subarray(CHUNK));
    expect(await write(alice, BLOCKS, BLOCKS, 5)).toMatchObject(Expected.GOOD);
    expect(await write(bob, 4 * BLOCKS, BLOCKS)).toMatchObject(Expected.GOOD);
    const dataOut = buildUnmapList([{ lba: 0, blockCount: 2 * BLOCKS }]);
    const unmap = UNMAP.encode({ PARAMETER_LIST_LENGTH: dataOut.length });
    expect(await alice.send(unmap, { lun: 1, dataOut })).toMatchObject(Expected.GOOD);
    expect(await write(alice, 8 * BLOCKS, BLOCKS)).toMatchObject(Expected.GOOD);
    expect(await write(alice, 9 * BLOCKS, 1)).toMatchObject(NO_SPACE);
    expect(device.allocatedBytes).toBe(2 * CHUNK);
  });

  test('gives back what was set aside for a command that is dropped', async () => {
    const { alice } = await limited(1);
    const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    const dropped = await alice.nexus.execute(encodeLun(1), alice.command(cdb));
    expect(await write(alice, BLOCKS, 1)).toMatchObject(NO_SPACE);
    if (dropped.kind === 'data-out') dropped.end?.();
    if (dropped.kind === 'data-out') dropped.end?.();
    expect(await write(alice, BLOCKS, 1)).toMatchObject(Expected.GOOD);
    expect(await write(alice, 2 * BLOCKS, 1)).toMatchObject(NO_SPACE);
  });

  test('gives a command up that was aborted while its space was looked for', async () => {
    const { alice, device } = await limited(1);
    const command = alice.command(WRITE_10.encode({ TRANSFER_LENGTH: 1 }));
    const started = alice.nexus.execute(encodeLun(1), command);
    command.aborted = true;
    expect(await started).toMatchObject({ kind: 'finished', status: Status.TASK_ABORTED });
    expect(await write(alice, 0, 1)).toMatchObject(Expected.GOOD);
    expect(device.allocatedBytes).toBe(CHUNK);
  });

  test('lets WRITE SAME give space back, and not take it', async () => {
    const { alice } = await limited(1);
    const send = (fields: object, byte = 0) =>
      alice.send(WRITE_SAME_16.encode({ ...wholeUnit(2 * BLOCKS), ...fields }), {
        lun: 1,
        dataOut: new Uint8Array(512).fill(byte),
      });
    expect(await send({ UNMAP: 1 })).toMatchObject(Expected.GOOD);
    expect(await send({ UNMAP: 1 }, 7)).toMatchObject(NO_SPACE);
    expect(await send({}, 7)).toMatchObject(NO_SPACE);
    expect(await send({ NUMBER_OF_LOGICAL_BLOCKS: BLOCKS, UNMAP: 1 }, 7)).toMatchObject(Expected.GOOD);
    expect((await read(alice, BLOCKS - 1, 1))[0]).toBe(7);
  });

  test('counts all that a WRITE SAME of no blocks fills', async () => {
    const { alice, device } = await limited(2, 16, { writeSameZero: 'rest' });
    for (const [chunk, UNMAP, expected] of [
      [13, 0, NO_SPACE],
      [13, 1, NO_SPACE],
      [14, 0, Expected.GOOD],
      [14, 1, Expected.GOOD],
    ] as const) {
      const cdb = WRITE_SAME_16.encode({ LOGICAL_BLOCK_ADDRESS: chunk * BLOCKS, UNMAP });
      const sent = alice.send(cdb, { lun: 1, dataOut: new Uint8Array(512).fill(7) });
      expect(await sent).toMatchObject(expected);
    }
    expect(device.allocatedBytes).toBe(2 * CHUNK);
    expect(await write(alice, 0, 1)).toMatchObject(NO_SPACE);
  });

  test('is what the Logical Block Provisioning log page tells its user of', async () => {
    const { alice, bob, unit } = await limited(4);
    const setBytes = unit.limits.thresholdSetBlocks * 512;
    const available = async (initiator: Initiator) => {
      const cdb = LOG_SENSE.encode({ PAGE_CODE: 0x0c, ALLOCATION_LENGTH: 255 });
      const { data } = await initiator.send(cdb, { lun: 1 });
      return new DataView(data.buffer, data.byteOffset).getUint32(8);
    };
    expect(await available(bob)).toBe(Math.floor((16 * CHUNK) / setBytes));
    expect(await available(alice)).toBe(Math.floor((4 * CHUNK) / setBytes));
  });
});

test('a threshold of available space is judged by the quota of its user, who alone hears of it', async () => {
  const scene = guarded(1024);
  scene.rights.set('alice', { ...EVERY_RIGHT, space: scene.ledger.allowance(32 * CHUNK) });
  scene.rights.set('bob', EVERY_RIGHT);
  const [alice, bob] = [await scene.connect('alice'), await scene.connect('bob')];
  const pages = [buildProvisioningPage({ availableCount: 1 })];
  const dataOut = buildModeParameters(6, { deviceSpecific: 0, longLba: false, pages });
  const select = MODE_SELECT_6.encode({ PF: 1, PARAMETER_LIST_LENGTH: dataOut.length });
  expect(await alice.send(select, { lun: 1, dataOut })).toMatchObject(Expected.GOOD);
  await bob.settle(1);
  scene.clock.advance(1000);
  expect(await write(alice, 0, 16 * BLOCKS)).toMatchObject(Expected.GOOD);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await alice.send(TEST_UNIT_READY.encode(), { lun: 1 })).toMatchObject(
    attention(AdditionalSenseCode.THIN_PROVISIONING_SOFT_THRESHOLD_REACHED),
  );
  expect(await bob.send(TEST_UNIT_READY.encode(), { lun: 1 })).toMatchObject(Expected.GOOD);
});

const EFFECTS = ALL_EFFECTS.filter(({ kind = 'disk' }) => kind === 'disk');

/** Runs an effect with other rights. */
async function runWith(one: CommandEffect, rights: UnitRights): Promise<{ scene: Scene; answer: Answer }> {
  const scene = await openScene(one);
  for (const itl of (scene.initiator.nexus as TargetNexus).itls) itl.rights = rights;
  const { cdb, dataOut } = one;
  return { scene, answer: await scene.initiator.send(cdb, dataOut === undefined ? {} : { dataOut }) };
}

const changes = ({ device }: Scene): string[] => device.log.filter((work) => /^write|zeroes/.test(work));

/** They write over what is stored, make zeroes that take no space, or find a copy that began with other rights. */
const WITHOUT_NEW_SPACE = new Set<AnyCdbDefinition>([
  SANITIZE_BLOCK_ERASE,
  WRITE_USING_TOKEN,
  COPY_OPERATION_ABORT,
]);

/** A user for whom no space at all is left. */
const FULL: UnitRights = {
  ...EVERY_RIGHT,
  space: {
    limitBytes: 0,
    reserve: () => Promise.reject(new BlockError('BLOCK_NO_SPACE', 'nothing is left')),
    release: () => undefined,
    availableBytes: () => Promise.resolve(0),
  },
};

describe.each(EFFECTS.map((one): [string, CommandEffect] => [one.command.name, one]))('%s', (_name, one) => {
  test('of a user without space writes nothing that could take some', async () => {
    const plain = await runWith(one, EVERY_RIGHT);
    const { scene, answer } = await runWith(one, FULL);
    if (changes(plain.scene).length === 0 || WITHOUT_NEW_SPACE.has(one.command)) {
      if ((one.command as AnyCdbDefinition) !== FORMAT_UNIT) expect(answer.status).toBe(plain.answer.status);
      return;
    }
    expect(changes(scene)).toEqual([]);
    expect(answer.status).toBe(Status.CHECK_CONDITION);
    if (COMMAND_TABLE.find(({ cdb }) => cdb === one.command)?.writes === true)
      expect(answer).toMatchObject(NO_SPACE);
  });

  test('is refused to whom it is not for, and to nobody else', async () => {
    const plain = await runWith(one, EVERY_RIGHT);
    const { scene, answer } = await runWith(one, { writes: true, administers: false });
    if (COMMAND_TABLE.find(({ cdb }) => cdb === one.command)?.administers !== true) {
      expect(answer.status).toBe(plain.answer.status);
      return;
    }
    expect(answer).toMatchObject(NO_RIGHTS);
    expect(changes(scene)).toEqual([]);
  });
});
