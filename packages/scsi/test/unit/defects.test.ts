import { describe, expect, test } from 'vitest';
import {
  buildDefectList,
  parseDefectList,
  READ_DEFECT_DATA_10,
  READ_DEFECT_DATA_12,
  START_STOP_UNIT,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { hex, memoryHarness } from '../support/harness.ts';

describe.each([
  { cdb: READ_DEFECT_DATA_10, header: '00 1b 0000', flagsByte: 2 },
  { cdb: READ_DEFECT_DATA_12, header: '00 1b 0000 00000000', flagsByte: 1 },
])('$cdb.name', ({ cdb, header, flagsByte }) => {
  test('has no defects to tell of, in the format that was asked for', async () => {
    const { initiator } = await memoryHarness();
    const both = { REQ_PLIST: 1, REQ_GLIST: 1, DEFECT_LIST_FORMAT: 3, ALLOCATION_LENGTH: 255 };
    expect((await initiator.send(cdb.encode(both))).data).toEqual(hex(header));
    expect((await initiator.send(cdb.encode({ ALLOCATION_LENGTH: 2 }))).data).toEqual(hex('00 00'));
  });

  test('refuses formats that no standard defines, and a stopped unit', async () => {
    const { initiator } = await memoryHarness();
    for (const DEFECT_LIST_FORMAT of [6, 7]) {
      const answer = await initiator.send(cdb.encode({ DEFECT_LIST_FORMAT }));
      expect(answer).toMatchObject(invalidCdb(flagsByte, 2));
    }
    await initiator.send(START_STOP_UNIT.encode());
    expect(await initiator.send(cdb.encode())).toMatchObject(Expected.NOT_STARTED);
  });
});

test.each([10, 12] as const)('defect lists of READ DEFECT DATA (%i) come back', (size) => {
  const list = { primary: false, growing: true, format: 0, descriptors: hex('00000001 00000002') };
  expect(parseDefectList(size, buildDefectList(size, list))).toEqual(list);
});
