import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { answer, GOOD } from '../answers.ts';
import {
  REPORT_IDENTIFYING_INFORMATION as REPORT_INFORMATION,
  SET_IDENTIFYING_INFORMATION as SET_INFORMATION,
} from '../cdb/identifying-information-cdbs.ts';
import {
  buildIdentifyingInformation,
  buildIdentifyingTypes,
  InformationType,
} from '../data/identifying-information.ts';
import type { Execution, Finished, ScsiCommand } from '../execution.ts';
import { ParameterList } from '../media/parameter-list.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { invalidCdbField, invalidParameter } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { defineCommand, type CommandEntry } from './command-entry.ts';

function reportInformation({ unit }: ItlNexus, command: ScsiCommand): Finished {
  const { INFORMATION_TYPE, ALLOCATION_LENGTH } = REPORT_INFORMATION.decode(command.cdb);
  const { information } = unit;
  if (INFORMATION_TYPE === InformationType.SUPPORTED)
    return answer(buildIdentifyingTypes(information.types), ALLOCATION_LENGTH);
  if (!information.types.some(({ informationType }) => informationType === INFORMATION_TYPE))
    throw invalidCdbField(REPORT_INFORMATION, 'INFORMATION_TYPE');
  return answer(buildIdentifyingInformation(information.read(INFORMATION_TYPE)), ALLOCATION_LENGTH);
}

function setInformation(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  const { INFORMATION_TYPE, PARAMETER_LIST_LENGTH: lengthBytes } = SET_INFORMATION.decode(command.cdb);
  const type = itl.unit.information.types.find(({ informationType }) => informationType === INFORMATION_TYPE);
  if (type === undefined) throw invalidCdbField(SET_INFORMATION, 'INFORMATION_TYPE');
  // SPC-4 table 322.
  if (lengthBytes > type.maxBytes) throw invalidCdbField(SET_INFORMATION, 'PARAMETER_LIST_LENGTH');
  const set = (information: Uint8Array): MaybePromise<Finished> => {
    if (INFORMATION_TYPE === InformationType.PERIPHERAL_DEVICE_TEXT) checkText(information);
    return mapMaybe(itl.unit.information.set(INFORMATION_TYPE, information), () => {
      itl.unit.raiseAttention(AdditionalSenseCode.DEVICE_IDENTIFIER_CHANGED, itl);
      return GOOD;
    });
  };
  // SPC-4 6.43: no list clears the information.
  if (lengthBytes === 0) return itl.guarded('write', undefined, () => set(new Uint8Array()));
  return new ParameterList(itl, 0, lengthBytes, set);
}

/** SPC-4 4.3.2: UTF-8, a null, and nothing but nulls after it. Points at the first byte that is not as it must be. */
function checkText(text: Uint8Array): void {
  if (text.length === 0) return;
  const end = text.indexOf(0);
  if (end < 0) throw invalidParameter(text.length - 1);
  const more = text.findIndex((byte, at) => at > end && byte !== 0);
  if (more >= 0) throw invalidParameter(more);
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(text.subarray(0, end));
  } catch {
    throw invalidParameter(0);
  }
}

/** REPORT IDENTIFYING INFORMATION and SET IDENTIFYING INFORMATION. */
export const IDENTIFYING_INFORMATION_COMMANDS: readonly CommandEntry[] = [
  defineCommand(REPORT_INFORMATION, reportInformation, { reservation: 'allowed', access: 'free' }),
  defineCommand(SET_INFORMATION, setInformation, { governs: true, administers: true }),
];
