import { answer } from '../answers.ts';
import type { CdbDefinition } from '../cdb/cdb-definition.ts';
import { READ_DEFECT_DATA_10, READ_DEFECT_DATA_12, type ReadDefectDataCdb } from '../cdb/diagnostic-cdbs.ts';
import { buildDefectList, DefectListFormat, type DefectListSize } from '../data/defect-list.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { invalidCdbField } from '../sense/check-condition-error.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

const FORMATS: readonly number[] = Object.values(DefectListFormat);

/** The medium hides its defects, so both lists are empty: in whatever format, as the standard defines it. */
function readDefectData(
  cdb: CdbDefinition<ReadDefectDataCdb>,
  size: DefectListSize,
  command: ScsiCommand,
): Finished {
  const fields = cdb.decode(command.cdb);
  const format = fields.DEFECT_LIST_FORMAT;
  if (!FORMATS.includes(format)) throw invalidCdbField(cdb, 'DEFECT_LIST_FORMAT');
  const list = buildDefectList(size, {
    primary: fields.REQ_PLIST === 1,
    growing: fields.REQ_GLIST === 1,
    format,
    descriptors: new Uint8Array(0),
  });
  return answer(list, fields.ALLOCATION_LENGTH);
}

/** READ DEFECT DATA(10) and (12). */
export const DEFECT_COMMANDS: readonly CommandEntry[] = [
  defineCommand(READ_DEFECT_DATA_10, (_itl, command) => readDefectData(READ_DEFECT_DATA_10, 10, command), {
    needsMedium: true,
    access: 'reads',
  }),
  defineCommand(READ_DEFECT_DATA_12, (_itl, command) => readDefectData(READ_DEFECT_DATA_12, 12, command), {
    needsMedium: true,
    access: 'reads',
    unsupportedFields: ['ADDRESS_DESCRIPTOR_INDEX'],
  }),
];
