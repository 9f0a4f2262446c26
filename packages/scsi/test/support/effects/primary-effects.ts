import { expect } from 'vitest';
import {
  AdditionalSenseCode,
  buildCachingPage,
  buildModeParameters,
  encodeLun,
  INQUIRY,
  MODE_SELECT_10,
  MODE_SELECT_6,
  MODE_SENSE_10,
  MODE_SENSE_6,
  ModePageCode,
  parseAllOpcodes,
  parseCachingPage,
  parseLunList,
  parseModeParameters,
  parseSense,
  parseStandardInquiry,
  PREVENT_ALLOW_MEDIUM_REMOVAL,
  RELEASE_10,
  RELEASE_6,
  REPORT_LUNS,
  REPORT_SUPPORTED_OPERATION_CODES,
  REQUEST_SENSE,
  RESERVE_10,
  RESERVE_6,
  START_STOP_UNIT,
  supportedCommands,
  TEST_UNIT_READY,
  WRITE_10,
  type CdbDefinition,
  type ModeHeaderSize,
  type ModeSelectCdb,
  type ModeSenseCdb,
} from '../../../src/index.ts';
import { Expected } from '../expected-sense.ts';
import { pattern } from '../harness.ts';
import { effect, type CommandEffect, type Scene } from './command-effect.ts';

function modeSelect(command: CdbDefinition<ModeSelectCdb>, size: ModeHeaderSize): CommandEffect {
  const pages = [buildCachingPage({ WCE: 0 })];
  const dataOut = buildModeParameters(size, { deviceSpecific: 0, longLba: false, pages });
  const check = async ({ initiator, device }: Scene) => {
    device.log = [];
    const write = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: 0, TRANSFER_LENGTH: 1 });
    await initiator.send(write, { dataOut: pattern(512) });
    expect(device.log).toEqual(['write-fua']);
  };
  return effect(command, { PF: 1, PARAMETER_LIST_LENGTH: dataOut.length }, check, { dataOut });
}

function modeSense(command: CdbDefinition<ModeSenseCdb>, size: ModeHeaderSize): CommandEffect {
  const fields = { PAGE_CODE: ModePageCode.CACHING, ALLOCATION_LENGTH: 255 };
  return effect(command, fields, (_scene, { data }) => {
    expect(parseCachingPage(parseModeParameters(size, data).pages[0]!.bytes).WCE).toBe(1);
  });
}

/** What another nexus is answered. */
async function elsewhere({ harness }: Scene): Promise<object> {
  const other = harness.connect('other');
  await other.send(REQUEST_SENSE.encode());
  return other.send(TEST_UNIT_READY.encode());
}

const keepsOthersOut = async (scene: Scene) =>
  expect(await elsewhere(scene)).toMatchObject(Expected.RESERVATION_CONFLICT);
const letsOthersIn = async (scene: Scene) => expect(await elsewhere(scene)).toMatchObject(Expected.GOOD);
const reserved = { prepare: ({ initiator }: Scene) => initiator.send(RESERVE_6.encode()) };

/** What each command of SPC-4 does, persistent reservations apart. */
export const PRIMARY_EFFECTS: readonly CommandEffect[] = [
  effect(TEST_UNIT_READY, {}, async ({ initiator }) => {
    await initiator.send(START_STOP_UNIT.encode());
    expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.NOT_STARTED);
  }),
  effect(
    REQUEST_SENSE,
    { ALLOCATION_LENGTH: 252 },
    async ({ initiator }, { data }) => {
      expect(parseSense(data)).toMatchObject(AdditionalSenseCode.BUS_DEVICE_RESET_FUNCTION_OCCURRED);
      expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.GOOD);
    },
    { prepare: ({ initiator }) => initiator.nexus.resetUnit(encodeLun(0)) },
  ),
  effect(INQUIRY, { ALLOCATION_LENGTH: 96 }, (_scene, { data }) => {
    expect(parseStandardInquiry(data).T10_VENDOR_IDENTIFICATION).toBe('LUNBOX');
  }),
  effect(REPORT_LUNS, { ALLOCATION_LENGTH: 64 }, (_scene, { data }) => {
    expect(parseLunList(data)).toEqual([encodeLun(0)]);
  }),
  effect(
    REPORT_SUPPORTED_OPERATION_CODES,
    { ALLOCATION_LENGTH: 65_535 },
    ({ harness }, { data }) => {
      expect(parseAllOpcodes(data)).toHaveLength(supportedCommands(harness.unit.kind).length);
    },
    { protection: 2 },
  ),
  modeSelect(MODE_SELECT_6, 6),
  modeSelect(MODE_SELECT_10, 10),
  modeSense(MODE_SENSE_6, 6),
  modeSense(MODE_SENSE_10, 10),
  effect(START_STOP_UNIT, {}, async ({ initiator, device }) => {
    expect(device.log).toEqual(['flush']);
    expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.NOT_STARTED);
  }),
  effect(
    PREVENT_ALLOW_MEDIUM_REMOVAL,
    { PREVENT: 1 },
    async ({ harness, initiator }) => {
      expect(await initiator.send(START_STOP_UNIT.encode({ LOEJ: 1 }))).toMatchObject(
        Expected.REMOVAL_PREVENTED,
      );
      await expect(harness.unit.eject()).rejects.toMatchObject({ code: 'SCSI_MEDIUM_REMOVAL_PREVENTED' });
    },
    { kind: 'removable-disk' },
  ),
  effect(RESERVE_6, {}, keepsOthersOut),
  effect(RESERVE_10, {}, keepsOthersOut),
  effect(RELEASE_6, {}, letsOthersIn, reserved),
  effect(RELEASE_10, {}, letsOthersIn, reserved),
];
