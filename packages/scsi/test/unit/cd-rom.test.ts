import { MemoryDevice } from '@lunbox/block';
import { expect, test } from 'vitest';
import {
  AdditionalSenseCode,
  DiscProfile,
  DiscStructureFormat,
  GET_CONFIGURATION,
  GET_EVENT_STATUS_NOTIFICATION as GESN,
  INQUIRY,
  LogicalUnit,
  MAX_CD_BLOCKS,
  MEDIA_CLASS_BIT,
  MediaEvent,
  minuteSecondFrame,
  MODE_SENSE_10,
  parseCapabilitiesPage,
  parseDriveFeatures,
  parseMediaEvent,
  parseModeParameters,
  parseReadCapacity10,
  parseStandardInquiry,
  parseToc,
  parseVpdPage,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  READ_10,
  READ_12,
  READ_16,
  READ_CAPACITY_10,
  READ_CD,
  READ_DISC_STRUCTURE,
  READ_TOC_PMA_ATIP,
  READ_TRACK_INFORMATION,
  RequestedFeatures,
  START_STOP_UNIT,
  TEST_UNIT_READY,
  TocFormat,
  UNMAP,
  WRITE_10,
} from '../../src/index.ts';
import { attention, Expected, invalidCdb } from '../support/expected-sense.ts';
import { Harness, IDENTITY, pattern, sameBytes, type Initiator } from '../support/harness.ts';

const BLOCKS = 64;
const DISC = pattern(BLOCKS * 2048);
const tur = TEST_UNIT_READY.encode();
const EJECT = START_STOP_UNIT.encode({ LOEJ: 1 });

async function drive(blockCount = BLOCKS): Promise<Harness> {
  const device = new MemoryDevice({ size: blockCount * 2048, blockSize: 2048 });
  await device.write([DISC], 0);
  const harness = new Harness(device, { kind: 'cd-rom' });
  await harness.initiator.settle();
  return harness;
}

async function mediaEvent(initiator: Initiator, ALLOCATION_LENGTH = 8) {
  const cdb = GESN.encode({ POLLED: 1, NOTIFICATION_CLASS_REQUEST: MEDIA_CLASS_BIT, ALLOCATION_LENGTH });
  return parseMediaEvent((await initiator.send(cdb)).data);
}

test('a drive says what it is, and has the pages of a drive', async () => {
  const { initiator } = await drive();
  const { data } = await initiator.send(INQUIRY.encode({ ALLOCATION_LENGTH: 96 }));
  expect(parseStandardInquiry(data)).toMatchObject({
    PERIPHERAL_DEVICE_TYPE: 5,
    RMB: 1,
    PRODUCT_IDENTIFICATION: 'LUNBOX CD-ROM',
  });
  const vpd = (PAGE_CODE: number) =>
    initiator.send(INQUIRY.encode({ EVPD: 1, PAGE_CODE, ALLOCATION_LENGTH: 255 }));
  const codes = [...parseVpdPage((await vpd(0)).data).body];
  expect(codes).toContain(0x83);
  expect(codes.every((code) => code < 0xb0)).toBe(true);
  for (const code of codes) expect((await vpd(code)).data.subarray(0, 2)).toEqual(Uint8Array.of(5, code));
  expect(await vpd(0xb0)).toMatchObject(invalidCdb(2));
});

