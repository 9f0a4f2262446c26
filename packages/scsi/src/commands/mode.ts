import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { answer, GOOD } from '../answers.ts';
import {
  MODE_SELECT_10,
  MODE_SELECT_6,
  MODE_SENSE_10,
  MODE_SENSE_6,
  type ModeSelectCdb,
  type ModeSenseCdb,
} from '../cdb/primary-cdbs.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import {
  buildModeParameters,
  DeviceSpecific,
  parseModeParameters,
  type ModeHeaderSize,
  type ModePage,
  type ParsedModeParameters,
} from '../mode/mode-parameters.ts';
import { PageControl } from '../mode/mode-store.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { ALL_UNITS } from '../unit/unit-kind.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

function modeSense(
  itl: ItlNexus,
  cdb: CdbDefinition<ModeSenseCdb>,
  fields: ModeSenseCdb,
  size: ModeHeaderSize,
  longLba: boolean,
): Finished {
  const { unit } = itl;
  // SPC-4 6.13.5: without a store nothing can be saved.
  if (fields.PC === PageControl.SAVED && !unit.modes.canSave)
    throw illegalRequest(AdditionalSenseCode.SAVING_PARAMETERS_NOT_SUPPORTED);
  const pages = unit.modes.values(fields.PC, fields.PAGE_CODE, fields.SUBPAGE_CODE);
  if (pages === undefined) throw invalidCdbField(cdb, 'PAGE_CODE');
  const blockDescriptor = {
    NUMBER_OF_LOGICAL_BLOCKS: unit.blockCount,
    LOGICAL_BLOCK_LENGTH: unit.blockSize,
  };
  // MMC-6 6.11: a drive has neither device-specific bits nor block descriptors.
  const disk = unit.kind !== 'cd-rom';
  const data = buildModeParameters(size, {
    deviceSpecific: disk ? DeviceSpecific.DPOFUA | (itl.writeProtected ? DeviceSpecific.WP : 0) : 0,
    longLba,
    ...(fields.DBD === 0 && disk ? { blockDescriptor } : {}),
    pages,
  });
  return answer(data, fields.ALLOCATION_LENGTH);
}

function modeSense6(itl: ItlNexus, command: ScsiCommand): Finished {
  return modeSense(itl, MODE_SENSE_6, MODE_SENSE_6.decode(command.cdb), 6, false);
}

function modeSense10(itl: ItlNexus, command: ScsiCommand): Finished {
  const fields = MODE_SENSE_10.decode(command.cdb);
  return modeSense(itl, MODE_SENSE_10, fields, 10, fields.LLBAA === 1 && fields.DBD === 0);
}

function modeSelect(
  itl: ItlNexus,
  cdb: CdbDefinition<ModeSelectCdb>,
  size: ModeHeaderSize,
  command: ScsiCommand,
): MaybePromise<Execution> {
  const fields = cdb.decode(command.cdb);
  if (!itl.unit.modes.canSave) refuseFields(cdb, fields, 'SP');
  // SPC-4 6.11: with PF 0 the parameters would be vendor specific.
  if (fields.PF === 0) throw invalidCdbField(cdb, 'PF');
  const save = fields.SP === 1;
  const lengthBytes = fields.PARAMETER_LIST_LENGTH;
  // SPC-4 6.11: SP saves every page that can be saved, those that the list does not name too.
  if (lengthBytes === 0) return itl.guarded('write', undefined, () => selectPages(itl, [], save));
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    const parameters = parseModeParameters(size, list);
    checkParameters(itl.unit, parameters);
    return selectPages(itl, parameters.pages, save);
  });
}

function selectPages(itl: ItlNexus, pages: readonly ModePage[], save: boolean): MaybePromise<Finished> {
  const { modes, thresholds } = itl.unit;
  return mapMaybe(modes.select(pages, save), (changed) => {
    if (!changed) return GOOD;
    itl.unit.raiseAttention(AdditionalSenseCode.MODE_PARAMETERS_CHANGED, itl);
    // TST may say now that fewer tasks wait for each other.
    itl.unit.aca.review();
    thresholds.changed();
    thresholds.check(itl);
    return GOOD;
  });
}

function checkParameters(unit: LogicalUnit, parameters: ParsedModeParameters): void {
  const { blockDescriptor, blockDescriptorOffset } = parameters;
  if (parameters.truncated || parameters.pages.some((page) => page.truncated)) {
    throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  }
  if (blockDescriptor === undefined) {
    if (parameters.blockDescriptorBytes > 0) throw invalidParameter(blockDescriptorOffset - 1);
    return;
  }
  // SBC-3 6.5.2: neither the number of blocks nor their length can be changed. 0 and all ones leave the
  // number alone.
  const blocks = blockDescriptor.NUMBER_OF_LOGICAL_BLOCKS;
  const unchanged = blocks === 0 || blocks >= 0xffff_ffff || blocks === unit.blockCount;
  if (!unchanged) throw invalidParameter(blockDescriptorOffset);
  if (blockDescriptor.LOGICAL_BLOCK_LENGTH !== unit.blockSize) {
    throw invalidParameter(blockDescriptorOffset + (parameters.longLba ? 12 : 5));
  }
}

/** MODE SENSE and MODE SELECT (6) and (10). */
export const MODE_COMMANDS: readonly CommandEntry[] = [
  defineCommand(MODE_SENSE_6, modeSense6, { units: ALL_UNITS, access: 'reads', path: 'standby' }),
  defineCommand(MODE_SENSE_10, modeSense10, { units: ALL_UNITS, access: 'reads', path: 'standby' }),
  defineCommand(MODE_SELECT_6, (itl, command) => modeSelect(itl, MODE_SELECT_6, 6, command), {
    units: ALL_UNITS,
    governs: true,
    path: 'standby',
  }),
  defineCommand(MODE_SELECT_10, (itl, command) => modeSelect(itl, MODE_SELECT_10, 10, command), {
    units: ALL_UNITS,
    governs: true,
    path: 'standby',
  }),
];
