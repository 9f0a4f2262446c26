import { TEST_UNIT_READY } from '../../../src/index.ts';
import { ACCESS_STEPS } from './access-steps.ts';
import { Dice } from './dice.ts';
import { GOOD } from './expected.ts';
import { comeAndGo, connectAll, powerCycle, someAddress, someStep } from './history.ts';
import { RESERVATION_REPORTS } from './reservation-reports.ts';
import { REGISTERING_STEPS, RESERVATION_STEPS } from './reservation-steps.ts';
import type { Step } from './step.ts';
import { World, type Connected } from './world.ts';

const STEPS = 50;

/**
 * One history of nexuses that register, reserve, preempt and move, and of commands that reservations keep from their
 * unit or do not: each answer, and each unit attention of every nexus, is compared with the model's.
 */
export async function playReservations(seed: number): Promise<World> {
  const world = new World(new Dice(seed));
  await connectAll(world);
  for (let step = 0; step < STEPS; step++) await someAction(world);
  await compareReservations(world);
  return world;
}

async function someAction(world: World): Promise<void> {
  const { dice } = world;
  const chosen = dice.below(100);
  const { from, lun } = someRegistrant(world);
  if (chosen < 2) return world.resetUnit(from, lun);
  if (chosen < 4) return dice.chance(0.5) ? world.resetTarget(from) : world.clearTaskSet(from, lun);
  if (chosen < 8) return comeAndGo(world);
  if (chosen < 10) return powerCycle(world);
  if (dice.chance(0.8)) await hearAll(world, from, lun);
  await world.perform(from, lun, someStep(world, makersFor(world, from, lun), from, lun));
}

/** Most of what happens is about one unit: with a few nexuses at each of several not much would be reserved. */
function someRegistrant(world: World): { from: Connected; lun: number } {
  const { from, lun } = someAddress(world);
  if (world.dice.chance(0.2)) return { from, lun };
  const [favourite = lun] =
    [...from.model.units].find(([, { unit }]) => unit === world.shelves[0]!.model) ?? [];
  return { from, lun: favourite };
}

/** Who is registered reserves and preempts; who is not registers or tries what it must not do. */
function makersFor({ dice }: World, { model }: Connected, lun: number): typeof RESERVATION_STEPS {
  if (dice.chance(0.4)) return ACCESS_STEPS;
  const key = model.units.get(lun)?.unit.reservations.keys[model.node] ?? 0;
  return key === 0 && dice.chance(0.7) ? REGISTERING_STEPS : RESERVATION_STEPS;
}

const testing: Step = {
  access: 'free',
  medium: true,
  name: TEST_UNIT_READY.name,
  cdb: TEST_UNIT_READY.encode(),
  run: () => GOOD,
};

/** A nexus hears of everything that is pending: otherwise its commands would mostly end with that. */
async function hearAll(world: World, from: Connected, lun: number): Promise<void> {
  while (from.model.units.get(lun)?.next !== undefined) await world.perform(from, lun, testing);
}

/** What no command has looked at meanwhile. */
async function compareReservations(world: World): Promise<void> {
  for (const from of world.connected.values()) {
    for (const lun of from.model.units.keys()) {
      await hearAll(world, from, lun);
      for (const report of RESERVATION_REPORTS) await world.perform(from, lun, report());
    }
  }
}
