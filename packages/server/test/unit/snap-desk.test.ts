import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import { expect, it } from 'vitest';
import { makeDisk, openSet } from '../../../snapshot/test/support/model.ts';
import { actOn, type SnapDesk, type SnapList } from '../../src/cli/snap-desk.ts';
import { snapRequest } from '../../src/cli/snap-source.ts';

it('a snapshot that is deleted while the list is made is left out of it', async () => {
  const disk = new SimulatedDisk();
  await makeDisk(disk);
  const set = await openSet(disk, new SeededRandom(1));
  const desk: SnapDesk = {
    disk: 'disk.lun',
    set,
    lunOf: () => undefined,
    delete: (id) => set.delete(id),
  };
  await set.create({ name: 'first' });
  const { id } = await set.create({ name: 'second' });
  await set.create({ name: 'third' });
  const listing = actOn(desk, snapRequest('snap-ls', {}));
  await set.delete(id);
  const { snapshots } = (await listing) as SnapList;
  expect(snapshots.map(({ name }) => name)).toEqual(['first', 'third']);
  await set.close();
});
