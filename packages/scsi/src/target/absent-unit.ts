import { answer } from '../answers.ts';
import { INQUIRY, REPORT_LUNS, REQUEST_SENSE } from '../cdb/primary-cdbs.ts';
import { answerSense, reportLuns } from '../commands/primary.ts';
import type { Finished, ScsiCommand } from '../execution.ts';
import { buildAbsentInquiry } from '../inquiry/standard-inquiry.ts';
import { REPORT_LUNS_WELL_KNOWN } from '../lun.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField } from '../sense/check-condition-error.ts';
import type { SenseData } from '../sense/sense-data.ts';
import { VENDOR_IDENTIFICATION } from '../unit/identity.ts';
import type { ItlHost } from '../unit/itl-nexus.ts';

const NOT_SUPPORTED: SenseData = {
  senseKey: SenseKey.ILLEGAL_REQUEST,
  ...AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED,
};

/**
 * Answers a command to a LUN without a unit (SAM-5 5.11, SPC-4 6.6.2, 6.39): INQUIRY and REQUEST SENSE say so
 * with GOOD, REPORT LUNS works on LUN 0 and on its well-known unit, everything else is refused.
 */
export function executeWithoutUnit(host: ItlHost, lun: number | undefined, command: ScsiCommand): Finished {
  const operationCode = command.cdb[0];
  if (operationCode === INQUIRY.operationCode) return inquiry(command);
  if (operationCode === REQUEST_SENSE.operationCode) return answerSense(NOT_SUPPORTED, command);
  const listsUnits = lun === 0 || lun === REPORT_LUNS_WELL_KNOWN;
  if (listsUnits && operationCode === REPORT_LUNS.operationCode) return reportLuns(host, command);
  throw illegalRequest(AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED);
}

function inquiry(command: ScsiCommand): Finished {
  const fields = INQUIRY.decode(command.cdb);
  if (fields.EVPD === 1 || fields.CMDDT === 1) throw invalidCdbField(INQUIRY, 'EVPD');
  if (fields.PAGE_CODE !== 0) throw invalidCdbField(INQUIRY, 'PAGE_CODE');
  const names = { vendor: VENDOR_IDENTIFICATION, product: '', revision: '' };
  return answer(buildAbsentInquiry(names), fields.ALLOCATION_LENGTH);
}
