import { MemoryDevice, type MaybePromise, type WriteOptions } from '@lunbox/block';
import { describe, expect, test, vi } from 'vitest';
import {
  AdditionalSenseCode,
  buildFormatList,
  buildUnmapList,
  FORMAT_UNIT,
  INQUIRY,
  LogicalUnit,
  MODE_SENSE_10,
  parseControlPage,
  parseExtendedInquiry,
  parseOneOpcode,
  parseReadCapacity16,
  parseStandardInquiry,
  parseVpdPage,
  protectionAreaBytes,
  ProtectedDevice,
  READ_16,
  READ_32,
  READ_CAPACITY_16,
  REPORT_SUPPORTED_OPERATION_CODES as RSOC,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_OVERWRITE,
  buildOverwriteList,
  SYNCHRONIZE_CACHE_10,
  UNMAP,
  WRITE_10,
  WRITE_16,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb, invalidList } from '../support/expected-sense.ts';
import { IDENTITY, memoryHarness, pattern, sameBytes, type Initiator } from '../support/harness.ts';
import { areaFor, protect, protectedHarness } from '../support/protected.ts';

const BLOCK = pattern(512, 3);
const NEVER = Buffer.concat([Buffer.alloc(512), Buffer.alloc(8, 0xff)]);

async function capacity(initiator: Initiator) {
  const { data } = await initiator.send(READ_CAPACITY_16.encode({ ALLOCATION_LENGTH: 32 }));
  const { PROT_EN, P_TYPE, P_I_EXPONENT } = parseReadCapacity16(data);
  return [PROT_EN, P_TYPE, P_I_EXPONENT];
}

const wire = async (initiator: Initiator, lba: number) => {
  const fields = { RDPROTECT: 3, LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: 1 };
  const { status, data } = await initiator.send(READ_16.encode(fields));
  expect(status).toBe(0);
  return data;
};

describe('what a unit says of its protection information', () => {
  test.each([
    [0, 0, 0],
    [1, 1, 0],
    [2, 1, 1],
    [3, 1, 2],
  ] as const)('formatted with %i: PROT_EN %i, P_TYPE %i', async (type, enabled, pType) => {
    const { initiator } = await protectedHarness(type);
    expect(await capacity(initiator)).toEqual([enabled, pType, 0]);
    const standard = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }));
    expect(parseStandardInquiry(standard.data).PROTECT).toBe(1);
    const page = await initiator.send(INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x86, ALLOCATION_LENGTH: 64 }));
    const extended = { SPT: 7, GRD_CHK: 1, APP_CHK: 1, REF_CHK: 1, V_SUP: 1 };
    expect(parseExtendedInquiry(parseVpdPage(page.data).body)).toMatchObject(extended);
    const changeable = await initiator.send(
      MODE_SENSE_10.encode({ DBD: 1, PC: 1, PAGE_CODE: 0x0a, ALLOCATION_LENGTH: 64 }),
    );
    expect(parseControlPage(changeable.data.subarray(8))).toMatchObject({ ATO: 1, DPICZ: 1, RWWP: 1 });
    const one = RSOC.encode({ REPORTING_OPTIONS: 1, REQUESTED_OPERATION_CODE: 0x88, ALLOCATION_LENGTH: 64 });
    expect(parseOneOpcode((await initiator.send(one)).data).usageMask[1]).toBe(type === 0 ? 0x18 : 0xf8);
  });

  test('a unit without room for any says so', async () => {
    const { initiator } = await memoryHarness();
    expect(await capacity(initiator)).toEqual([0, 0, 0]);
    const standard = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }));
    expect(parseStandardInquiry(standard.data).PROTECT).toBe(0);
    const page = await initiator.send(INQUIRY.encode({ EVPD: 1, PAGE_CODE: 0x86, ALLOCATION_LENGTH: 64 }));
    expect(parseExtendedInquiry(parseVpdPage(page.data).body)).toMatchObject({ SPT: 0, GRD_CHK: 0 });
    const changeable = await initiator.send(
      MODE_SENSE_10.encode({ DBD: 1, PC: 1, PAGE_CODE: 0x0a, ALLOCATION_LENGTH: 64 }),
    );
    expect(parseControlPage(changeable.data.subarray(8))).toMatchObject({ ATO: 0, DPICZ: 0, RWWP: 0 });
    expect(await initiator.send(FORMAT_UNIT.encode({ FMTPINFO: 2 }))).toMatchObject(invalidCdb(1, 7));
  });
});

