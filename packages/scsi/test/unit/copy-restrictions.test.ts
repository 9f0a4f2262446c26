import { MemoryDevice } from '@lunbox/block';
import { describe, expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  buildControlPage,
  buildZeroRodToken,
  INQUIRY,
  LogicalUnit,
  MODE_SELECT_10,
  parseStandardInquiry,
  SegmentType,
  SenseKey,
  Status,
  VpdPage,
  WRITE_16,
  WRITE_SAME_16,
  type ProtectedDevice,
} from '../../src/index.ts';
import { blocks, bytesSegment, Copier } from '../support/copier.ts';
import { Expected } from '../support/expected-sense.ts';
import { Harness, pattern, sameBytes } from '../support/harness.ts';
import { protect, withTags } from '../support/protected.ts';

const BLOCK = 512;
const BLOCKS = 4096;
const DATA = pattern(64 * BLOCK);
const FAILURE = AdditionalSenseCode.THIRD_PARTY_DEVICE_FAILURE;

function aborted(code: { asc: number; ascq: number }, more: object = {}): object {
  return {
    status: Status.CHECK_CONDITION,
    sense: { senseKey: SenseKey.COPY_ABORTED, asc: code.asc, ascq: code.ascq, ...more },
  };
}

/** Unit 1 of a target, whose unit 0 is a plain disk with data. */
async function besides(unit: LogicalUnit) {
  const plain = new MemoryDevice({ size: BLOCKS * BLOCK });
  await plain.write([DATA], 0);
  const harness = new Harness(plain);
  harness.target.addUnit(1, unit);
  const { initiator } = harness;
  await initiator.settle(0);
  await initiator.settle(1);
  const copier = new Copier(initiator);
  return { harness, plain, unit, initiator, copier, cscds: [await copier.cscd(0), await copier.cscd(1)] };
}

