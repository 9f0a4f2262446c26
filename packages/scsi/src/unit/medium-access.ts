import { NOT_STARTED } from '../commands/primary.ts';
import { AdditionalSenseCode, SenseKey } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { LogicalUnit } from './logical-unit.ts';

/** Throws what keeps a command from the medium; with `repairs`, a FORMAT UNIT or SANITIZE that failed does not. */
export function refuseWithoutMedium(unit: LogicalUnit, repairs: boolean): void {
  if (!unit.tray.loaded) throw new CheckConditionError(unit.tray.condition!);
  if (unit.stopped) throw new CheckConditionError(NOT_STARTED);
  if (unit.operations.condition !== undefined) unit.operations.refuse(repairs);
}

/** DATA PROTECT, WRITE PROTECTED. */
export function writeProtected(): CheckConditionError {
  return new CheckConditionError({ senseKey: SenseKey.DATA_PROTECT, ...AdditionalSenseCode.WRITE_PROTECTED });
}
