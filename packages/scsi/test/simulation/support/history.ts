import { yieldTurn } from '@lunbox/block';
import { DATA_STEPS } from './data-steps.ts';
import { Dice } from './dice.ts';
import { GOOD } from './expected.ts';
import {
  askForProgress,
  endOperation,
  exitFailureMode,
  operationRefusal,
  operationStep,
  someOperation,
} from './operations.ts';
import { RESERVATION_STEPS } from './reservation-steps.ts';
import { STATE_STEPS } from './state-steps.ts';
import type { Step } from './step.ts';
import { PORTS, type UnitModel } from './unit-model.ts';
import { INITIATORS, World, type Connected } from './world.ts';

const NODES = INITIATORS * PORTS;
/** LUN of the target that comes and goes. */
const SPARE_LUN = 2;

/** A nexus and one of its LUNs; now and then one without a unit. */
interface Address {
  readonly from: Connected;
  readonly lun: number;
  readonly unit: UnitModel;
}

/** One history: commands of several nexuses one after the other, each answer compared with the model's. */
export async function playHistory(seed: number, lengthSteps: number): Promise<World> {
  const dice = new Dice(seed);
  const world = new World(dice);
  await connectAll(world);
  for (let step = 0; step < lengthSteps; step++) await someAction(world);
  compareMedia(world);
  return world;
}

export async function connectAll(world: World): Promise<void> {
  // One nexus through each port at least: so every unit knows all of them.
  for (let node = 0; node < NODES; node++) if (node < 2 || world.dice.chance(0.4)) world.connect(node);
  for (const from of world.connected.values()) {
    for (const lun of from.model.units.keys()) {
      // What is pending from the beginning is heard of in most histories only by the way.
      if (world.dice.chance(0.8))
        await world.perform(from, lun, someStep(world, STATE_STEPS.slice(2, 3), from, lun));
    }
  }
}

export function someAddress(world: World): Address {
  const { dice } = world;
  const from = dice.pick([...world.connected.values()]);
  const luns = [...from.model.units.keys()];
  const lun = luns.length === 0 || dice.chance(0.02) ? dice.pick([0, 4, 7]) : dice.pick(luns);
  const unit = from.model.units.get(lun)?.unit ?? world.shelves[0]!.model;
  return { from, lun, unit };
}

export function someStep(
  world: World,
  makers: readonly ((...about: [Dice, UnitModel, World, number]) => Step)[],
  from: Connected,
  lun: number,
): Step {
  const unit = from.model.units.get(lun)?.unit ?? world.shelves[0]!.model;
  return world.dice.pick(makers)(world.dice, unit, world, from.model.node);
}

async function someCommand(world: World): Promise<void> {
  const { dice } = world;
  const { from, lun, unit } = someAddress(world);
  unit.device.pace = unit.running !== undefined ? 'held' : dice.pick(['at once', 'later']);
  const chosen = dice.below(20);
  if (chosen < 11) return void (await world.perform(from, lun, someStep(world, DATA_STEPS, from, lun)));
  if (chosen < 15) return void (await world.perform(from, lun, someStep(world, STATE_STEPS, from, lun)));
  if (chosen < 19)
    return void (await world.perform(from, lun, someStep(world, RESERVATION_STEPS, from, lun)));
  await world.performFailing(from, lun, someStep(world, DATA_STEPS, from, lun));
}

async function someAction(world: World): Promise<void> {
  const { dice } = world;
  const chosen = dice.below(100);
  if (chosen < 84) return someCommand(world);
  const { from, lun, unit } = someAddress(world);
  if (chosen < 86) return world.resetUnit(from, lun);
  if (chosen < 87) return dice.chance(0.5) ? world.resetTarget(from) : world.clearTaskSet(from, lun);
  if (chosen < 90) return comeAndGo(world);
  if (chosen < 91) {
    return world.present.has(SPARE_LUN) ? world.removeUnit(SPARE_LUN) : world.addUnit(SPARE_LUN);
  }
  if (chosen < 93) {
    if (unit.running === undefined) world.resize(Number(unit.name.slice(5)), dice.between(12, 32));
    return;
  }
  if (chosen < 94) return powerCycle(world);
  if (chosen < 95) return void (await world.perform(from, lun, exitFailureMode()));
  return operate(world, from, lun);
}

export function comeAndGo(world: World): void {
  const node = world.dice.below(NODES);
  if (!world.connected.has(node)) return world.connect(node);
  if (world.connected.size > 2) world.disconnect(node);
}

/** What has failed for good is not tried over a loss of power: see docs/testing.md. */
export async function powerCycle(world: World): Promise<void> {
  const failed = world.shelves.some(({ model }) => model.formatFailed || model.sanitizeFailed !== undefined);
  if (failed) return;
  world.losePower();
  await connectAll(world);
}

