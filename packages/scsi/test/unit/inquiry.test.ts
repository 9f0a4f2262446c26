import { describe, expect, test } from 'vitest';
import {
  Association,
  DesignatorType,
  INQUIRY,
  ManagementService,
  parseBlockLimitsExtension,
  parseBlockLimits,
  parseDeviceIdentification,
  parseLogicalBlockProvisioning,
  parseManagementAddresses,
  parseReferralsPage,
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
    00 00 06 32 5b 38 00 02
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

const unspecified = (url: string) => ({ service: ManagementService.UNSPECIFIED, url });

describe('VPD', () => {
  test('page 00h lists every page there is, ascending, and each can be read', async () => {
    const { initiator } = await memoryHarness();
    const supported = await page(initiator, VpdPage.SUPPORTED_VPD_PAGES);
    expect(supported).toEqual(hex('00 00 000c 00 80 83 86 87 88 8f b0 b1 b2 b3 b7'));
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
    const unitName = find(DesignatorType.SCSI_NAME_STRING, LOGICAL_UNIT);
    expect(text(unitName).replace(/\0+$/, '')).toBe('naa.6024C4200112233445566778899AABBC');
    expect(find(DesignatorType.UUID, LOGICAL_UNIT)).toEqual(hex('1000 00112233445566778899aabbccddeeff'));
    for (const name of [port, device, unitName]) {
      expect(name?.at(-1)).toBe(0);
      expect((name?.length ?? 1) % 4).toBe(0);
    }
  });

  test('page 83h has a UUID only where the identity has the form of one', async () => {
    const types = async (identity: Uint8Array): Promise<number[]> => {
      const { initiator } = await memoryHarness({ identity });
      const designators = parseDeviceIdentification(parseVpdPage(await page(initiator, 0x83)).body);
      return designators.map(({ type }) => type);
    };
    expect(await types(hex('00112233 4455 4677 8899 aabbccddeeff'))).toContain(DesignatorType.UUID);
    for (const other of ['00112233 4455 0677 8899 aabbccddeeff', '00112233 4455 4677 c899 aabbccddeeff']) {
      expect(await types(hex(other))).not.toContain(DesignatorType.UUID);
    }
  });

  test('page 85h tells where the unit is managed, byte for byte, and is not there otherwise', async () => {
    const managementAddresses = [
      { service: ManagementService.STATUS, url: 'http://a/s' },
      { service: ManagementService.STORAGE_CONFIGURATION, url: 'http://[::1]' },
    ];
    const { initiator } = await memoryHarness({ managementAddresses });
    const data = await page(initiator, VpdPage.MANAGEMENT_NETWORK_ADDRESSES);
    expect(data).toEqual(
      hex(`00 85 0024
        01 00 0010 ${Buffer.from('http://[::1]\0\0\0\0').toString('hex')}
        03 00 000c ${Buffer.from('http://a/s\0\0').toString('hex')}`),
    );
    expect(parseManagementAddresses(parseVpdPage(data).body)).toEqual(managementAddresses.toReversed());
    expect(await page(initiator, VpdPage.SUPPORTED_VPD_PAGES)).toContain(0x85);
    const plain = await memoryHarness();
    expect(await page(plain.initiator, VpdPage.SUPPORTED_VPD_PAGES)).not.toContain(0x85);
    const cdb = INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x85, ALLOCATION_LENGTH: 255 });
    expect(await plain.initiator.send(cdb)).toMatchObject(invalidCdb(2));
    for (const wrong of [
      { service: 9, url: 'http://a' },
      ...['', 'a\0b', 'x'.repeat(1024)].map(unspecified),
    ]) {
      await expect(memoryHarness({ managementAddresses: [wrong] })).rejects.toThrow(RangeError);
    }
    const many = Array.from({ length: 17 }, () => unspecified('http://a'));
    await expect(memoryHarness({ managementAddresses: many })).rejects.toThrow(RangeError);
  });

  test('pages B3h and B7h, byte for byte: one segment, no streams and no scattered writes', async () => {
    const { initiator } = await memoryHarness();
    expect(await page(initiator, VpdPage.REFERRALS)).toEqual(hex(`00 b3 000c ${'00'.repeat(12)}`));
    expect(await page(initiator, VpdPage.BLOCK_LIMITS_EXTENSION)).toEqual(
      hex(`00 b7 003c ${'00'.repeat(60)}`),
    );
    expect(parseReferralsPage(hex(`00000000 00000007 00000002`))).toEqual({
      USER_DATA_SEGMENT_SIZE: 7,
      USER_DATA_SEGMENT_MULTIPLIER: 2,
    });
    const other = hex('0001 0002 0003 00000004 0000 00000005 0000 0006 00000007');
    expect(parseBlockLimitsExtension(other)).toEqual({
      RSCS: 1,
      MAXIMUM_NUMBER_OF_STREAMS: 2,
      OPTIMAL_STREAM_WRITE_SIZE: 3,
      STREAM_GRANULARITY_SIZE: 4,
      MAXIMUM_SCATTERED_LBA_RANGE_TRANSFER_LENGTH: 5,
      MAXIMUM_SCATTERED_LBA_RANGE_DESCRIPTOR_COUNT: 6,
      MAXIMUM_SCATTERED_TRANSFER_LENGTH: 7,
    });
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

  test('page B0h tells with WSNZ 0 that WRITE SAME of no blocks means the rest', async () => {
    const { initiator } = await memoryHarness({ writeSameZero: 'rest' });
    const { body } = parseVpdPage(await page(initiator, VpdPage.BLOCK_LIMITS));
    expect(parseBlockLimits(body)).toMatchObject({ WSNZ: 0 });
  });

  test('pages 86h, B1h and B2h, byte for byte (T-N2)', async () => {
    const { initiator } = await memoryHarness();
    expect(await page(initiator, 0x86)).toEqual(hex(`00 86 003c 00 07 01 01 10 ${'00'.repeat(55)}`));
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
  await expect(memoryHarness({ backgroundBytesPerSecond: 2 ** 20 - 1 })).rejects.toThrow(RangeError);
});
