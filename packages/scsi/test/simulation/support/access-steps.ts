import { supportedCommands } from '../../../src/index.ts';
import { plainCdb, standardAccess } from '../../support/reservation-table.ts';
import { DATA_STEPS } from './data-steps.ts';
import type { Dice } from './dice.ts';
import { CONFLICT, NO_CONFLICT } from './expected.ts';
import { STATE_STEPS } from './state-steps.ts';
import type { Step } from './step.ts';
import type { UnitModel } from './unit-model.ts';
import type { World } from './world.ts';

/** PERSISTENT RESERVE OUT and IN have steps of their own, and what may be done during an attention takes none. */
const COMMANDS = supportedCommands('disk').filter(
  (command) =>
    standardAccess(command) !== undefined &&
    !/^(PERSISTENT|INQUIRY|REQUEST SENSE|REPORT LUNS)/.test(command.name),
);

/**
 * Any command of the table, asking for nothing, by a nexus that a reservation keeps from it, or that reads: what comes
 * back is a conflict or is none. One that would change something is sent by the other steps.
 */
function plainCommand(dice: Dice, unit: UnitModel, _world: World, node: number): Step {
  const command = dice.pick(COMMANDS);
  const access = standardAccess(command)!;
  const conflicts = access !== 'free' && unit.reservations.access(node, access === 'changes') === 'conflict';
  if (unit.reservedBy !== undefined || (access === 'changes' && !conflicts)) {
    return dice.pick(DATA_STEPS)(dice, unit);
  }
  return {
    access,
    name: `${command.name}: plain`,
    cdb: plainCdb(command),
    run: () => (conflicts ? CONFLICT : NO_CONFLICT),
  };
}

type StepMaker = (dice: Dice, unit: UnitModel, world: World, node: number) => Step;

/** What reservations keep nexuses from. */
export const ACCESS_STEPS: readonly StepMaker[] = [
  plainCommand,
  plainCommand,
  (dice, unit) => dice.pick(DATA_STEPS)(dice, unit),
  (dice, unit, world) => dice.pick(STATE_STEPS)(dice, unit, world),
];