test('a drive reads its blocks and tells their number', async () => {
  const { initiator } = await drive();
  const { data } = await initiator.send(READ_CAPACITY_10.encode());
  expect(parseReadCapacity10(data)).toMatchObject({
    RETURNED_LOGICAL_BLOCK_ADDRESS: BLOCKS - 1,
    LOGICAL_BLOCK_LENGTH_IN_BYTES: 2048,
  });
  for (const cdb of [READ_10, READ_12]) {
    const read = await initiator.send(cdb.encode({ LOGICAL_BLOCK_ADDRESS: 3, TRANSFER_LENGTH: 5 }));
    expect(sameBytes(read.data, DISC.subarray(3 * 2048, 8 * 2048))).toBe(true);
  }
  const beyond = READ_10.encode({ LOGICAL_BLOCK_ADDRESS: BLOCKS, TRANSFER_LENGTH: 1 });
  expect(await initiator.send(beyond)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
});

test('what only disks do is no command of a drive, and the other way round', async () => {
  const { initiator } = await drive();
  for (const cdb of [WRITE_10, READ_16, UNMAP]) {
    expect(await initiator.send(cdb.encode())).toMatchObject(Expected.INVALID_OPCODE);
  }
  expect(await initiator.send(Uint8Array.of(0x7f))).toMatchObject(Expected.INVALID_OPCODE);
  const disk = new Harness(new MemoryDevice({ size: 512 }), {});
  await disk.initiator.settle();
  expect(await disk.initiator.send(READ_CD.encode())).toMatchObject(Expected.INVALID_OPCODE);
});

test('the table of contents in its three formats, by block and by time', async () => {
  const { initiator } = await drive();
  const toc = async (fields: object) =>
    initiator.send(READ_TOC_PMA_ATIP.encode({ ALLOCATION_LENGTH: 100, ...fields }));
  const byTime = parseToc((await toc({ MSF: 1 })).data);
  expect(byTime.map(({ START_ADDRESS }) => [...START_ADDRESS])).toEqual([
    [0, 0, 2, 0],
    [0, 0, 2, BLOCKS],
  ]);
  expect(parseToc((await toc({ TRACK_SESSION_NUMBER: 0xaa })).data)).toHaveLength(1);
  expect((await toc({ FORMAT: TocFormat.SESSION_INFORMATION })).data).toEqual(
    Uint8Array.of(0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0),
  );
  const full = (await toc({ FORMAT: TocFormat.FULL_TOC })).data;
  expect([...full.subarray(0, 4)]).toEqual([0, 46, 1, 1]);
  expect([0, 1, 2, 3].map((entry) => full[4 + 11 * entry + 3])).toEqual([0xa0, 0xa1, 0xa2, 1]);
  expect([...full.subarray(4 + 22 + 8, 4 + 22 + 11)]).toEqual([...minuteSecondFrame(BLOCKS)]);
  expect(await toc({ FORMAT: 4 })).toMatchObject(invalidCdb(2, 3));
  expect(await toc({ TRACK_SESSION_NUMBER: 2 })).toMatchObject(invalidCdb(6));
});

test('a larger disc is a DVD, for which other features are current', async () => {
  for (const [blockCount, profile, current] of [
    [MAX_CD_BLOCKS, DiscProfile.CD_ROM, [0, 1, 2, 3, 0x10, 0x1e]],
    [MAX_CD_BLOCKS + 1, DiscProfile.DVD_ROM, [0, 1, 2, 3, 0x10, 0x1f]],
  ] as const) {
    const { initiator, unit } = await drive(blockCount);
    const features = async (fields: object) =>
      parseDriveFeatures(
        (await initiator.send(GET_CONFIGURATION.encode({ ALLOCATION_LENGTH: 256, ...fields }))).data,
      );
    const found = await features({ RT: RequestedFeatures.CURRENT });
    expect(found.profile).toBe(profile);
    expect(found.features.map(({ FEATURE_CODE }) => FEATURE_CODE)).toEqual(current);
    const one = await features({ RT: RequestedFeatures.ONE, STARTING_FEATURE_NUMBER: 0x1e });
    expect(one.features).toMatchObject([{ CURRENT: profile === DiscProfile.CD_ROM ? 1 : 0 }]);
    const structure = await initiator.send(
      READ_DISC_STRUCTURE.encode({ FORMAT: 0xff, ALLOCATION_LENGTH: 64 }),
    );
    const user = await initiator.send(READ_CD.encode({ TRANSFER_LENGTH: 1, USER_DATA: 1 }));
    const [works, refused] = profile === DiscProfile.CD_ROM ? [user, structure] : [structure, user];
    expect(works).toMatchObject(Expected.GOOD);
    expect(refused.sense).toMatchObject(AdditionalSenseCode.CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT);
    await unit.eject();
    const empty = await features({ RT: RequestedFeatures.CURRENT });
    expect(empty.profile).toBe(DiscProfile.NONE);
    expect(empty.features.map(({ FEATURE_CODE }) => FEATURE_CODE)).toEqual([0, 1, 2, 3]);
  }
});

test('every initiator hears of what happens to the medium once, when it asks', async () => {
  const harness = await drive();
  const { initiator, unit } = harness;
  const other = await harness.connectReady('other');
  await initiator.send(EJECT);
  const removed = { MEDIA_EVENT: MediaEvent.MEDIA_REMOVAL, MEDIA_PRESENT: 0, DOOR_OR_TRAY_OPEN: 1 };
  const nothing = { MEDIA_EVENT: MediaEvent.NO_CHANGE };
  for (const nexus of [initiator, other]) {
    expect(await mediaEvent(nexus, 4)).toBeUndefined();
    expect(await mediaEvent(nexus)).toMatchObject(removed);
    expect(await mediaEvent(nexus)).toMatchObject(nothing);
    expect(await nexus.send(tur)).toMatchObject(Expected.TRAY_OPEN);
  }
  unit.insert();
  const loaded = { MEDIA_EVENT: MediaEvent.NEW_MEDIA, MEDIA_PRESENT: 1, DOOR_OR_TRAY_OPEN: 0 };
  expect(await mediaEvent(other)).toMatchObject(loaded);
  expect(await other.send(tur)).toMatchObject(attention(AdditionalSenseCode.NOT_READY_TO_READY_CHANGE));
  await other.send(PREVENT_ALLOW_MEDIUM_REMOVAL.encode({ PREVENT: 1 }));
  await expect(unit.eject()).rejects.toMatchObject({ code: 'SCSI_MEDIUM_REMOVAL_PREVENTED' });
  expect(await mediaEvent(initiator)).toMatchObject({ MEDIA_EVENT: MediaEvent.EJECT_REQUEST });
  const asynchronous = GESN.encode({ NOTIFICATION_CLASS_REQUEST: MEDIA_CLASS_BIT, ALLOCATION_LENGTH: 8 });
  expect(await initiator.send(PREVENT_ALLOW_MEDIUM_REMOVAL.encode())).toBeDefined();
  expect(await initiator.send(asynchronous)).toMatchObject(invalidCdb(1, 0));
  const { data } = await initiator.send(
    GESN.encode({ POLLED: 1, NOTIFICATION_CLASS_REQUEST: 2, ALLOCATION_LENGTH: 8 }),
  );
  expect(data).toEqual(Uint8Array.of(0, 0, 0x80, MEDIA_CLASS_BIT));
});

test('mode pages of a drive, without a block descriptor; the lock is told as it is', async () => {
  const { initiator } = await drive();
  for (const PREVENT of [0, 1]) {
    await initiator.send(PREVENT_ALLOW_MEDIUM_REMOVAL.encode({ PREVENT }));
    const { data } = await initiator.send(MODE_SENSE_10.encode({ PAGE_CODE: 0x3f, ALLOCATION_LENGTH: 255 }));
    const { pages, blockDescriptor } = parseModeParameters(10, data);
    expect(blockDescriptor).toBeUndefined();
    expect(pages.map(({ pageCode }) => pageCode)).toEqual([0x01, 0x0a, 0x2a]);
    expect(parseCapabilitiesPage(pages[2]!.bytes)).toMatchObject({
      DVD_ROM_READ: 1,
      EJECT: 1,
      LOCK: 1,
      LOCK_STATE: PREVENT,
    });
  }
});

test('a disc that is stopped starts again by itself', async () => {
  const { initiator } = await drive();
  expect(await initiator.send(START_STOP_UNIT.encode())).toMatchObject(Expected.GOOD);
  expect(await initiator.send(tur)).toMatchObject(Expected.GOOD);
});

test('READ CD gives user data only, of sectors that are there', async () => {
  const { initiator } = await drive();
  const one = { TRANSFER_LENGTH: 1, USER_DATA: 1 };
  expect(await initiator.send(READ_CD.encode({ ...one, SYNC: 1 }))).toMatchObject(invalidCdb(9, 7));
  expect(await initiator.send(READ_CD.encode({ ...one, SUB_CHANNEL_SELECTION: 1 }))).toMatchObject(
    invalidCdb(10, 2),
  );
  const audio = await initiator.send(READ_CD.encode({ ...one, EXPECTED_SECTOR_TYPE: 1 }));
  expect(audio.sense).toMatchObject(AdditionalSenseCode.ILLEGAL_MODE_FOR_THIS_TRACK);
  const none = await initiator.send(READ_CD.encode({ TRANSFER_LENGTH: 1 }));
  expect([none.status, none.data.length]).toEqual([0, 0]);
});

test('READ TRACK INFORMATION knows one track of one session', async () => {
  const { initiator } = await drive();
  const track = (ADDRESS_NUMBER_TYPE: number, LOGICAL_BLOCK_ADDRESS: number) =>
    initiator.send(
      READ_TRACK_INFORMATION.encode({ ADDRESS_NUMBER_TYPE, LOGICAL_BLOCK_ADDRESS, ALLOCATION_LENGTH: 36 }),
    );
  for (const [type, address] of [
    [0, BLOCKS - 1],
    [1, 1],
    [2, 1],
  ] as const) {
    expect(await track(type, address)).toMatchObject(Expected.GOOD);
  }
  expect(await track(0, BLOCKS)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
  expect(await track(1, 2)).toMatchObject(invalidCdb(2));
  expect(await track(3, 1)).toMatchObject(invalidCdb(1, 1));
});

test('a disc has blocks of 2048 bytes, and formats of its structure that the list names', async () => {
  const device = new MemoryDevice({ size: 2048 });
  expect(() => new LogicalUnit({ device, identity: IDENTITY, kind: 'cd-rom' })).toThrow('2048');
  const { initiator } = await drive(MAX_CD_BLOCKS + 1);
  for (const FORMAT of [DiscStructureFormat.COPYRIGHT, DiscStructureFormat.MANUFACTURING]) {
    expect(
      await initiator.send(READ_DISC_STRUCTURE.encode({ FORMAT, ALLOCATION_LENGTH: 4096 })),
    ).toMatchObject(Expected.GOOD);
  }
  const other = READ_DISC_STRUCTURE.encode({ FORMAT: 0x03, ALLOCATION_LENGTH: 64 });
  expect(await initiator.send(other)).toMatchObject(invalidCdb(7));
});

test('an address that minutes cannot tell is the last that they can', () => {
  expect(minuteSecondFrame(0)).toEqual([0, 2, 0]);
  expect(minuteSecondFrame(4500)).toEqual([1, 2, 0]);
  expect(minuteSecondFrame(10_000_000)).toEqual([255, 59, 74]);
});
