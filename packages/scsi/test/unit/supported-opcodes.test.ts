import { expect, test } from 'vitest';
import {
  CDB_DEFINITIONS,
  parseAllOpcodes,
  parseOneOpcode,
  REPORT_SUPPORTED_OPERATION_CODES as RSOC,
  supportedCommands,
  TEST_UNIT_READY,
  type ReportSupportedOperationCodesCdb,
  type UnitKind,
  INQUIRY,
  parseStandardInquiry,
} from '../../src/index.ts';
import { Expected, invalidCdb } from '../support/expected-sense.ts';
import { hex, Initiator, memoryHarness } from '../support/harness.ts';

async function report(fields: Partial<ReportSupportedOperationCodesCdb>, kind: UnitKind = 'disk') {
  const { initiator } = await memoryHarness({ kind });
  return initiator.send(RSOC.encode({ ALLOCATION_LENGTH: 65_535, ...fields }));
}

test('option 000b lists every command of the table, and no other', async () => {
  const { data } = await report({});
  const listed = parseAllOpcodes(data).map(({ operationCode, serviceAction }) => [
    operationCode,
    serviceAction,
  ]);
  const everywhere = supportedCommands('disk').filter(({ needsType2 }) => !needsType2);
  const table = everywhere.map((command) => [command.operationCode, command.serviceAction]);
  expect(listed).toEqual(table);
  expect(supportedCommands()).toHaveLength(CDB_DEFINITIONS.length);
});

test('RCTD adds a timeouts descriptor of length 000Ah to each, and nothing else does', async () => {
  const without = parseAllOpcodes((await report({})).data);
  expect(without.every((opcode) => opcode.timeouts === undefined)).toBe(true);
  const { data } = await report({ RCTD: 1 });
  expect(data.subarray(12, 14)).toEqual(hex('000a'));
  expect(parseAllOpcodes(data).every((opcode) => (opcode.timeouts?.recommendedSeconds ?? 0) > 0)).toBe(true);
});

test('each command is reported by the option that fits, with its CDB usage data', async () => {
  for (const command of supportedCommands().filter(({ needsType2 }) => !needsType2)) {
    const { operationCode, serviceAction } = command;
    const request = {
      REQUESTED_OPERATION_CODE: operationCode,
      REQUESTED_SERVICE_ACTION: serviceAction ?? 0,
    };
    const [kind] = command.units;
    const byOpcode = await report({ ...request, REPORTING_OPTIONS: 1 }, kind);
    const byAction = await report({ ...request, REPORTING_OPTIONS: 2 }, kind);
    const [fitting, other] = serviceAction === undefined ? [byOpcode, byAction] : [byAction, byOpcode];
    expect(other, command.name).toMatchObject(invalidCdb(3));
    const one = parseOneOpcode(fitting.data);
    expect(one.supported, command.name).toBe(true);
    expect(one.usageMask[0]).toBe(operationCode);
    expect(one.usageMask).toEqual(command.cdbUsageMask);
  }
});

test('usage data, byte for byte', () => {
  const mask = (name: string) => supportedCommands().find((command) => command.name === name)?.cdbUsageMask;
  expect(mask('READ (10)')).toEqual(hex('28 18 ffffffff 00 ffff 04'));
  expect(mask('WRITE (16)')).toEqual(hex('8a 18 ffffffffffffffff ffffffff 00 04'));
  expect(mask('READ (6)')).toEqual(hex('08 1f ff ff ff 04'));
  expect(mask('WRITE SAME (16)')).toEqual(hex('93 09 ffffffffffffffff ffffffff 00 04'));
  expect(mask('INQUIRY')).toEqual(hex('12 01 ff ffff 04'));
  expect(mask('READ CAPACITY (16)')).toEqual(hex('9e 10 0000000000000000 ffffffff 00 04'));
  expect(mask('START STOP UNIT')).toEqual(hex('1b 01 00 00 07 04'));
  expect(mask('MODE SENSE (6)')).toEqual(hex('1a 08 ff ff ff 04'));
});

test('what is not supported is reported so, with timeouts left out', async () => {
  const unknown = await report({ REPORTING_OPTIONS: 1, REQUESTED_OPERATION_CODE: 0x85, RCTD: 1 });
  expect(unknown.data).toEqual(hex('00 01 0000'));
  const action = { REPORTING_OPTIONS: 2, REQUESTED_OPERATION_CODE: 0x9e, REQUESTED_SERVICE_ACTION: 0x1f };
  expect((await report(action)).data).toEqual(hex('00 01 0000'));
});

test('reserved reporting options are refused at byte 2', async () => {
  expect(await report({ REPORTING_OPTIONS: 4 })).toMatchObject(invalidCdb(2, 2));
});

test('an unknown operation code is an invalid command, an unknown service action a bad field', async () => {
  const { initiator } = await memoryHarness();
  expect(await initiator.send(Uint8Array.of(0x85))).toMatchObject(Expected.INVALID_OPCODE);
  expect(await initiator.send(hex('9e1f'))).toMatchObject(invalidCdb(1, 4));
});

test('NACA is taken, but not from who may only read, as NORMACA tells each of them', async () => {
  const { initiator, target } = await memoryHarness();
  const reader = new Initiator(target, 'reader', 1, { readOnly: true });
  await reader.settle();
  const inquiry = INQUIRY.encode({ ALLOCATION_LENGTH: 96 });
  expect(parseStandardInquiry((await initiator.send(inquiry)).data).NORMACA).toBe(1);
  expect(parseStandardInquiry((await reader.send(inquiry)).data).NORMACA).toBe(0);
  const naca = TEST_UNIT_READY.encode({ CONTROL: 4 });
  expect(await initiator.send(naca)).toMatchObject(Expected.GOOD);
  expect(await reader.send(naca)).toMatchObject(invalidCdb(5, 2));
});
