import { answer, GOOD } from '../answers.ts';
import {
  REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS as REPORT_SUPPORTED_TMF,
  REPORT_TIMESTAMP,
  SET_TIMESTAMP,
} from '../cdb/maintenance-cdbs.ts';
import { buildSupportedTmf, type SupportedTmf } from '../data/supported-tmf.ts';
import { buildTimestamp, parseTimestamp, TIMESTAMP_BYTES } from '../data/timestamp.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

/** What a transport carries out that does not say. */
const BASE_FUNCTIONS: Partial<SupportedTmf> = { ATS: 1, ATSS: 1, CACAS: 1, CTSS: 1, LURS: 1 };

function reportSupportedTmf({ host }: ItlNexus, command: ScsiCommand): Finished {
  const fields = REPORT_SUPPORTED_TMF.decode(command.cdb);
  const { taskManagement = BASE_FUNCTIONS } = host.options;
  return answer(buildSupportedTmf(taskManagement, fields.REPD === 1), fields.ALLOCATION_LENGTH);
}

function reportTimestamp({ unit }: ItlNexus, command: ScsiCommand): Finished {
  return answer(buildTimestamp(unit.timestamp.now), REPORT_TIMESTAMP.decode(command.cdb).ALLOCATION_LENGTH);
}

function setTimestamp(itl: ItlNexus, command: ScsiCommand): Execution {
  const { unit } = itl;
  const lengthBytes = SET_TIMESTAMP.decode(command.cdb).PARAMETER_LIST_LENGTH;
  // SPC-4 6.46: no list sets nothing.
  if (lengthBytes === 0) return GOOD;
  if (lengthBytes !== TIMESTAMP_BYTES) throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
  return new ParameterList(itl, 0, lengthBytes, (list) => {
    unit.timestamp.set(parseTimestamp(list).unixMs);
    unit.raiseAttention(AdditionalSenseCode.TIMESTAMP_CHANGED, itl);
    return GOOD;
  });
}

/** REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS, REPORT TIMESTAMP and SET TIMESTAMP. */
export const MAINTENANCE_COMMANDS: readonly CommandEntry[] = [
  defineCommand(REPORT_SUPPORTED_TMF, reportSupportedTmf, {
    reservation: 'allowed',
    access: 'reads',
    path: 'standby',
  }),
  defineCommand(REPORT_TIMESTAMP, reportTimestamp, { reservation: 'allowed', access: 'free' }),
  defineCommand(SET_TIMESTAMP, setTimestamp, { governs: true }),
];
