import { SeededRandom, SimulatedDisk, type BlockDevice } from '@lunbox/block';
import { expect, it } from 'vitest';
import { createGroup, type SnapshotSet } from '../../src/index.ts';
import { contentOf, GRAIN, makeDisk, openSet, SECTORS } from '../support/model.ts';

const random = new SeededRandom(1);

async function open(
  disk: SimulatedDisk,
  index: number,
  wrap?: (production: BlockDevice) => BlockDevice,
): Promise<SnapshotSet> {
  const path = `/d/disk${index}.img`;
  const object = new Uint8Array(16).fill(index);
  return await openSet(disk, random, wrap, { path, object, directory: `${path}.snaps` });
}

async function machine(count: number): Promise<{ disk: SimulatedDisk; sets: SnapshotSet[] }> {
  const disk = new SimulatedDisk();
  await disk.mkdir('/d');
  await disk.syncDirectory('/');
  const sets: SnapshotSet[] = [];
  for (let index = 1; index <= count; index++) {
    await makeDisk(disk, `/d/disk${index}.img`);
    await disk.syncDirectory('/d');
    sets.push(await open(disk, index));
  }
  return { disk, sets };
}

const fill = async (set: SnapshotSet, value: number): Promise<void> =>
  set.device.write([Buffer.alloc(GRAIN, value)], 0);
const held = (value: number): (number | undefined)[] =>
  new Array<number>(SECTORS).fill(0).fill(value, 0, GRAIN / 512);

async function snapshotContent(set: SnapshotSet, name: string): Promise<unknown> {
  const view = set.openView(name);
  return await contentOf(view).finally(() => view.close());
}

it('tells of each snapshot which group it is of, and lets one of them be deleted', async () => {
  const { disk, sets } = await machine(3);
  const group = await createGroup([sets[2]!, sets[0]!, sets[1]!], { name: 'g', labels: { job: 'nightly' } });
  expect(group.snapshots.map(({ group }) => group?.id)).toEqual([group.id, group.id, group.id]);
  const members = group.snapshots[0]!.group!.members;
  expect(members.map(({ directory }) => directory)).toEqual([1, 2, 3].map((n) => `/d/disk${n}.img.snaps`));
  expect(members[2]).toMatchObject({ object: sets[2]!.object, snapshot: group.snapshots[0]!.id });
  expect(group.snapshots[1]).toEqual(sets[0]!.find('g'));
  expect(group.snapshots[1]).toMatchObject({ labels: { job: 'nightly' }, level: 'crash' });
  await sets[0]!.delete('g');
  for (const set of sets) await set.close();
  expect((await open(disk, 1)).list()).toEqual([]);
  expect((await open(disk, 2)).find('g').prepared).toBeUndefined();
});

it('takes none when one of the disks refuses', async () => {
  const { sets } = await machine(2);
  await sets[1]!.create({ name: 'g' });
  await expect(createGroup(sets, { name: 'g' })).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
  expect(sets[0]!.list()).toEqual([]);
  await expect(createGroup([sets[0]!])).rejects.toMatchObject({ code: 'SNAPSHOT_BAD_GROUP' });
  await expect(createGroup([sets[0]!, sets[0]!])).rejects.toMatchObject({ code: 'SNAPSHOT_BAD_GROUP' });
});

it('takes groups that are asked for at once, in whatever order the disks are named', async () => {
  const { sets } = await machine(3);
  const [a, b, c] = sets as [SnapshotSet, SnapshotSet, SnapshotSet];
  await Promise.all([
    createGroup([a, b, c], { name: '1' }),
    createGroup([c, a], { name: '2' }),
    createGroup([c, b, a], { name: '3' }),
    b.create({ name: '4' }),
  ]);
  expect(sets.map((set) => set.list().length)).toEqual([3, 3, 3]);
});

it('holds all changes back until it is decided, and takes what there was before', async () => {
  const { disk, sets } = await machine(2);
  for (const set of sets) await fill(set, 1);
  for (const outcome of ['taken', 'given up', 'power lost'] as const) {
    let decide = { yes: (): void => undefined, no: (_error: Error): void => undefined };
    const decision = new Promise<void>((yes, no) => (decide = { yes, no }));
    let reached: (id: string) => void;
    const ready = new Promise<string>((resolve) => (reached = resolve));
    const hold = (id: string): Promise<void> => {
      reached(id);
      return decision;
    };
    const group = createGroup(sets, { name: outcome, hold });
    const id = await ready;
    let written = 0;
    const writes = Promise.allSettled(sets.map((set) => fill(set, 2).then(() => written++)));
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    expect(written).toBe(0);
    if (outcome === 'power lost') {
      disk.crash(1);
      expect((await open(disk, 1)).list().map(({ name }) => name)).toEqual(['taken']);
      return;
    }
    if (outcome === 'taken') decide.yes();
    else decide.no(new Error('no'));
    if (outcome === 'taken') expect((await group).id).toBe(id);
    else await expect(group).rejects.toThrow('no');
    await writes;
    expect(written).toBe(2);
    expect(sets.map((set) => set.list().map(({ name }) => name))).toEqual([['taken'], ['taken']]);
  }
});