describe('FORMAT UNIT', () => {
  test.each([
    [0, 0, 0],
    [2, 0, 1],
    [3, 0, 2],
    [3, 1, 3],
  ] as const)(
    'with FMTPINFO %i and PROTECTION FIELD USAGE %i formats type %i',
    async (FMTPINFO, usage, type) => {
      const { initiator, harness, device } = await protectedHarness(type === 1 ? 3 : 1);
      const other = await harness.connectReady('other');
      await initiator.send(WRITE_10.encode({ TRANSFER_LENGTH: 1 }), { dataOut: BLOCK });
      const dataOut = buildFormatList({ protectionFieldUsage: usage, formatOptionsValid: true });
      const cdb = FORMAT_UNIT.encode({ FMTPINFO, FMTDATA: 1 });
      expect(await initiator.send(cdb, { dataOut })).toMatchObject(Expected.GOOD);
      expect(device.type).toBe(type);
      expect((await capacity(other).catch(() => [])).length).toBe(3);
      expect(await capacity(initiator)).toEqual([type === 0 ? 0 : 1, type === 0 ? 0 : type - 1, 0]);
      expect(await initiator.send(READ_16.encode({ TRANSFER_LENGTH: 1 }))).toMatchObject({ status: 0 });
      if (type === 1 || type === 3) expect(sameBytes(await wire(initiator, 0), NEVER)).toBe(true);
      const reader = READ_32.encode({ TRANSFER_LENGTH: 1 });
      expect((await initiator.send(reader)).status).toBe(type === 2 ? 0 : 2);
    },
  );

  test('tells the others that the capacity data has changed', async () => {
    const { initiator, harness } = await protectedHarness(1);
    const other = await harness.connectReady('other');
    expect(await initiator.send(FORMAT_UNIT.encode({ FMTPINFO: 3 }))).toMatchObject(Expected.GOOD);
    const heard = await other.send(READ_16.encode({ TRANSFER_LENGTH: 1 }));
    expect(heard).toMatchObject(attention(AdditionalSenseCode.CAPACITY_DATA_HAS_CHANGED));
    expect(await initiator.send(READ_16.encode({ TRANSFER_LENGTH: 1 }))).toMatchObject({ status: 0 });
  });

  test('refuses what SBC-3 table 38 does not have', async () => {
    const { initiator, device } = await protectedHarness(1);
    const format = (FMTPINFO: number, usage: number, interval = 0) => {
      const long = interval !== 0;
      const fields = { protectionFieldUsage: usage, protectionInterval: interval, formatOptionsValid: true };
      const cdb = FORMAT_UNIT.encode({ FMTPINFO, FMTDATA: 1, LONGLIST: long ? 1 : 0 });
      return initiator.send(cdb, { dataOut: buildFormatList(fields, long) });
    };
    expect(await format(1, 0)).toMatchObject(invalidCdb(1, 7));
    for (const [information, usage] of [
      [0, 1],
      [2, 1],
      [3, 2],
      [3, 7],
    ] as const) {
      expect(await format(information, usage)).toMatchObject(invalidList(0, 2));
    }
    expect(await format(2, 0, 3)).toMatchObject(invalidList(3));
    expect(device.type).toBe(1);
  });
});

