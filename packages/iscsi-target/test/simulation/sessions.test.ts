import { describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { Dice } from '../support/dice.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';
import { SimulatedInitiator } from '../support/simulated-initiator.ts';

/** Histories; `npm run simulate` sets a higher number. */
const HISTORIES = Number(process.env['LUNBOX_HISTORIES'] ?? 3500);
const FIRST_SEED = Number(process.env['LUNBOX_SEED'] ?? 1);
const STEPS = 150;
const PART_BYTES = 64 * 512;

/** What may go wrong in a history. */
interface Faults {
  readonly aborts: boolean;
  readonly cuts: boolean;
}

/** One history: sessions, connections, commands, a slow disk, a network that cuts bytes anywhere. */
async function play(seed: number, faults: Faults): Promise<string[]> {
  const dice = new Dice(seed);
  const disk = new SimulatedDisk(dice, 2 * PART_BYTES);
  const limits = { queueDepth: 1 + dice.below(8), sendBacklogBytes: dice.pick([2048, 1_000_000]) };
  const engine = new TargetEngine([{ name: 'iqn.2026-11.io.lunbox:test', scsi: disk }], limits);
  const initiators = [0, 1].map((index) => {
    const part = disk.bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
    const initiator = new SimulatedInitiator(dice, engine, index + 1, part);
    initiator.connect();
    if (dice.chance(0.5)) initiator.connect();
    return initiator;
  });
  for (let step = 0; step < STEPS; step++) await stir(dice, disk, initiators, faults);
  for (let step = 0; step < 20_000 && !initiators.every(({ idle }) => idle); step++)
    await settle(disk, initiators);
  await quiet(disk);
  return verdict(engine, disk, initiators);
}

async function stir(
  dice: Dice,
  disk: SimulatedDisk,
  initiators: readonly SimulatedInitiator[],
  faults: Faults,
): Promise<void> {
  const initiator = dice.pick(initiators);
  const choice = dice.below(100);
  if (choice < 25) initiator.act();
  else if (choice < 35 && disk.pendingCount > 0) disk.completeOne();
  else if (choice < 38 && faults.aborts) initiator.abortOne();
  else if (choice === 40 && faults.cuts && initiator.links.length > 1) {
    const [link] = initiator.links.splice(1, 1);
    link?.cut();
    // What was at work for the connection ends before its blocks are looked at.
    await quiet(disk);
    if (link !== undefined) initiator.lost(link);
  } else dice.pick(initiator.links).step();
  await turn();
  initiator.listen();
}

async function settle(disk: SimulatedDisk, initiators: readonly SimulatedInitiator[]): Promise<void> {
  for (const initiator of initiators) {
    for (const link of initiator.links) link.step();
    initiator.listen();
  }
  if (disk.pendingCount > 0) disk.completeOne();
  await turn();
}

async function quiet(disk: SimulatedDisk): Promise<void> {
  while (disk.pendingCount > 0) {
    disk.completeOne();
    await turn();
  }
}

/** Lets promises run, and nothing else. */
async function turn(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

function verdict(
  engine: TargetEngine,
  disk: SimulatedDisk,
  initiators: readonly SimulatedInitiator[],
): string[] {
  const problems = initiators.flatMap((initiator) => initiator.problems);
  for (const { outstanding } of initiators) {
    for (const tag of outstanding.keys()) problems.push(`task ${tag} has no status`);
  }
  for (const { tasks } of engine.sessions)
    if (tasks !== 0) problems.push(`${tasks} tasks left in the session`);
  if (disk.open !== 0) problems.push(`${disk.open} executions never ended`);
  return problems;
}

async function playAll(faults: Faults): Promise<void> {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed++) {
    expect(await play(seed, faults), `LUNBOX_SEED=${seed}`).toEqual([]);
  }
}

describe('sessions on a network and a disk of chance', () => {
  it('every command completes once, with the right data, and leaves nothing behind', async () => {
    await playAll({ aborts: false, cuts: false });
  }, 3_600_000);

  it('aborted commands change nothing after the answer, and disturb no other', async () => {
    await playAll({ aborts: true, cuts: false });
  }, 3_600_000);

  it('a connection that is cut takes its own commands with it and no others', async () => {
    await playAll({ aborts: true, cuts: true });
  }, 3_600_000);
});
