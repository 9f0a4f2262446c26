import { expect } from 'vitest';
import {
  buildControlPage,
  buildModeParameters,
  MODE_SELECT_10,
  MODE_SELECT_6,
  MODE_SENSE_10,
  MODE_SENSE_6,
  ModePageCode,
  parseAllOpcodes,
  parseControlPage,
  parseModeParameters,
  READ_10,
  READ_12,
  REPORT_SUPPORTED_OPERATION_CODES,
  START_STOP_UNIT,
  supportedCommands,
  TEST_UNIT_READY,
  type CdbDefinition,
  type ModeHeaderSize,
  type ModeSelectCdb,
  type ModeSenseCdb,
} from '../../../src/index.ts';
import { Expected } from '../expected-sense.ts';
import { sameBytes } from '../harness.ts';
import { effect, STORED, type CommandEffect, type Scene } from './command-effect.ts';

const kind = 'cd-rom';

function modeSelect(command: CdbDefinition<ModeSelectCdb>, size: ModeHeaderSize): CommandEffect {
  const pages = [buildControlPage({ QUEUE_ALGORITHM_MODIFIER: 1, D_SENSE: 1 })];
  const dataOut = buildModeParameters(size, { deviceSpecific: 0, longLba: false, pages });
  const check = ({ harness }: Scene): void => {
    expect(harness.unit.modes.descriptorSense).toBe(true);
  };
  return effect(command, { PF: 1, PARAMETER_LIST_LENGTH: dataOut.length }, check, { dataOut, kind });
}

function modeSense(command: CdbDefinition<ModeSenseCdb>, size: ModeHeaderSize): CommandEffect {
  const fields = { PAGE_CODE: ModePageCode.CONTROL, ALLOCATION_LENGTH: 255 };
  const check: CommandEffect['check'] = (_scene, { data }) => {
    expect(parseControlPage(parseModeParameters(size, data).pages[0]!.bytes).D_SENSE).toBe(0);
  };
  return effect(command, fields, check, { kind });
}

function reads(command: typeof READ_10): CommandEffect {
  const fields = { LOGICAL_BLOCK_ADDRESS: 3, TRANSFER_LENGTH: 4 };
  const check: CommandEffect['check'] = (_scene, { data }) => {
    expect(sameBytes(data, STORED.subarray(3 * 2048, 7 * 2048))).toBe(true);
  };
  return effect(command, fields, check, { kind });
}

/** What commands do on a CD-ROM drive, where they do something else on a disk. */
export const DRIVE_EFFECTS: readonly CommandEffect[] = [
  effect(
    TEST_UNIT_READY,
    {},
    async ({ harness, initiator }) => {
      await harness.unit.eject();
      expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.TRAY_OPEN);
    },
    { kind },
  ),
  effect(
    START_STOP_UNIT,
    { LOEJ: 1 },
    async ({ initiator }) => {
      expect(await initiator.send(TEST_UNIT_READY.encode())).toMatchObject(Expected.TRAY_OPEN);
      await initiator.send(START_STOP_UNIT.encode({ LOEJ: 1, START: 1 }));
      const { sense } = await initiator.send(TEST_UNIT_READY.encode());
      expect(sense).toBeUndefined();
    },
    { kind },
  ),
  effect(
    REPORT_SUPPORTED_OPERATION_CODES,
    { ALLOCATION_LENGTH: 65_535 },
    (_scene, { data }) => {
      expect(parseAllOpcodes(data)).toHaveLength(supportedCommands(kind).length);
    },
    { kind },
  ),
  modeSelect(MODE_SELECT_6, 6),
  modeSelect(MODE_SELECT_10, 10),
  modeSense(MODE_SENSE_6, 6),
  modeSense(MODE_SENSE_10, 10),
  reads(READ_10),
  reads(READ_12),
];