test.each([
  ['UNMAP', UNMAP.encode({ PARAMETER_LIST_LENGTH: 24 }), buildUnmapList([{ lba: 1, blockCount: 90 }])],
  ['SANITIZE, BLOCK ERASE', SANITIZE_BLOCK_ERASE.encode(), undefined],
])('%s leaves FFh in the protection information, and others as they are', async (name, cdb, dataOut) => {
  const { initiator } = await protectedHarness(1);
  const blocks = { TRANSFER_LENGTH: 100 };
  await initiator.send(WRITE_16.encode(blocks), { dataOut: pattern(100 * 512) });
  expect(await initiator.send(cdb, dataOut === undefined ? {} : { dataOut })).toMatchObject(Expected.GOOD);
  for (const lba of [1, 60, 63, 64, 65, 90]) expect(sameBytes(await wire(initiator, lba), NEVER)).toBe(true);
  for (const lba of [0, 91]) expect(sameBytes(await wire(initiator, lba), NEVER)).toBe(name !== 'UNMAP');
});

test('SANITIZE, OVERWRITE writes its pattern, and FFh as protection information', async () => {
  const { initiator } = await protectedHarness(3);
  const dataOut = buildOverwriteList({ invert: false, test: 0, count: 1, pattern: BLOCK });
  const cdb = SANITIZE_OVERWRITE.encode({ PARAMETER_LIST_LENGTH: dataOut.length });
  expect(await initiator.send(cdb, { dataOut })).toMatchObject(Expected.GOOD);
  expect(sameBytes(await wire(initiator, 77), Buffer.concat([BLOCK, Buffer.alloc(8, 0xff)]))).toBe(true);
});

test('damage to the data, and to the protection information, is found', async () => {
  const { initiator, data, area } = await protectedHarness(1);
  await initiator.send(WRITE_16.encode({ TRANSFER_LENGTH: 4 }), { dataOut: pattern(2048) });
  await data.write([pattern(512, 99)], 1024);
  const read = (lba: number) =>
    initiator.send(READ_16.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: 1 }));
  expect(await read(2)).toMatchObject({
    status: 2,
    sense: { senseKey: 0xb, asc: 0x10, ascq: 1, information: 2 },
  });
  const tags = new Uint8Array(512);
  await area.read([tags], 65_536);
  tags[3 * 8 + 7]! ^= 1;
  await area.write([tags], 65_536);
  expect(await read(3)).toMatchObject({ status: 2, sense: { asc: 0x10, ascq: 3, information: 3 } });
  expect(await read(1)).toMatchObject({ status: 0 });
});

/** Memory that stops taking protection information at some time, as when the power goes between two writes. */
class TornArea extends MemoryDevice {
  torn = false;

  override write(from: readonly Uint8Array[], offset: number, options?: WriteOptions): MaybePromise<void> {
    if (this.torn && offset >= 65_536) return;
    return super.write(from, offset, options);
  }
}

describe('after an unclean stop', () => {
  async function torn() {
    const data = new MemoryDevice({ size: 8192 * 512 });
    const area = new TornArea({ size: protectionAreaBytes(data.size, 512) });
    const device = await protect(data, 1, area);
    await device.write([pattern(4096 * 512)], 0);
    await device.flush();
    area.torn = true;
    await device.write([pattern(512, 50)], 10 * 512);
    area.torn = false;
    const reopen = () => ProtectedDevice.open({ data, area, identity: IDENTITY });
    return { data, area, device, reopen };
  }

  test('blocks that do not fit their protection information lose it, and can be read', async () => {
    const { reopen } = await torn();
    const device = await reopen();
    expect(device.unknownBlocks).toBe(1);
    const found = new Uint8Array(512);
    await device.read([found], 10 * 512);
    expect(sameBytes(found, pattern(512, 50))).toBe(true);
    await device.read([new Uint8Array(4096 * 512)], 0);
    await device.close();
    expect((await reopen()).unknownBlocks).toBe(0);
  });

  test('damage elsewhere is damage still: only regions that were written to are looked through', async () => {
    const { data, reopen } = await torn();
    await data.write([pattern(512, 77)], 6000 * 512);
    const first = await reopen();
    await first.write([pattern(512, 1)], 6000 * 512);
    await first.close();
    await data.write([pattern(512, 77)], 6000 * 512);
    const device = await reopen();
    expect(device.unknownBlocks).toBe(0);
    expect(() => device.read([new Uint8Array(512)], 6000 * 512)).toThrow(/GUARD CHECK FAILED/);
  });

  test('a region is marked before its first write, and no more when it has been idle for some flushes', async () => {
    const { initiator, area, data } = await protectedHarness(1, { blocks: 8192 });
    const marks = async () => {
      const map = new Uint8Array(512);
      await area.read([map], 4096);
      return map[0];
    };
    expect(await marks()).toBe(0);
    const write = (lba: number) =>
      initiator.send(WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: lba, TRANSFER_LENGTH: 1 }), { dataOut: BLOCK });
    await write(0);
    await write(4096);
    expect(await marks()).toBe(0b101);
    for (let flush = 0; flush < 4; flush++) {
      await write(0);
      await initiator.send(SYNCHRONIZE_CACHE_10.encode());
    }
    expect(await marks()).toBe(0b001);
    expect(data.allocatedBytes).toBeGreaterThan(0);
  });
});