describe('a unit with protection information', () => {
  async function scene(type: 1 | 2 | 3 = 1) {
    const data = new MemoryDevice({ size: BLOCKS * BLOCK });
    const device: ProtectedDevice = await protect(data, type);
    const unit = new LogicalUnit({ device, identity: new Uint8Array(16).fill(9) });
    const world = await besides(unit);
    return { ...world, data, device, onIt: new Copier(world.initiator, 1) };
  }

  /** Blocks and what goes with them, as they are stored. */
  function stored(device: ProtectedDevice, lba: number, blockCount: number) {
    const nothing = { guard: false, application: false, reference: false };
    return device.readProtected(lba, blockCount, nothing, {
      referenceTag: undefined,
      applicationTag: undefined,
    });
  }

  async function expectFresh(device: ProtectedDevice, lba: number, data: Uint8Array): Promise<void> {
    const found = await stored(device, lba, data.length / BLOCK);
    const reference = (index: number) => (device.type === 1 ? lba + index : 0xffff_ffff);
    const wire = withTags(data, BLOCK, (index) => ({ application: 0, reference: reference(index) }));
    const tags = Array.from({ length: data.length / BLOCK }, (_, index) =>
      wire.subarray(index * (BLOCK + 8) + BLOCK, (index + 1) * (BLOCK + 8)),
    );
    expect(sameBytes(found.data, data)).toBe(true);
    expect(sameBytes(found.tags, Buffer.concat(tags))).toBe(true);
  }

  test.each([1, 2, 3] as const)('of type %i gets new protection information by every copy', async (type) => {
    const { device, copier, onIt, cscds } = await scene(type);
    const segment = blocks({ destination: 1, blockCount: 16, destinationLba: 100 });
    expect(await copier.copy([segment], { cscds })).toMatchObject(Expected.GOOD);
    await expectFresh(device, 100, DATA.subarray(0, 16 * BLOCK));
    const token = await copier.token({ lba: 5, blockCount: 7 });
    expect(await onIt.write(token, [{ lba: 300, blockCount: 7 }])).toMatchObject(Expected.GOOD);
    await expectFresh(device, 300, DATA.subarray(5 * BLOCK, 12 * BLOCK));
    const part = bytesSegment({
      destination: 1,
      lengthBytes: 700,
      destinationLba: 100,
      destinationByteOffset: 9,
    });
    expect(await copier.copy([part], { cscds })).toMatchObject(Expected.GOOD);
    const mixed = DATA.slice(0, 2 * BLOCK);
    mixed.set(DATA.subarray(0, 700), 9);
    await expectFresh(device, 100, mixed);
    const within = blocks({ source: 1, destination: 1, blockCount: 4, sourceLba: 100, destinationLba: 102 });
    expect(await copier.copy([within], { cscds })).toMatchObject(Expected.GOOD);
    await expectFresh(device, 102, Buffer.concat([mixed, DATA.subarray(2 * BLOCK, 4 * BLOCK)]));
  });

  test('is protected where zeroes are copied to it, too', async () => {
    const { device, copier, onIt, cscds } = await scene();
    await device.write([DATA], 0);
    const holes = blocks({ destination: 1, blockCount: 8, sourceLba: 1000, destinationLba: 0 });
    expect(await copier.copy([holes], { cscds })).toMatchObject(Expected.GOOD);
    expect(await onIt.write(buildZeroRodToken(), [{ lba: 8, blockCount: 3000 }])).toMatchObject(
      Expected.GOOD,
    );
    await expectFresh(device, 0, new Uint8Array(3008 * BLOCK));
  });

  test('is checked where it is read from: damage ends the copy, holes included', async () => {
    const { data, device, plain, copier, onIt, cscds } = await scene();
    await device.write([DATA], 0);
    const { allocatedBytes } = plain;
    const token = await onIt.token({ lba: 0, blockCount: 8 });
    const copies = [
      () => copier.copy([blocks({ source: 1, destinationLba: 500 })], { cscds }),
      () => copier.write(token, [{ lba: 500, blockCount: 8 }]),
    ];
    const guard = {
      senseKey: SenseKey.ABORTED_COMMAND,
      ...AdditionalSenseCode.LOGICAL_BLOCK_GUARD_CHECK_FAILED,
    };
    const failed = aborted(FAILURE, { forwarded: { from: 'source', sense: guard } });
    await data.write([new Uint8Array(BLOCK).fill(1)], 3 * BLOCK);
    for (const copy of copies) expect(await copy()).toMatchObject(failed);
    // A disk below that has lost all of it does not make it zeroes.
    await data.unmap(0, BLOCKS * BLOCK);
    for (const copy of copies) expect(await copy()).toMatchObject(failed);
    expect(plain.allocatedBytes).toBe(allocatedBytes);
  });

  test('with RWWP takes no copy, which cannot bring any', async () => {
    const { data, unit, copier, onIt, cscds } = await scene();
    const page = buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, RWWP: 1 });
    const dataOut = Buffer.concat([new Uint8Array(8), page]);
    const cdb = MODE_SELECT_10.encode({ PF: 1, PARAMETER_LIST_LENGTH: dataOut.length });
    expect(await copier.initiator.send(cdb, { lun: 1, dataOut })).toMatchObject(Expected.GOOD);
    expect(unit.plainWritesRefused).toBe(true);
    const token = await copier.token({ lba: 0, blockCount: 8 });
    expect(await onIt.write(token, [{ lba: 0, blockCount: 8 }])).toMatchObject(Expected.INVALID_OPCODE);
    expect(await copier.copy([blocks({ destination: 1 })], { cscds })).toMatchObject(
      aborted(FAILURE, { forwarded: { from: 'destination', sense: { senseKey: SenseKey.ILLEGAL_REQUEST } } }),
    );
    expect(data.allocatedBytes).toBe(0);
  });

  test.each([
    ['WRITE', WRITE_16.encode({ WRPROTECT: 1, LOGICAL_BLOCK_ADDRESS: 3, TRANSFER_LENGTH: 1 })],
    [
      'WRITE SAME',
      WRITE_SAME_16.encode({ WRPROTECT: 1, LOGICAL_BLOCK_ADDRESS: 3, NUMBER_OF_LOGICAL_BLOCKS: 1 }),
    ],
  ])('loses its tokens by a %s that brings protection information', async (_name, cdb) => {
    const { initiator, copier, onIt } = await scene();
    const token = await onIt.token({ lba: 0, blockCount: 8 });
    const dataOut = withTags(DATA.subarray(0, BLOCK), BLOCK, () => ({ application: 5, reference: 3 }));
    expect(await initiator.send(cdb, { lun: 1, dataOut })).toMatchObject(Expected.GOOD);
    expect(await copier.write(token, [{ lba: 500, blockCount: 8 }])).toMatchObject({
      status: Status.CHECK_CONDITION,
      sense: AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_CANCELLED,
    });
  });
});

