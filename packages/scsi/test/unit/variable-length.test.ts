import { expect, test } from 'vitest';
import { describeCdb, supportedCommands, WRITE_SAME_32 } from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { hex, Initiator, memoryHarness, pattern, sameBytes } from '../support/harness.ts';

const block = pattern(512, 5);

test('WRITE SAME(32), byte for byte', () => {
  const fields = {
    WRPROTECT: 1,
    UNMAP: 1,
    GROUP_NUMBER: 3,
    LOGICAL_BLOCK_ADDRESS: 0x0102030405,
    EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: 0x11121314,
    EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG: 0x2122,
    LOGICAL_BLOCK_APPLICATION_TAG_MASK: 0x3132,
    NUMBER_OF_LOGICAL_BLOCKS: 0x41424344,
  };
  const cdb = WRITE_SAME_32.encode(fields);
  expect(cdb).toEqual(hex('7f00 00000000 03 18 000d 28 00 0000000102030405 11121314 2122 3132 41424344'));
  expect(WRITE_SAME_32.decode(cdb)).toMatchObject(fields);
});

test('describeCdb names a command of variable length by its service action', () => {
  const cdb = WRITE_SAME_32.encode({ LOGICAL_BLOCK_ADDRESS: 8, NUMBER_OF_LOGICAL_BLOCKS: 2 });
  expect(describeCdb(cdb)).toBe('WRITE SAME (32) LOGICAL BLOCK ADDRESS=8 NUMBER OF LOGICAL BLOCKS=2');
  expect(describeCdb(hex('7f00000000000000 7777'))).toMatch(/^operation code 7Fh .*SERVICE ACTION=30583/);
});

test('the usage data holds the length and the service action as they are, and CONTROL in byte 1', () => {
  const row = supportedCommands().find(({ name }) => name === 'WRITE SAME (32)');
  const mask = '7f04 00000000 00 18 000d 09 00 ffffffffffffffff 00000000 0000 0000 ffffffff';
  expect(row?.cdbUsageMask).toEqual(hex(mask));
});

test('WRITE SAME(32) fills a unit without protection information, without Data-Out with zeroes', async () => {
  const { initiator, device } = await memoryHarness({ blockSize: 4096 });
  const range = { LOGICAL_BLOCK_ADDRESS: 3, NUMBER_OF_LOGICAL_BLOCKS: 2 };
  const dataOut = pattern(4096, 9);
  expect(await initiator.send(WRITE_SAME_32.encode(range), { dataOut })).toMatchObject(Expected.GOOD);
  const stored = new Uint8Array(4096);
  await device.read([stored], 4 * 4096);
  expect(sameBytes(stored, dataOut)).toBe(true);
  expect(await initiator.send(WRITE_SAME_32.encode({ ...range, NDOB: 1 }))).toMatchObject(Expected.GOOD);
  await device.read([stored], 4 * 4096);
  expect(sameBytes(stored, new Uint8Array(4096))).toBe(true);
});

test.each([
  ['cut to 16 bytes', (cdb: Uint8Array) => cdb.slice(0, 16)],
  ['cut to 31 bytes', (cdb: Uint8Array) => cdb.slice(0, 31)],
  ['with an ADDITIONAL CDB LENGTH that is too small', (cdb: Uint8Array) => cdb.fill(0x10, 7, 8)],
  ['with an ADDITIONAL CDB LENGTH that is too large', (cdb: Uint8Array) => cdb.fill(0xff, 7, 8)],
])('a CDB %s is refused at ADDITIONAL CDB LENGTH', async (_how, change) => {
  const { initiator, device } = await memoryHarness();
  const cdb = change(WRITE_SAME_32.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1 }));
  expect(await initiator.send(cdb, { dataOut: block })).toMatchObject(invalidCdb(7));
  expect(device.allocatedBytes).toBe(0);
});

test('a CDB that is longer than ADDITIONAL CDB LENGTH says is taken, as padding may follow it', async () => {
  const { initiator } = await memoryHarness();
  const cdb = new Uint8Array(40);
  cdb.set(WRITE_SAME_32.encode({ NUMBER_OF_LOGICAL_BLOCKS: 1 }));
  expect(await initiator.send(cdb, { dataOut: block })).toMatchObject(Expected.GOOD);
});

test('every service action outside the table is refused at SERVICE ACTION', async () => {
  const { initiator } = await memoryHarness();
  const own = supportedCommands().filter(({ operationCode }) => operationCode === 0x7f);
  for (const action of [...Array(0x30).keys(), 0x10d, 0x0d00, 0xffff]) {
    if (own.some(({ serviceAction }) => serviceAction === action)) continue;
    const cdb = new Uint8Array(32);
    cdb.set([0x7f, 0, 0, 0, 0, 0, 0, 0x18, action >>> 8, action & 0xff]);
    expect(await initiator.send(cdb)).toMatchObject(invalidCdb(8));
  }
});

test('NACA is looked at in byte 1, and does not matter in the last byte', async () => {
  const { target } = await memoryHarness();
  const initiator = new Initiator(target, 'reader', 1, { readOnly: true });
  await initiator.settle();
  const fields = { NUMBER_OF_LOGICAL_BLOCKS: 4 };
  const naca = WRITE_SAME_32.encode({ ...fields, CONTROL: 4 });
  expect(await initiator.send(naca, { dataOut: block })).toMatchObject(invalidCdb(1, 2));
  const plain = WRITE_SAME_32.encode(fields);
  expect(plain[31]).toBe(4);
  expect(await initiator.send(plain, { dataOut: block })).toMatchObject(Expected.WRITE_PROTECTED);
});