describe('an area is refused', () => {
  test('when it belongs to another disk, is damaged, or is for other blocks', async () => {
    const data = new MemoryDevice({ size: 64 * 512 });
    const area = areaFor(data);
    const open = (identity = IDENTITY, disk = data) => ProtectedDevice.open({ data: disk, area, identity });
    await expect(open()).rejects.toMatchObject({ code: 'SCSI_PROTECTION_AREA' });
    await protect(data, 2, area);
    expect((await open()).type).toBe(2);
    await expect(open(new Uint8Array(16))).rejects.toThrow(/another disk/);
    const large = new MemoryDevice({ size: 64 * 4096, blockSize: 4096 });
    await expect(open(IDENTITY, large)).rejects.toThrow(/blocks of 512/);
    const header = new Uint8Array(512);
    await area.read([header], 0);
    header[10]! ^= 1;
    await area.write([header], 0);
    await expect(open()).rejects.toThrow(/damaged/);
  });
});

test('a disk that grows has no more blocks than there is room for their protection information', async () => {
  const { harness, initiator, data, area } = await protectedHarness(1, { blocks: 8192 });
  data.resize(16_384 * 512);
  const counted = harness.unit.blockCount;
  expect(counted).toBe((area.size - 65_536) / 8);
  area.resize(protectionAreaBytes(16_384 * 512, 512));
  expect(harness.unit.blockCount).toBe(16_384);
  await initiator.settle();
  expect(sameBytes(await wire(initiator, 16_383), NEVER)).toBe(true);
});

test('an area of zeroes is made by writing its header alone, and tells its type and its room', async () => {
  const data = new MemoryDevice({ size: 64 * 512 });
  const area = areaFor(data);
  const unmap = vi.spyOn(area, 'unmap');
  const options = { data, area, identity: IDENTITY };
  const device = await ProtectedDevice.create({ ...options, areaIsZero: true }, 3);
  expect(unmap).not.toHaveBeenCalled();
  expect(device.roomBytes).toBe(((area.size - 65_536) / 8) * 512);
  expect(await ProtectedDevice.typeOf(options)).toBe(3);
  await expect(ProtectedDevice.typeOf({ ...options, identity: new Uint8Array(16) })).rejects.toThrow(
    /another disk/,
  );
});

test('blocks of 4 KiB in the area do as well as those of 512 bytes', async () => {
  const data = new MemoryDevice({ size: 4096 * 512 });
  const device = await protect(data, 1, areaFor(data, 4096));
  const content = pattern(4096 * 512);
  for (const [start, count] of [
    [0, 3],
    [3, 600],
    [603, 1],
    [604, 3492],
  ] as const) {
    await device.write([content.subarray(start * 512, (start + count) * 512)], start * 512);
  }
  await device.unmap(100 * 512, 1000 * 512);
  content.fill(0, 100 * 512, 1100 * 512);
  const found = new Uint8Array(content.length);
  await device.read([found], 0);
  expect(sameBytes(found, content)).toBe(true);
});

test('a unit that was made without cannot be given a medium with protection information', async () => {
  const data = new MemoryDevice({ size: 64 * 512 });
  const unit = new LogicalUnit({ device: data, identity: IDENTITY, kind: 'removable-disk' });
  await unit.eject();
  const device = await protect(data, 1);
  expect(() => unit.insert(device)).toThrow(RangeError);
});