it('may be of one disk, when somebody else has the others', async () => {
  const { sets } = await machine(1);
  await createGroup(sets, { name: 'g', hold: async () => undefined });
  expect(sets[0]!.find('g').prepared).toBeUndefined();
  await expect(createGroup([], { hold: async () => undefined })).rejects.toMatchObject({
    code: 'SNAPSHOT_BAD_GROUP',
  });
});

it('gives up, and lets all disks go on, when one does not come to rest', async () => {
  const { disk, sets } = await machine(2);
  await sets[1]!.close();
  let release = (): void => undefined;
  const slow = await open(disk, 2, (production) => {
    const write = production.write.bind(production);
    production.write = async (...given) => {
      await new Promise<void>((resolve) => (release = resolve));
      await write(...given);
    };
    return production;
  });
  const stuck = fill(slow, 3);
  const group = createGroup([sets[0]!, slow], { name: 'g', timeoutMs: 20 });
  await expect(group).rejects.toMatchObject({ code: 'SNAPSHOT_TIMEOUT' });
  await fill(sets[0]!, 1);
  expect([...sets[0]!.list(), ...slow.list()]).toEqual([]);
  release();
  await stuck;
  await createGroup([sets[0]!, slow], { name: 'g' });
  expect(await snapshotContent(slow, 'g')).toEqual(held(3));
});

/** Two disks of which the second does not know yet what became of their group, and the list of the first is gone. */
async function doubt(): Promise<{ disk: SimulatedDisk; second: SnapshotSet }> {
  for (let changes = 1; changes < 100; changes++) {
    const { disk, sets } = await machine(2);
    for (const [index, set] of sets.entries()) {
      await set.create({ name: 'earlier' });
      await fill(set, 10 + index);
      await set.device.flush();
    }
    disk.faults.haltAfter(changes);
    await createGroup(sets, { name: 'g' }).catch(() => undefined);
    disk.faults.haltAfter(0);
    for (const set of sets) await set.close().catch(() => undefined);
    disk.crash(changes);
    await disk.rename('/d/disk1.img.snaps/chain', '/elsewhere');
    const second = await open(disk, 2);
    if (second.list().some(({ prepared }) => prepared)) return { disk, second };
    await second.close();
  }
  return expect.fail('no crash leaves a member in doubt');
}

it('keeps a snapshot whose group cannot be judged, and does not use it', async () => {
  const { disk, second } = await doubt();
  expect(second.find('g')).toMatchObject({ prepared: true, group: { members: [{}, {}] } });
  const refused = { code: 'SNAPSHOT_IN_DOUBT' };
  expect(() => second.openView('g')).toThrow(expect.objectContaining(refused));
  for (const attempt of [
    () => second.restore('g'),
    () => second.refresh('g'),
    () => second.bookmark('g'),
    () => second.diff('g').next(),
    () => second.diff('earlier', 'g').next(),
  ])
    await expect(attempt()).rejects.toMatchObject(refused);
  await second.settle();
  expect(second.find('g').prepared).toBe(true);
  await fill(second, 99);
  await disk.rename('/elsewhere', '/d/disk1.img.snaps/chain');
  await second.settle();
  const first = await open(disk, 1);
  const wasTaken = first.list().some(({ name }) => name === 'g');
  expect(second.list().map(({ name }) => name)).toEqual(wasTaken ? ['earlier', 'g'] : ['earlier']);
  if (wasTaken) expect(await snapshotContent(second, 'g')).toEqual(held(11));
  expect(await snapshotContent(second, 'earlier')).toEqual(held(0));
  expect(await contentOf(second.device)).toEqual(held(99));
});

it('lets people delete a snapshot that is in doubt', async () => {
  const { second } = await doubt();
  await second.delete('g');
  expect(second.list().map(({ name }) => name)).toEqual(['earlier']);
  expect(await snapshotContent(second, 'earlier')).toEqual(held(0));
});