describe('the state of the target port', () => {
  async function scene() {
    const device = new MemoryDevice({ size: BLOCKS * BLOCK });
    const world = await besides(new LogicalUnit({ device, identity: new Uint8Array(16).fill(9) }));
    return { ...world, device };
  }

  test.each([
    ['standby', AdditionalSenseCode.TARGET_PORT_IN_STANDBY_STATE],
    ['unavailable', AdditionalSenseCode.TARGET_PORT_IN_UNAVAILABLE_STATE],
  ] as const)('%s keeps copies from a unit, as it keeps READ and WRITE', async (state, code) => {
    const { unit, plain, device, initiator, copier, cscds } = await scene();
    unit.setPortGroup(1, { state });
    await initiator.settle(1).catch(() => undefined);
    const { allocatedBytes } = plain;
    const sense = { senseKey: SenseKey.NOT_READY, ...code };
    for (const [from, segment] of [
      ['source', blocks({ source: 1, destinationLba: 500 })],
      ['destination', blocks({ destination: 1 })],
      ['destination', bytesSegment({ destination: 1 })],
      ['source', { type: SegmentType.VERIFY, source: 1, testUnitReady: true }],
    ] as const) {
      const answer = await copier.copy([segment], { cscds });
      expect(answer).toMatchObject(aborted(FAILURE, { forwarded: { from, sense } }));
    }
    expect([device.allocatedBytes, plain.allocatedBytes]).toEqual([0, allocatedBytes]);
    unit.setPortGroup(1, { state: 'active/non-optimized' });
    expect(await copier.copy([blocks({ destination: 1 })], { cscds })).toMatchObject(Expected.GOOD);
  });

  test('transitioning is BUSY (T-W3)', async () => {
    const { unit, copier, cscds } = await scene();
    unit.setPortGroup(1, { state: 'transitioning' });
    expect(await copier.copy([blocks({ destination: 1 })], { cscds })).toMatchObject(
      aborted(FAILURE, { forwarded: { from: 'destination', status: Status.BUSY } }),
    );
  });

  test('ends a copy that goes on, before its next step', async () => {
    const { unit, plain, device, copier, cscds } = await scene();
    await plain.write([pattern(BLOCKS * BLOCK)], 0);
    const copying = copier.copy([blocks({ destination: 1, blockCount: BLOCKS, destinationLba: 0 })], {
      cscds,
    });
    while (device.allocatedBytes === 0) await new Promise(setImmediate);
    unit.setPortGroup(1, { state: 'standby' });
    expect(await copying).toMatchObject(aborted(FAILURE, { forwarded: { from: 'destination' } }));
    expect(device.allocatedBytes).toBeLessThan(BLOCKS * BLOCK);
  });
});

test('a CD-ROM drive has no third-party copies, and is in none', async () => {
  const disc = new MemoryDevice({ size: 64 * 2048, blockSize: 2048 });
  const unit = new LogicalUnit({ device: disc, identity: new Uint8Array(16).fill(9), kind: 'cd-rom' });
  const { initiator, copier, cscds } = await besides(unit);
  const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }), { lun: 1 });
  expect(parseStandardInquiry(data)).toMatchObject({ THIRD_PARTY_COPY: 0 });
  const page = INQUIRY.encode({ EVPD: 1, PAGE_CODE: VpdPage.THIRD_PARTY_COPY, ALLOCATION_LENGTH: 255 });
  expect(await initiator.send(page, { lun: 1 })).toMatchObject(Expected.INVALID_CDB_FIELD);
  const there = new Copier(initiator, 1);
  expect(await there.send(new Uint8Array(16))).toMatchObject(Expected.INVALID_OPCODE);
  expect(await copier.copy([blocks({ source: 1 })], { cscds })).toMatchObject(
    aborted(AdditionalSenseCode.INCORRECT_COPY_TARGET_DEVICE_TYPE),
  );
});
