import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { RESERVATION_CONFLICT } from '../answers.ts';
import {
  ADDITIONAL_CDB_LENGTH_BYTE,
  LONG_SERVICE_ACTION_BYTE,
  VARIABLE_LENGTH,
} from '../cdb/cdb-definition.ts';
import { WRITE_6 } from '../cdb/block-cdbs.ts';
import { NACA } from '../cdb/control-byte.ts';
import type { CommandEntry } from '../commands/command-entry.ts';
import { isWholeCdb, UNIT_COMMANDS } from '../commands/command-table.ts';
import type { Execution, ScsiCommand } from '../execution.ts';
import { boundToMedium } from '../media/medium-bound.ts';
import { conflictsWithReservation } from '../persistent-reservation/conflict-rules.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbByte, type CheckConditionError } from '../sense/check-condition-error.ts';
import { refuseByPath } from '../path/access-state.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { refuseWithoutMedium, writeProtected } from '../unit/medium-access.ts';
import { isRemovable } from '../unit/unit-kind.ts';
import { startWithinSpace } from './space-bound.ts';

/**
 * Does everything that the table asks for before a command, in the order of SAM-5 5.3.3, and starts it.
 * Throws what ends the command otherwise than well.
 */
export function startCommand(itl: ItlNexus, command: ScsiCommand): MaybePromise<Execution> {
  const { unit } = itl;
  const { cdb } = command;
  const commands = UNIT_COMMANDS[unit.kind];
  const entry = commands.find(cdb);
  const news = entry?.duringAttention === true ? undefined : itl.takeNews(false);
  if (news !== undefined) throw news;
  if (entry === undefined) throw unsupported(cdb, commands.hasServiceActions(cdb[0]!));
  // NORMACA is 0 in the standard INQUIRY data then (SAM-5 5.2).
  if (!itl.mayFault && (cdb[entry.controlByte]! & NACA) !== 0) throw invalidCdbByte(entry.controlByte, 2);
  const { restriction } = itl.portGroup;
  if (restriction !== undefined && !restriction.runs.has(entry.path)) return refuseByPath(restriction);
  if (unit.reservedBy !== undefined && unit.reservedBy !== itl && entry.reservation === 'conflict') {
    return RESERVATION_CONFLICT;
  }
  if (conflictsWithReservation(unit.persistent.state, itl.nexusName, entry.access, cdb)) {
    return RESERVATION_CONFLICT;
  }
  if (entry.needsMedium) refuseWithoutMedium(unit, entry.repairsMedium);
  if ((entry.writes && itl.restrictsWrites) || (entry.governs && itl.readOnly)) refuseChange(itl, entry, cdb);
  const { administers, space } = itl.rights;
  if (entry.administers && !administers)
    throw illegalRequest(AdditionalSenseCode.ACCESS_DENIED_NO_ACCESS_RIGHTS);
  if (space === undefined || !entry.writes) return begin(itl, entry, command);
  return startWithinSpace(itl, entry, command, space, () => begin(itl, entry, command));
}

/** Starts a command that nothing keeps from it. */
function begin(itl: ItlNexus, entry: CommandEntry, command: ScsiCommand): MaybePromise<Execution> {
  const { unit } = itl;
  if (!entry.needsMedium || !isRemovable(unit.kind)) return entry.start(itl, command);
  const { medium } = unit;
  return mapMaybe(entry.start(itl, command), (execution) => boundToMedium(itl, medium, execution));
}

/**
 * SPC-4 4.2.2: an unknown service action of a known operation code is an invalid field, not an invalid
 * command; so is a CDB of variable length that has another length than it should.
 */
function unsupported(cdb: Uint8Array, hasServiceActions: boolean): CheckConditionError {
  if (!hasServiceActions) return illegalRequest(AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE);
  if (cdb[0] !== VARIABLE_LENGTH) return invalidCdbByte(1, 4);
  return invalidCdbByte(isWholeCdb(cdb) ? LONG_SERVICE_ACTION_BYTE : ADDITIONAL_CDB_LENGTH_BYTE);
}

/** Some changes are refused: throws when this is one of them. */
function refuseChange(itl: ItlNexus, entry: CommandEntry, cdb: Uint8Array): void {
  if ((entry.writes && itl.writeProtected) || (entry.governs && itl.readOnly)) throw writeProtected();
  if (!itl.unit.plainWritesRefused) return;
  // RWWP, SPC-4 7.5.8: what writes user data must bring protection information.
  if (entry.cdb === WRITE_6) throw illegalRequest(AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE);
  const fields: Partial<Record<string, unknown>> = { ...entry.cdb.decode(cdb) };
  const name = ['WRPROTECT', 'ORPROTECT'].find((field) => fields[field] === 0);
  if (name === undefined) return;
  const { byteOffset, bit } = entry.cdb.structure.locate(name);
  throw invalidCdbByte(byteOffset, bit);
}
