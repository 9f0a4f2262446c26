import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { answer, GOOD } from '../answers.ts';
import { LOG_SELECT, LOG_SENSE, type LogSelectCdb } from '../cdb/diagnostic-cdbs.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { LOG_PAGE_HEADER_BYTES, LogPageCode, LogSubpageCode, parseLogPage } from '../log/log-page.ts';
import { hasLogPage, readLogPage, resetLogPages } from '../log/log-pages.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';
import { refuseFields } from './validate.ts';

/** PC of LOG SELECT that stands for default values; those of cumulative values are zero (SPC-4 table 193). */
const DEFAULT_CUMULATIVE = 0b11;

function logSense({ unit, rights }: ItlNexus, command: ScsiCommand): MaybePromise<Finished> {
  const fields = LOG_SENSE.decode(command.cdb);
  refuseFields(LOG_SENSE, fields, 'PPC', 'SP');
  const { PAGE_CODE, SUBPAGE_CODE, PARAMETER_POINTER } = fields;
  if (!hasLogPage(unit, PAGE_CODE, SUBPAGE_CODE)) throw invalidCdbField(LOG_SENSE, 'PAGE_CODE');
  const read = readLogPage(unit, PAGE_CODE, SUBPAGE_CODE, PARAMETER_POINTER, rights.space);
  return mapMaybe(read, (page) => {
    // SPC-4 6.8: a pointer beyond the last parameter.
    if (page === undefined) throw invalidCdbField(LOG_SENSE, 'PARAMETER_POINTER');
    return answer(page, fields.ALLOCATION_LENGTH);
  });
}

function logSelect(itl: ItlNexus, command: ScsiCommand): Execution {
  const { unit } = itl;
  const fields = LOG_SELECT.decode(command.cdb);
  refuseFields(LOG_SELECT, fields, 'SP');
  const { PAGE_CODE, SUBPAGE_CODE, PARAMETER_LIST_LENGTH } = fields;
  if (PARAMETER_LIST_LENGTH > 0) {
    // SPC-4 6.7: neither a reset nor the page of the CDB go together with a list, which has its own.
    refuseFields(LOG_SELECT, fields, 'PCR', 'PAGE_CODE', 'SUBPAGE_CODE');
    return new ParameterList(itl, 0, PARAMETER_LIST_LENGTH, (list) => refuseList(unit, list));
  }
  if (!hasLogPage(unit, PAGE_CODE, SUBPAGE_CODE)) throw invalidCdbField(LOG_SELECT, 'PAGE_CODE');
  const resets = fields.PCR === 1 || fields.PC === DEFAULT_CUMULATIVE;
  if (resets && resetLogPages(unit, PAGE_CODE, SUBPAGE_CODE)) {
    unit.raiseAttention(AdditionalSenseCode.LOG_PARAMETERS_CHANGED, itl);
  }
  return GOOD;
}

/** What the counters count cannot be set to anything but zero, so no parameter is taken; no parameter is no error. */
function refuseList(unit: LogicalUnit, list: Uint8Array): Finished {
  for (let at = 0; at < list.length;) {
    const { pageCode, subpageCode, body, truncated } = parseLogPage(list.subarray(at));
    if (truncated || list.length - at < LOG_PAGE_HEADER_BYTES) {
      throw illegalRequest(AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR);
    }
    const settable = pageCode !== LogPageCode.SUPPORTED_LOG_PAGES;
    const listsPages = subpageCode === LogSubpageCode.SUPPORTED_SUBPAGES;
    if (!settable || listsPages || !hasLogPage(unit, pageCode, subpageCode)) throw invalidParameter(at, 5);
    if (body.length > 0) throw invalidParameter(at + LOG_PAGE_HEADER_BYTES);
    at += LOG_PAGE_HEADER_BYTES;
  }
  return GOOD;
}

const unsupportedFields: readonly (keyof LogSelectCdb)[] = ['SP'];

/** LOG SENSE and LOG SELECT. */
export const LOG_COMMANDS: readonly CommandEntry[] = [
  defineCommand(LOG_SENSE, logSense, {
    path: 'standby',
    reservation: 'allowed',
    access: 'free',
    unsupportedFields: ['PPC', 'SP', 'PC'],
  }),
  defineCommand(LOG_SELECT, logSelect, { governs: true, path: 'standby', unsupportedFields }),
];
