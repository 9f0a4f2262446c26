import { MemoryDevice } from '@lunbox/block';
import { expect, test } from 'vitest';
import {
  descriptionText,
  explainDataIn,
  INQUIRY,
  MODE_SENSE_10,
  parseAllOpcodes,
  parseExtendedInquiry,
  parseStandardInquiry,
  parseThirdPartyCopy,
  parseVpdPage,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORT_TARGET_PORT_GROUPS,
  VpdPage,
} from '../../src/index.ts';
import { Harness, memoryHarness } from '../support/harness.ts';

async function drive(): Promise<Harness> {
  const harness = new Harness(new MemoryDevice({ size: 64 * 2048, blockSize: 2048 }), { kind: 'cd-rom' });
  await harness.initiator.settle();
  return harness;
}

/** What our decoder says of the answer of a unit. */
async function said({ initiator }: Pick<Harness, 'initiator'>, cdb: Uint8Array): Promise<string> {
  const { data } = await initiator.send(cdb);
  return descriptionText(explainDataIn(cdb, data)!);
}

test('INQUIRY data claim what REPORT SUPPORTED OPERATION CODES lists', async () => {
  for (const harness of [await drive(), await memoryHarness()]) {
    const { initiator } = harness;
    const rsoc = REPORT_SUPPORTED_OPERATION_CODES.encode({ ALLOCATION_LENGTH: 4096 });
    const listed = parseAllOpcodes((await initiator.send(rsoc)).data);
    const has = (operationCode: number, serviceAction: number): number =>
      listed.some((one) => one.operationCode === operationCode && one.serviceAction === serviceAction)
        ? 1
        : 0;
    const standard = (await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }))).data;
    const inquiry = parseStandardInquiry(standard);
    // Implicit and explicit: REPORT and SET TARGET PORT GROUPS.
    expect(inquiry.TPGS).toBe(2 * has(0xa4, 0x0a) + has(0xa3, 0x0a));
    expect(inquiry.THIRD_PARTY_COPY).toBe(has(0x83, 0x00));
    const page = INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x86, ALLOCATION_LENGTH: 64 });
    const extended = parseExtendedInquiry(parseVpdPage((await initiator.send(page)).data).body);
    expect(extended.R_SUP).toBe(has(0x9e, 0x13));
  }
});

test('every descriptor of VPD page 8Fh is read', async () => {
  const { initiator } = await memoryHarness();
  const page = INQUIRY.encode({ EVPD: 1, PAGE_CODE: VpdPage.THIRD_PARTY_COPY, ALLOCATION_LENGTH: 1024 });
  const { body } = parseVpdPage((await initiator.send(page)).data);
  const whole = parseThirdPartyCopy(body);
  expect(whole).toMatchObject({
    parameters: { MAXIMUM_CSCD_DESCRIPTOR_COUNT: 64, MAXIMUM_DESCRIPTOR_LIST_LENGTH: 3840 },
    descriptorTypes: [0x02, 0x07, 0x0a, 0xe4],
    cscdIds: [0xffff],
    tokenFeatures: { MINIMUM_TOKEN_LIFETIME: 3600 },
    blockFeatures: { OPTIMAL_BLOCK_ROD_LENGTH_GRANULARITY: 8 },
    rodTypes: [
      { ROD_TYPE: 0x0080_0001, TOKEN_OUT: 1 },
      { ROD_TYPE: 0xffff_0001, TOKEN_OUT: 0 },
    ],
    copyOperations: { TOTAL_CONCURRENT_COPIES: 32 },
  });
  for (let length = 0; length < body.length; length++) {
    expect(parseThirdPartyCopy(body.subarray(0, length)).types.length).toBeLessThan(whole.types.length);
  }
});

test('answers are told with the names of what they list', async () => {
  const disk = await memoryHarness();
  const rsoc = REPORT_SUPPORTED_OPERATION_CODES.encode({ ALLOCATION_LENGTH: 4096 });
  expect(await said(disk, rsoc)).toContain('operation code: 40 (READ (10))');
  expect(await said(disk, INQUIRY.encode({ ALLOCATION_LENGTH: 96 }))).toContain('1216 (SBC-3)');
  const groups = { PARAMETER_DATA_FORMAT: 1, ALLOCATION_LENGTH: 255 };
  const extended = await said(disk, REPORT_TARGET_PORT_GROUPS.encode(groups));
  expect(extended).toContain('IMPLICIT TRANSITION TIME: 0');
  const short = await said(disk, REPORT_TARGET_PORT_GROUPS.encode({ ALLOCATION_LENGTH: 255 }));
  expect(short).not.toContain('IMPLICIT TRANSITION TIME');
  const sense = MODE_SENSE_10.encode({ PAGE_CODE: 0x2a, ALLOCATION_LENGTH: 255 });
  expect(await said(await drive(), sense)).toMatch(/DVD ROM READ: 1\n.*\n.*CD RW READ: 1/);
});
