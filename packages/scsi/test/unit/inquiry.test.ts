import { describe, expect, test } from 'vitest';
import {
  Association,
  DesignatorType,
  INQUIRY,
  parseBlockLimits,
  parseDeviceIdentification,
  parseLogicalBlockProvisioning,
  parseStandardInquiry,
  parseVpdPage,
  VpdPage,
} from '../../src/index.ts';
import { invalidCdb } from '../support/expected-sense.ts';
import { hex, memoryHarness, TARGET_NAME, type Initiator } from '../support/harness.ts';

async function page(initiator: Initiator, pageCode: number): Promise<Uint8Array> {
  const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: pageCode, ALLOCATION_LENGTH: 4096 });
  return (await initiator.send(cdb)).data;
}

test('standard INQUIRY data, byte for byte', async () => {
  const { initiator } = await memoryHarness();
  const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }));
  const expected = hex(`
    00 00 06 12 5b 00 00 02
    4c55 4e42 4f58 2020
    4c55 4e42 4f58 2044 4953 4b20 2020 2020
    3030 3031
    ${'00'.repeat(22)}
    00a0 0960 0460 04c0
    ${'00'.repeat(30)}`);
  expect(data).toEqual(expected);
});

test('INQUIRY answers with any allocation length, cut to it', async () => {
  const { initiator } = await memoryHarness();
  const whole = (await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 65_535 }))).data;
  expect(whole).toHaveLength(96);
  for (const ALLOCATION_LENGTH of [0, 1, 5, 36, 95, 96, 255, 256]) {
    const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH }));
    expect(data).toEqual(whole.subarray(0, ALLOCATION_LENGTH));
  }
});

test('a page code without EVPD, an unknown page and CMDDT are refused at their fields', async () => {
  const { initiator } = await memoryHarness();
  expect(await initiator.send(INQUIRY.encode({ PAGE_CODE: 1 }))).toMatchObject(invalidCdb(2));
  expect(await initiator.send(INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0xc0 }))).toMatchObject(invalidCdb(2));
  expect(await initiator.send(INQUIRY.encode({ CMDDT: 1 }))).toMatchObject(invalidCdb(1, 1));
});

test('a LUN without a unit has qualifier 011b and type 1Fh', async () => {
  const { initiator } = await memoryHarness();
  const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }), { lun: 9 });
  expect(data[0]).toBe(0x7f);
  expect(parseStandardInquiry(data)).toMatchObject({ PERIPHERAL_QUALIFIER: 3, PERIPHERAL_DEVICE_TYPE: 0x1f });
});

describe('VPD', () => {
  test('page 00h lists every page there is, ascending, and each can be read', async () => {
    const { initiator } = await memoryHarness();
    const supported = await page(initiator, VpdPage.SUPPORTED_VPD_PAGES);
    expect(supported).toEqual(hex('00 00 0009 00 80 83 86 87 88 b0 b1 b2'));
    for (const code of supported.subarray(4)) {
      const data = await page(initiator, code);
      expect(parseVpdPage(data).pageCode).toBe(code);
      expect(data.length).toBe(4 + parseVpdPage(data).body.length);
    }
  });

  test('page 80h is the identity in hexadecimal', async () => {
    const { initiator, unit } = await memoryHarness();
    const { body } = parseVpdPage(await page(initiator, VpdPage.UNIT_SERIAL_NUMBER));
    expect(Buffer.from(body).toString()).toBe('00112233445566778899aabbccddeeff');
    expect(unit.serialNumber).toBe('00112233445566778899aabbccddeeff');
  });

  test('page 83h has T10, NAA, port and SCSI name designators of one identity (T-W1, T-V4)', async () => {
    const { initiator } = await memoryHarness();
    const designators = parseDeviceIdentification(parseVpdPage(await page(initiator, 0x83)).body);
    const find = (type: number, association: number): Uint8Array | undefined =>
      designators.find((found) => found.type === type && found.association === association)?.value;
    const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
    const { LOGICAL_UNIT, TARGET_PORT, TARGET_DEVICE } = Association;
    const t10 = text(find(DesignatorType.T10_VENDOR_ID, LOGICAL_UNIT));
    expect(t10).toBe('LUNBOX  00112233445566778899aabbccddeeff');
    expect(find(DesignatorType.NAA, LOGICAL_UNIT)).toEqual(
      hex('6024c42 0011223344556677 8899aabbc'.replaceAll(' ', '')),
    );
    expect(find(DesignatorType.RELATIVE_TARGET_PORT, TARGET_PORT)).toEqual(hex('0000 0001'));
    expect(find(DesignatorType.TARGET_PORT_GROUP, TARGET_PORT)).toEqual(hex('0000 0001'));
    const port = find(DesignatorType.SCSI_NAME_STRING, TARGET_PORT);
    expect(text(port).replace(/\0+$/, '')).toBe(`${TARGET_NAME},t,0x0001`);
    const device = find(DesignatorType.SCSI_NAME_STRING, TARGET_DEVICE);
    expect(text(device).replace(/\0+$/, '')).toBe(TARGET_NAME);
    for (const name of [port, device]) {
      expect(name?.at(-1)).toBe(0);
      expect((name?.length ?? 1) % 4).toBe(0);
    }
  });

  test('page B0h states the limits that the commands keep to, with an aligned UNMAP granularity (T-V7)', async () => {
    for (const [blockSize, granularity] of [
      [512, 8],
      [4096, 1],
    ] as const) {
      const { initiator } = await memoryHarness({ blockSize });
      const data = await page(initiator, VpdPage.BLOCK_LIMITS);
      expect(data).toHaveLength(64);
      expect(parseBlockLimits(parseVpdPage(data).body)).toMatchObject({
        WSNZ: 1,
        OPTIMAL_TRANSFER_LENGTH_GRANULARITY: granularity,
        MAXIMUM_TRANSFER_LENGTH: 262_144,
        OPTIMAL_TRANSFER_LENGTH: 2 ** 20 / blockSize,
        MAXIMUM_UNMAP_LBA_COUNT: 1_048_576,
        MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT: 256,
        OPTIMAL_UNMAP_GRANULARITY: granularity,
        UGAVALID: 1,
        UNMAP_GRANULARITY_ALIGNMENT: 0,
        MAXIMUM_WRITE_SAME_LENGTH: 2 ** 32 / blockSize,
      });
    }
  });

  test('pages 86h, B1h and B2h, byte for byte (T-N2)', async () => {
    const { initiator } = await memoryHarness();
    expect(await page(initiator, 0x86)).toEqual(hex(`00 86 003c 00 07 01 01 ${'00'.repeat(56)}`));
    expect(await page(initiator, 0xb1)).toEqual(hex(`00 b1 003c 0001 00 40 ${'00'.repeat(56)}`));
    expect(await page(initiator, 0xb2)).toEqual(hex('00 b2 0004 00 e4 02 00'));
    const provisioning = parseLogicalBlockProvisioning(hex('00 e4 02 00'));
    expect(provisioning).toMatchObject({ LBPU: 1, LBPWS: 1, LBPWS10: 1, LBPRZ: 1, PROVISIONING_TYPE: 2 });
  });
});

test('an identity of another length and texts that do not fit are refused', async () => {
  await expect(memoryHarness({ identity: new Uint8Array(15) })).rejects.toThrow(RangeError);
  await expect(memoryHarness({ product: 'seventeen letters' })).rejects.toThrow(RangeError);
  await expect(memoryHarness({ vendor: 'Ünknown' })).rejects.toThrow(RangeError);
  await expect(memoryHarness({ physicalBlockBytes: 768 })).rejects.toThrow(RangeError);
});
