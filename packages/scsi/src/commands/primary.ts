import { answer, GOOD } from '../answers.ts';
import { REPORT_LUNS, REQUEST_SENSE, TEST_UNIT_READY } from '../cdb/primary-cdbs.ts';
import { buildLunList } from '../data/lun-list.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import { encodeSense, type SenseData } from '../sense/sense-data.ts';
import type { ItlHost, ItlNexus } from '../unit/itl-nexus.ts';
import { ALL_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

/** The sense of a unit that START STOP UNIT has stopped. */
export const NOT_STARTED: SenseData = {
  senseKey: SenseKey.NOT_READY,
  ...AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED,
};

const NO_SENSE: SenseData = {
  senseKey: SenseKey.NO_SENSE,
  ...AdditionalSenseCode.NO_ADDITIONAL_SENSE_INFORMATION,
};

/** SELECT REPORT: which units REPORT LUNS lists (SPC-4 table 273). There are no well-known ones to list. */
const SelectReport = { ORDINARY: 0x00, WELL_KNOWN: 0x01, ALL: 0x02 } as const;

/** SPC-4 6.39: what would have been the autosense of a command comes as data, with GOOD. */
function requestSense(itl: ItlNexus, command: ScsiCommand): Finished {
  const { tray, operations, stopped } = itl.unit;
  const { restriction } = itl.portGroup;
  const condition = restriction?.sense ?? tray.condition ?? operations.condition;
  const state = condition ?? (stopped ? NOT_STARTED : NO_SENSE);
  return answerSense(itl.takeNews(true)?.sense ?? state, command);
}

/** REQUEST SENSE data in the format that the CDB asks for. */
export function answerSense(sense: SenseData, command: ScsiCommand): Finished {
  const fields = REQUEST_SENSE.decode(command.cdb);
  return answer(encodeSense(sense, fields.DESC === 1), fields.ALLOCATION_LENGTH);
}

/** REPORT LUNS, which works also where there is no unit. */
export function reportLuns(host: ItlHost, command: ScsiCommand): Finished {
  const fields = REPORT_LUNS.decode(command.cdb);
  const select = fields.SELECT_REPORT;
  if (select > SelectReport.ALL) throw invalidCdbField(REPORT_LUNS, 'SELECT_REPORT');
  host.lunInventoryReported();
  return answer(buildLunList(select === SelectReport.WELL_KNOWN ? [] : host.luns), fields.ALLOCATION_LENGTH);
}

/** TEST UNIT READY, REQUEST SENSE and REPORT LUNS. */
export const PRIMARY_COMMANDS: readonly CommandEntry[] = [
  defineCommand(TEST_UNIT_READY, () => GOOD, { units: ALL_UNITS, needsMedium: true, access: 'free' }),
  defineCommand(REQUEST_SENSE, requestSense, {
    units: ALL_UNITS,
    duringAttention: true,
    reservation: 'allowed',
    access: 'free',
    path: 'any',
  }),
  defineCommand(REPORT_LUNS, (itl, command) => reportLuns(itl.host, command), {
    units: ALL_UNITS,
    duringAttention: true,
    reservation: 'allowed',
    access: 'free',
    path: 'any',
  }),
];
