import { DISK_CALLS, randomBelow, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect } from 'vitest';
import { playSeeds, type Played, type Range, type Tally } from '../../../block/test/support/histories.ts';
import { createGroup, type SnapshotSet } from '../../src/index.ts';
import { contentOf, live, makeDisk, Model, openSet, SECTOR, SECTORS, snapshotsOf } from './model.ts';
import type { Content } from './model.ts';

/** How a history of groups goes wrong: the power goes, or a call of the disk fails. */
export type GroupKind = 'group-crashes' | 'group-failures';

type TakeGroup = (sets: readonly SnapshotSet[], name: string) => Promise<unknown>;

/** What goes wrong on purpose. */
export interface GroupFlaw {
  readonly disk?: () => SimulatedDisk;
  readonly take?: TakeGroup;
}

const ROUNDS = 3;
const STEPS = 30;
const CHANGES = 160;
const CALLS = 60;
const FAILURES = ['EIO', 'ENOSPC'] as const;
const SNAPSHOTS = 5;

/** A write to one of the disks. Each begins when the one before it was answered. */
interface Write {
  readonly member: number;
  readonly at: number;
  readonly count: number;
  readonly value: number;
}

/** A group that is being taken while its disks are written. */
interface Attempt {
  readonly name: string;
  readonly members: readonly number[];
  readonly before: readonly Content[];
  readonly writes: readonly Write[];
  begun: number;
}

/** Some disks of one machine, with a model of each. */
export class Machine {
  readonly disk: SimulatedDisk;
  readonly models: readonly Model[];
  readonly #random: SeededRandom;
  readonly #take: TakeGroup;
  sets: readonly SnapshotSet[] = [];
  #attempt: Attempt | undefined;

