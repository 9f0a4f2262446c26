import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  BufferMode,
  errorHistoryDirectory,
  READ_BUFFER,
  SenseKey,
  WRITE_BUFFER,
  type ReadBufferCdb,
  type WriteBufferCdb,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { hex, memoryHarness, pattern, sameBytes, type Initiator } from '../support/harness.ts';

const { DATA, DESCRIPTOR, ECHO, ECHO_DESCRIPTOR, ERROR_HISTORY } = BufferMode;

const read = (initiator: Initiator, fields: Partial<ReadBufferCdb>) =>
  initiator.send(READ_BUFFER.encode({ ALLOCATION_LENGTH: 65_536, ...fields }));
const write = (initiator: Initiator, fields: Partial<WriteBufferCdb>, dataOut: Uint8Array) =>
  initiator.send(WRITE_BUFFER.encode({ PARAMETER_LIST_LENGTH: dataOut.length, ...fields }), { dataOut });

test('the data buffer belongs to the unit and keeps what is written anywhere in it', async () => {
  const harness = await memoryHarness();
  const other = await harness.connectReady('other');
  expect((await read(other, { MODE: DESCRIPTOR })).data).toEqual(hex('00 001000'));
  expect((await read(other, { MODE: DESCRIPTOR, BUFFER_ID: 1 })).data).toEqual(hex('00 000000'));
  const data = pattern(4095);
  expect(await write(harness.initiator, { MODE: DATA, BUFFER_OFFSET: 1 }, data)).toMatchObject(Expected.GOOD);
  const found = await read(other, { MODE: DATA });
  expect(sameBytes(found.data, Buffer.concat([hex('00'), data]))).toBe(true);
  expect((await read(other, { MODE: DATA, BUFFER_OFFSET: 4095 })).data).toEqual(data.subarray(4094));
  expect((await read(other, { MODE: DATA, BUFFER_OFFSET: 4096 })).data).toHaveLength(0);
});

test('the echo buffer belongs to the nexus and returns what it wrote last', async () => {
  const harness = await memoryHarness();
  const { initiator } = harness;
  const other = await harness.connectReady('other');
  expect((await read(initiator, { MODE: ECHO_DESCRIPTOR })).data).toEqual(hex('00 00 1000'));
  const early = { senseKey: SenseKey.ILLEGAL_REQUEST, ...AdditionalSenseCode.COMMAND_SEQUENCE_ERROR };
  expect((await read(initiator, { MODE: ECHO })).sense).toMatchObject(early);
  expect(await write(initiator, { MODE: ECHO }, hex('0102030405'))).toMatchObject(Expected.GOOD);
  expect(await write(other, { MODE: ECHO }, hex('ff'))).toMatchObject(Expected.GOOD);
  expect((await read(initiator, { MODE: ECHO })).data).toEqual(hex('0102030405'));
  expect((await read(initiator, { MODE: ECHO, ALLOCATION_LENGTH: 2 })).data).toEqual(hex('0102'));
});

test('the error history is a directory without entries', async () => {
  const { initiator } = await memoryHarness();
  const { data } = await read(initiator, { MODE: ERROR_HISTORY });
  expect(data).toHaveLength(32);
  expect(errorHistoryDirectory.decode(data)).toMatchObject({
    T10_VENDOR_IDENTIFICATION: 'LUNBOX',
    DIRECTORY_LENGTH: 0,
  });
  expect(await read(initiator, { MODE: ERROR_HISTORY, BUFFER_ID: 0x10 })).toMatchObject(invalidCdb(2));
  expect(await read(initiator, { MODE: ERROR_HISTORY, BUFFER_OFFSET: 1 })).toMatchObject(invalidCdb(3));
});

test('other modes, buffers and what does not fit are refused', async () => {
  const { initiator } = await memoryHarness();
  const one = hex('00');
  for (const MODE of [0, 1, 4, 5, 6, 7, 0x0d, 0x0e, 0x0f, 0x1a, 0x1f]) {
    expect(await read(initiator, { MODE })).toMatchObject(invalidCdb(1, 4));
    expect(await write(initiator, { MODE }, one)).toMatchObject(invalidCdb(1, 4));
  }
  expect(await read(initiator, { MODE: DATA, BUFFER_ID: 1 })).toMatchObject(invalidCdb(2));
  expect(await read(initiator, { MODE: DATA, BUFFER_OFFSET: 4097 })).toMatchObject(invalidCdb(3));
  expect(await write(initiator, { MODE: DATA, BUFFER_ID: 1 }, one)).toMatchObject(invalidCdb(2));
  expect(await write(initiator, { MODE: DATA, BUFFER_OFFSET: 4097 }, one)).toMatchObject(invalidCdb(3));
  expect(await write(initiator, { MODE: DATA, BUFFER_OFFSET: 4096 }, one)).toMatchObject(invalidCdb(6));
  expect(await write(initiator, { MODE: ECHO, BUFFER_OFFSET: 1 }, one)).toMatchObject(invalidCdb(3));
  expect(await write(initiator, { MODE: ECHO }, pattern(4097))).toMatchObject(invalidCdb(6));
  const nothing = hex('');
  expect(await write(initiator, { MODE: DATA, BUFFER_OFFSET: 4096 }, nothing)).toMatchObject(Expected.GOOD);
});