/** FORMAT UNIT or SANITIZE, with the answer at the end, or at once while others go on. */
async function operate(world: World, from: Connected, lun: number): Promise<void> {
  const { dice } = world;
  const operation = someOperation(dice);
  const pending = from.model.units.get(lun);
  if (pending === undefined)
    return void (await world.perform(
      from,
      lun,
      operationStep(operation, () => GOOD),
    ));
  const { unit } = pending;
  const fails = dice.chance(0.2);
  let begun = false;
  if (fails) unit.device.fault = { call: operation.touches, code: 'BLOCK_IO', once: false };
  const step = operationStep(operation, () => {
    begun = true;
    if (!operation.immediate) return endOperation(unit, operation, fails);
    unit.running = operation.kind;
    return GOOD;
  });
  unit.device.pace = operation.immediate ? 'held' : 'at once';
  await world.perform(from, lun, step);
  if (begun && operation.immediate) {
    world.count('operations in the background');
    await whileRunning(world, from, lun, unit, operation, fails);
  }
  unit.device.fault = undefined;
  unit.device.pace = 'at once';
}

async function whileRunning(
  world: World,
  from: Connected,
  lun: number,
  unit: UnitModel,
  operation: ReturnType<typeof someOperation>,
  fails: boolean,
): Promise<void> {
  const { dice } = world;
  const { node } = from.model;
  let least = 0;
  for (let step = dice.between(1, 6); step > 0; step--) {
    await yieldTurn();
    if (!fails && dice.chance(0.3) && unit.device.heldCount > 0 && mayGoOn(operation, least)) {
      // A pass is over when it is written and flushed.
      if (operation.touches === 'write') least += 0.5 / operation.passes;
      unit.device.doOne();
      await settle();
    }
    const asker = world.connected.get(node);
    if (asker !== undefined && asker.model.units.get(lun)?.unit === unit && dice.chance(0.4)) {
      const passes = least * operation.passes;
      const most = operation.touches === 'write' ? Math.ceil(passes) / operation.passes : 1;
      await world.perform(asker, lun, askForProgress(operation, Math.floor(passes) / operation.passes, most));
    } else {
      await someMeanwhile(world);
    }
  }
  unit.device.goOn();
  await settle();
  const ending = endOperation(unit, operation, fails);
  if (fails) world.connected.get(node)?.model.units.get(lun)?.defer(ending);
}

/** The last request is left for the end. */
function mayGoOn({ touches, passes }: ReturnType<typeof someOperation>, least: number): boolean {
  return touches === 'write' && least + 1 / passes <= 1 && passes > 1 && least < 1 - 1 / passes;
}

async function someMeanwhile(world: World): Promise<void> {
  const { dice } = world;
  const chosen = dice.below(20);
  if (chosen === 0) return world.resetUnit(someAddress(world).from, someAddress(world).lun);
  const { from, lun, unit } = someAddress(world);
  if (unit.running === undefined) return someCommand(world);
  const makers = dice.pick<readonly ((...about: [Dice, UnitModel, World, number]) => Step)[]>([
    DATA_STEPS,
    STATE_STEPS,
    RESERVATION_STEPS,
  ]);
  if (chosen < 18) return void (await world.perform(from, lun, someStep(world, makers, from, lun)));
  const other = someOperation(dice);
  await world.perform(
    from,
    lun,
    operationStep(other, () => operationRefusal(unit, other) ?? GOOD),
  );
}

/** Whatever goes on in the background of a device that completes at once comes to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 24; turn++) await yieldTurn();
}

/** What no command has looked at meanwhile: every block, and whether it takes space. */
function compareMedia(world: World): void {
  for (const { device, model } of world.shelves) {
    // After a failure nobody knows what the medium holds.
    if (model.formatFailed || model.sanitizeFailed !== undefined) continue;
    for (let lba = 0; lba < model.blockCount; lba++) {
      const block = device.block(lba);
      const found = block ?? new Uint8Array(512);
      if (Buffer.compare(found, model.read(lba, 1)) !== 0)
        world.fail(`${model.name}: block ${lba} is another`);
      if ((block !== undefined) !== model.mapped[lba])
        world.fail(`${model.name}: block ${lba} mapped: ${block !== undefined}`);
    }
    // The power may go now: what a command was to bring to the medium must be there.
    device.losePower();
    for (let lba = 0; lba < model.blockCount; lba++) {
      if (model.cached.has(lba)) continue;
      const found = device.block(lba) ?? new Uint8Array(512);
      if (Buffer.compare(found, model.read(lba, 1)) !== 0) world.fail(`${model.name}: block ${lba} was lost`);
    }
  }
}
