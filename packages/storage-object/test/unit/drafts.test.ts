import { createRealDisk, SeededRandom, SimulatedDisk } from '@lunbox/block';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  exportContainer,
  findDrafts,
  repairDrafts,
  scanCatalog,
  StorageObject,
  type Draft,
} from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const MIB = 2 ** 20;
const LEFT = '/disk.lun.0123456789ab.new';

function world(): { disk: SimulatedDisk; random: SeededRandom; processes: FakeProcesses } {
  return { disk: new SimulatedDisk(), random: new SeededRandom(1), processes: new FakeProcesses() };
}

async function leave(disk: SimulatedDisk, path = LEFT): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.write([Buffer.alloc(4096, 1)], 0);
  await file.sync();
  await file.close();
}

const codesOf = (drafts: readonly Draft[]): string[] =>
  drafts.flatMap(({ findings }) => findings.map(({ code }) => code));

it('a draft that somebody writes is told of, and never deleted', async () => {
  const seams = world();
  const during: string[][] = [];
  const look = async (): Promise<void> => {
    during.push(codesOf(await findDrafts('/', seams)));
    const { applied, steps } = await repairDrafts('/', { ...seams, apply: true });
    expect([applied, steps]).toEqual([false, []]);
  };
  const object = await StorageObject.create('/disk.lun', { ...seams, sizeBytes: MIB, content: look });
  await object.device.write([Buffer.alloc(512, 1)], 0);
  await object.close();
  expect(during).toEqual([['DRAFT_IN_WORK']]);
  expect(await seams.disk.readdir('/')).toEqual(['disk.lun']);
});

it('an export is told of while it writes', async () => {
  const seams = world();
  await (await StorageObject.create('/disk.lun', { ...seams, sizeBytes: MIB })).close();
  const heard: string[][] = [];
  const { disk } = seams;
  const open = disk.open.bind(disk);
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const sync = file.sync.bind(file);
    file.sync = async () => {
      // The lock file is made durable, too.
      if (path.endsWith('.new')) heard.push(codesOf(await findDrafts('/', seams)));
      await sync();
    };
    return file;
  };
  await exportContainer('/disk.lun', '/out.img', seams);
  expect(heard).toEqual([['DRAFT_IN_WORK']]);
});

it('one that was left is told of with its space, and deleted when that is said', async () => {
  const { disk } = world();
  await leave(disk);
  expect(await findDrafts('/', { disk })).toMatchObject([
    { path: LEFT, usedBytes: 65_536, findings: [{ code: 'DRAFT_LEFT', severity: 'warning' }] },
  ]);
  const planned = await repairDrafts('/', { disk });
  expect(planned).toMatchObject({ applied: false, check: { verdict: 'warning' } });
  expect(planned.steps.map(({ action }) => action)).toEqual([`delete ${LEFT}: 65536 bytes come free`]);
  expect(await disk.readdir('/')).toHaveLength(1);
  expect(await repairDrafts('/', { disk, apply: true })).toMatchObject({
    applied: true,
    steps: [{ mends: 'DRAFT_LEFT' }],
    check: { verdict: 'note', findings: [] },
  });
  expect(await disk.readdir('/')).toEqual([]);
});

it('one that is the second name of a disk already goes without the disk', async () => {
  const seams = world();
  await (await StorageObject.create('/disk.lun', { ...seams, sizeBytes: MIB })).close();
  await seams.disk.link('/disk.lun', LEFT);
  const object = await StorageObject.open('/disk.lun', seams);
  const [draft] = await findDrafts('/', seams);
  expect(draft).toMatchObject({ usedBytes: 0 });
  expect(draft?.findings[0]?.message).toContain('a second name of /disk.lun');
  await repairDrafts('/', { ...seams, apply: true });
  expect(await seams.disk.readdir('/')).toEqual(['disk.lun', 'disk.lun.lock']);
  await object.device.write([Buffer.alloc(512, 1)], 0);
  await object.close();
  await (await StorageObject.open('/disk.lun', seams)).close();
});

it('what only has a similar name, or is no file, stays out of it', async () => {
  const directory = tempDirectory();
  for (const name of ['disk.lun.new', 'disk.lun.0123456789AB.new', 'disk.0123456789ab.new.lun'])
    writeFileSync(join(directory, name), 'x');
  mkdirSync(join(directory, 'folder.0123456789ab.new'));
  expect(await findDrafts(directory)).toEqual([]);
  await repairDrafts(directory, { apply: true });
  expect(readdirSync(directory)).toHaveLength(4);
});

it('where no lock tells whether somebody writes it, a person decides', async () => {
  const directory = tempDirectory();
  const path = join(directory, 'disk.lun.0123456789ab.new');
  writeFileSync(path, 'x');
  const disk = createRealDisk({ native: false });
  const [draft] = await findDrafts(directory, { disk });
  expect(draft?.findings).toMatchObject([{ code: 'DRAFT_LEFT' }]);
  expect(draft?.findings[0]?.message).toContain('delete it if nobody is making a disk');
  expect(await repairDrafts(directory, { disk, apply: true })).toMatchObject({ applied: false, steps: [] });
  expect(readdirSync(directory)).toHaveLength(1);
});

it('a catalog has them beside its objects', async () => {
  const seams = world();
  await (await StorageObject.create('/disk.lun', { ...seams, sizeBytes: MIB })).close();
  await leave(seams.disk);
  const { objects, drafts } = await scanCatalog(['/', '/.'], seams);
  expect(objects.map(({ findings }) => findings)).toEqual([[]]);
  expect(codesOf(drafts)).toEqual(['DRAFT_LEFT']);
});

it.each(['open', 'status', 'unlink', 'syncDirectory', 'readdir'] as const)(
  'a repair whose %s fails deletes no draft that is in work and no disk, and can be done again',
  async (call) => {
    for (let nth = 1; nth <= 8; nth++) {
      const seams = world();
      await (await StorageObject.create('/disk.lun', { ...seams, sizeBytes: MIB })).close();
      await leave(seams.disk);
      seams.disk.faults.fail(call, nth, 'EIO');
      const failed = await repairDrafts('/', { ...seams, apply: true }).catch((error: unknown) => error);
      if (failed instanceof Error) expect(failed).toMatchObject({ name: 'ContainerError' });
      seams.disk.faults.clear();
      await repairDrafts('/', { ...seams, apply: true });
      expect(await seams.disk.readdir('/')).toEqual(['disk.lun']);
      await (await StorageObject.open('/disk.lun', seams)).close();
    }
  },
);