  constructor(count: number, random: SeededRandom, { disk, take }: GroupFlaw = {}) {
    this.disk = disk?.() ?? new SimulatedDisk({ clones: true });
    this.models = Array.from({ length: count }, () => new Model());
    this.#random = random;
    let taken = 0;
    // Every other one waits for a decision before it is taken.
    const hold = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    };
    this.#take =
      take ?? ((sets, name) => createGroup(sets, { name, ...(taken++ % 2 === 0 ? {} : { hold }) }));
  }

  async make(): Promise<void> {
    for (const index of this.models.keys()) await makeDisk(this.disk, pathOf(index));
  }

  /** Opens all disks; what is there is what has to be. A reader finds the same before. */
  async open(): Promise<void> {
    const seen = await this.#readAll();
    this.sets = await this.#openAll(false);
    await this.#settleAttempt();
    for (const [index, model] of this.models.entries()) await model.compare(this.sets[index]!);
    for (const [index, set] of this.sets.entries()) expect(seen[index]).toEqual(await snapshotsOf(set));
  }

  /** Ends as a loss of power does. */
  async crash(seed: number): Promise<void> {
    this.disk.faults.haltAfter(0);
    await Promise.all(this.sets.map((set) => set.close().catch(() => undefined)));
    this.disk.crash(seed);
  }

  /** Takes a group of some disks while they are written. */
  async group(name: string, members: readonly number[], writes: readonly Write[]): Promise<void> {
    const before = members.map((index) => [...this.models[index]!.current]);
    const attempt: Attempt = { name, members, before, writes, begun: 0 };
    this.#attempt = attempt;
    const sets = members.map((index) => this.sets[index]!);
    const results = await Promise.allSettled([this.#take(sets, name), this.#write(attempt)]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason as Error;
    // A disk that could not note the decision finds it out when it is opened again.
    if (sets.some((set) => set.find(name).prepared)) throw new Error(`${name} was not noted everywhere`);
    await this.#settleAttempt();
    this.models[0]!.count('groups');
  }

  randomWrites(members: readonly number[], count: number): Write[] {
    return Array.from({ length: count }, () => {
      const at = randomBelow(this.#random, SECTORS);
      return {
        member: members[randomBelow(this.#random, members.length)]!,
        at,
        count: 1 + randomBelow(this.#random, Math.min(10, SECTORS - at)),
        value: 1 + randomBelow(this.#random, 255),
      };
    });
  }

  async #write(attempt: Attempt): Promise<void> {
    for (const { member, at, count, value } of attempt.writes) {
      attempt.begun++;
      this.models[member]!.change(at, count, value);
      await this.sets[member]!.device.write([Buffer.alloc(count * SECTOR, value)], at * SECTOR);
    }
  }

  /** All of it is there or nothing, and it is what was there after one of the writes: the same for all disks. */
  async #settleAttempt(): Promise<void> {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    const { name, members } = attempt;
    const there = members.map((index) => this.sets[index]!.list().some((each) => each.name === name));
    expect(new Set(there).size, `${name} is in some of the disks only: ${there.join()}`).toBe(1);
    if (!there[0]) {
      this.#attempt = undefined;
      return this.models[0]!.count('groups not taken');
    }
    for (const index of members) {
      const info = this.sets[index]!.find(name);
      expect(info.group?.members.length ?? members.length).toBe(members.length);
      expect(info.prepared).toBeUndefined();
    }
    const found: Content[] = [];
    for (const index of members) {
      const view = this.sets[index]!.openView(name);
      found.push(await contentOf(view));
      await view.close();
    }
    this.#attempt = undefined;
    this.#accept(attempt, this.#instantOf(attempt, found), found);
  }

  /** After how many of the writes it was taken. */
  #instantOf({ members, before, writes, begun }: Attempt, found: readonly Content[]): number {
    const contents = before.map((content) => [...content]);
    for (let done = 0; done <= begun; done++) {
      if (contents.every((content, at) => content.every((value, sector) => value === found[at]![sector])))
        return done;
      const write = writes[done];
      if (write === undefined) break;
      contents[members.indexOf(write.member)]!.fill(write.value, write.at, write.at + write.count);
    }
    return expect.fail('the snapshots of the group are not those of one instant');
  }

  #accept({ name, members, writes, begun }: Attempt, instant: number, found: readonly Content[]): void {
    if (instant > 0 && instant < begun) this.models[0]!.count('groups between writes');
    for (const [at, index] of members.entries()) {
      const model = this.models[index]!;
      model.snapshots.set(name, found[at]!);
      model.flushed = [...found[at]!];
      model.unflushed.clear();
      for (const { member, at: first, count } of writes.slice(instant, begun))
        if (member === index)
          for (let sector = first; sector < first + count; sector++) model.unflushed.add(sector);
    }
  }

  async #openAll(readOnly: boolean): Promise<SnapshotSet[]> {
    const sets: SnapshotSet[] = [];
    for (const index of this.models.keys()) {
      const path = pathOf(index);
      const object = new Uint8Array(16).fill(index + 1);
      const options = { readOnly, path, object, directory: `${path}.snaps` };
      sets.push(await openSet(this.disk, this.#random, undefined, options));
    }
    return sets;
  }

  async #readAll(): Promise<[string, Content][][]> {
    const sets = await this.#openAll(true);
    const found: [string, Content][][] = [];
    for (const set of sets) {
      found.push(await snapshotsOf(set));
      await set.close();
    }
    return found;
  }
}

const pathOf = (index: number): string => `/disk${index}.img`;

/** Plays one history of groups. */
export async function playGroupHistory(seed: number, kind: GroupKind, flaw: GroupFlaw = {}): Promise<Played> {
  const random = new SeededRandom(seed);
  const machine = new Machine(2 + randomBelow(random, 2), random, flaw);
  try {
    await machine.make();
    for (let round = 0; round < ROUNDS; round++) {
      await machine.open();
      await liveUntilItEnds(machine, kind, random);
      await machine.crash(seed * ROUNDS + round);
    }
    await machine.open();
    await machine.crash(seed);
    return { seen: seenOf(machine) };
  } catch (error) {
    return { seen: seenOf(machine), wrong: (error as Error).stack ?? String(error) };
  }
}

/** Plays histories of groups, until one goes wrong; throws what `playSeeds` throws. */
export function playGroupHistories(
  kind: GroupKind,
  range: Range,
  onProgress?: (tally: Tally) => void,
): Promise<Tally> {
  return playSeeds(kind, range, (seed) => playGroupHistory(seed, kind), onProgress);
}

function seenOf({ models }: Machine): Record<string, number> {
  const seen: Record<string, number> = {};
  for (const model of models)
    for (const [what, count] of Object.entries(model.seen)) seen[what] = (seen[what] ?? 0) + count;
  return seen;
}

async function liveUntilItEnds(machine: Machine, kind: GroupKind, random: SeededRandom): Promise<void> {
  const { faults } = machine.disk;
  const { failed } = faults;
  for (const set of machine.sets)
    if (set.policy.whenFull !== 'refuse') await set.setPolicy({ whenFull: 'refuse' });
  if (kind === 'group-crashes') faults.haltAfter(randomBelow(random, CHANGES));
  else {
    const call = DISK_CALLS[randomBelow(random, DISK_CALLS.length)]!;
    faults.fail(call, 1 + randomBelow(random, CALLS), FAILURES[randomBelow(random, 2)]!);
  }
  try {
    for (let step = 0; step < STEPS; step++) await oneStep(machine, random);
  } catch (error) {
    if (!faults.halted && faults.failed === failed) throw error;
    if (faults.failed > failed) machine.models[0]!.count('failures');
  }
}

async function oneStep(machine: Machine, random: SeededRandom): Promise<void> {
  const index = randomBelow(random, machine.sets.length);
  const set = machine.sets[index]!;
  if (randomBelow(random, 4) > 0) return await live(set, machine.models[index]!, random, 1);
  const members = machine.models.map((_, each) => each).filter((each) => each !== index);
  if (members.length < 2 || randomBelow(random, 2) === 0)
    members.splice(randomBelow(random, members.length + 1), 0, index);
  const isFull = members.some((each) => machine.models[each]!.snapshots.size >= SNAPSHOTS);
  if (isFull || members.some((each) => machine.sets[each]!.restoring !== undefined)) return;
  await machine.group(
    String(random.uint32()),
    members,
    machine.randomWrites(members, randomBelow(random, 6)),
  );
}
