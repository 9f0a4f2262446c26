import { DiskError } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import {
  checkContainer,
  deleteContainer,
  findDrafts,
  repairDrafts,
  scanCatalog,
  StorageObject,
  type NewLayout,
} from '../../src/index.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import {
  block,
  file,
  LAYOUTS,
  mirror,
  PATH,
  read,
  settled,
  SIZE,
  stripe,
  world,
  type World,
} from '../support/combined.ts';
import { HastyClock } from '../support/moody-disk.ts';

const STRIPE = stripe(file('a.img'), file('b.img'));
const MIRROR = mirror(file('a.img'), file('b.img'));

async function make(seams: World, layout: NewLayout, path = PATH): Promise<void> {
  const object = await StorageObject.create(path, { ...seams, sizeBytes: SIZE, layout });
  await object.device.write([block(7)], 0);
  await object.close();
}

/** As `cp` does: the same bytes in another file. */
async function copy({ simulated }: World, from: string, to: string): Promise<void> {
  const [source, target] = [await simulated.open(from, 'read'), await simulated.open(to, 'create')];
  const bytes = Buffer.alloc((await source.status()).sizeBytes);
  await source.read([bytes], 0);
  await target.write([bytes], 0);
  await target.setModifiedTime(Number((await source.status()).mtimeNs / 1_000_000n));
  await Promise.all([source.close(), target.close()]);
}

const namesOf = (seams: World, directory = '/'): Promise<string[]> => seams.simulated.readdir(directory);

describe('deleting a disk of several parts', () => {
  it.each(LAYOUTS)('that is %s takes its files along', async (_name, layout) => {
    const seams = world();
    await make(seams, layout);
    const parts = (await namesOf(seams)).filter((name) => name.endsWith('.img')).map((name) => `/${name}`);
    const deleted = await deleteContainer(PATH, seams);
    expect(deleted).toMatchObject({ path: PATH, kept: [] });
    expect([...deleted.parts].sort()).toEqual(parts);
    expect(await namesOf(seams)).toEqual([]);
  });

  it('keeps them when that is said', async () => {
    const seams = world();
    await make(seams, STRIPE);
    expect(await deleteContainer(PATH, { ...seams, keepParts: true })).toEqual({
      path: PATH,
      parts: [],
      kept: [],
    });
    expect(await namesOf(seams)).toEqual(['a.img', 'b.img']);
  });

  it('keeps what is in the place of a part, and says so', async () => {
    const seams = world();
    await make(seams, STRIPE);
    await make(seams, stripe(file('c.img'), file('d.img')), '/other.lun');
    await seams.simulated.rename('/c.img', '/a.img');
    await expect(deleteContainer(PATH, seams)).rejects.toMatchObject({ code: 'CONTAINER_UNCLEAN' });
    expect(await namesOf(seams)).toEqual(['a.img', 'b.img', 'd.img', 'disk.lun', 'other.lun']);
    const { parts, kept } = await deleteContainer(PATH, { ...seams, force: true });
    expect(parts).toEqual(['/b.img']);
    expect(kept).toEqual([
      { path: '/a.img', reason: expect.stringContaining('it is no part of /disk.lun') as string },
    ]);
    await seams.simulated.rename('/a.img', '/c.img');
    await (await StorageObject.open('/other.lun', seams)).close();
  });

  it('is refused while a part is missing, damaged, or was left behind, unless it is forced', async () => {
    const spoils: ((seams: World) => Promise<void>)[] = [
      ({ simulated }) => simulated.unlink('/a.img'),
      async ({ simulated }) => {
        const part = await simulated.open('/a.img', 'write');
        await part.truncate(100_000);
        await part.close();
      },
      async (seams) => {
        await seams.simulated.rename('/a.img', '/away.img');
        const object = await StorageObject.open(PATH, seams);
        await object.device.write([block(8)], 0);
        await object.close();
        await seams.simulated.rename('/away.img', '/a.img');
      },
    ];
    for (const spoil of spoils) {
      const seams = world();
      await make(seams, MIRROR);
      await spoil(seams);
      await expect(deleteContainer(PATH, seams)).rejects.toMatchObject({ code: 'CONTAINER_UNCLEAN' });
      expect(await namesOf(seams)).toContain('b.img');
      const { parts } = await deleteContainer(PATH, { ...seams, force: true });
      expect(parts).toContain('/b.img');
      expect(await namesOf(seams)).not.toContain('disk.lun');
    }
  });

  it('is refused while somebody serves it, and while a part is in use', async () => {
    const seams = world();
    await make(seams, STRIPE);
    const object = await StorageObject.open(PATH, seams);
    const other = { ...seams, processes: new FakeProcesses({ pid: 2 }), force: true };
    await expect(deleteContainer(PATH, other)).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await object.close();
    const part = await seams.simulated.open('/b.img', 'write');
    for (const offset of [101, 201]) part.lock({ offset, length: 1, exclusive: false });
    await expect(deleteContainer(PATH, other)).rejects.toMatchObject({ code: 'CONTAINER_LOCKED' });
    await part.close();
    expect(await namesOf(seams)).toEqual(['a.img', 'b.img', 'disk.lun']);
    await (await StorageObject.open(PATH, seams)).close();
  });

  it('under one of two names leaves it to the other', async () => {
    const seams = world();
    await make(seams, STRIPE);
    await seams.simulated.link(PATH, '/second.lun');
    const { parts, kept } = await deleteContainer(PATH, seams);
    expect([parts, kept.map(({ path }) => path)]).toEqual([[], ['/a.img', '/b.img']]);
    const object = await StorageObject.open('/second.lun', seams);
    expect(await read(object.device)).toEqual(block(7));
    await object.close();
  });

  it('that is a copy leaves the parts of the original', async () => {
    const seams = world();
    await make(seams, STRIPE);
    await copy(seams, PATH, '/copy.lun');
    const { parts, kept } = await deleteContainer('/copy.lun', seams);
    expect([parts, kept.map(({ path }) => path)]).toEqual([[], ['/a.img', '/b.img']]);
    const object = await StorageObject.open(PATH, seams);
    expect(await read(object.device)).toEqual(block(7));
    await object.close();
  });

  it('that is a copy takes its own parts along', async () => {
    const seams = world();
    await make(seams, STRIPE);
    await seams.simulated.mkdir('/copy');
    for (const name of await namesOf(seams))
      if (name !== 'copy') await copy(seams, `/${name}`, `/copy/${name}`);
    const { parts } = await deleteContainer('/copy/disk.lun', seams);
    expect(parts).toEqual(['/copy/a.img', '/copy/b.img']);
    expect(await namesOf(seams, '/copy')).toEqual([]);
    await (await StorageObject.open(PATH, seams)).close();
  });

  it('that was cut short is told of by check and catalog, refused by others, and finished', async () => {
    const seams = world();
    await make(seams, STRIPE);
    const unlink = seams.simulated.unlink.bind(seams.simulated);
    seams.simulated.unlink = async (path) => {
      if (path === '/b.img') throw new DiskError('EIO', 'unlink', path);
      await unlink(path);
    };
    await expect(deleteContainer(PATH, seams)).rejects.toMatchObject({ code: 'CONTAINER_IO' });
    seams.simulated.unlink = unlink;
    expect(await namesOf(seams)).toEqual(['b.img', 'disk.lun']);
    const { findings, verdict } = await checkContainer(PATH, seams);
    expect(verdict).toBe('warning');
    expect(findings.map(({ code }) => code)).toContain('DELETION_UNFINISHED');
    const { objects } = await scanCatalog(['/'], { ...seams, withoutCache: true });
    expect(objects[0]?.findings.map(({ code }) => code)).toContain('DELETION_UNFINISHED');
    await expect(StorageObject.open(PATH, seams)).rejects.toMatchObject({ code: 'CONTAINER_DELETING' });
    await deleteContainer(PATH, seams);
    expect(await namesOf(seams)).toEqual([]);
  });
});

describe('a draft of a disk of several parts', () => {
  /** As a `create` leaves it that is killed when it has made its parts. */
  async function abandon(seams: World): Promise<string> {
    let stop = (): void => undefined;
    const { simulated } = seams;
    const link = simulated.link.bind(simulated);
    const reached = new Promise<void>((resolve) => (stop = resolve));
    simulated.link = async (from, to) => {
      if (to !== PATH) return await link(from, to);
      stop();
      await new Promise(() => undefined);
    };
    void StorageObject.create(PATH, { ...seams, sizeBytes: SIZE, layout: STRIPE });
    await reached;
    simulated.link = link;
    const during = await findDrafts('/', seams);
    expect(during[0]?.findings.map(({ code }) => code)).toEqual(['DRAFT_IN_WORK']);
    expect(await repairDrafts('/', { ...seams, apply: true })).toMatchObject({ applied: false });
    simulated.endProcesses();
    return (await namesOf(seams)).find((name) => name.endsWith('.new')) as string;
  }

  it('names the parts that were made for it, and goes with them', async () => {
    const seams = world();
    const draft = await abandon(seams);
    expect(await namesOf(seams)).toEqual(['a.img', 'b.img', draft]);
    const [found] = await findDrafts('/', seams);
    expect(found).toMatchObject({ parts: ['/a.img', '/b.img'], findings: [{ code: 'DRAFT_LEFT' }] });
    expect(found?.findings[0]?.message).toContain('with its parts /a.img, /b.img');
    const planned = await repairDrafts('/', seams);
    expect(planned.steps[0]?.action).toContain('/a.img, /b.img');
    await repairDrafts('/', { ...seams, apply: true });
    expect(await namesOf(seams)).toEqual([]);
  });

  it('leaves what is in the place of its parts', async () => {
    const seams = world();
    const draft = await abandon(seams);
    await seams.simulated.unlink('/a.img');
    const clock = new HastyClock();
    await make({ ...seams, clock }, stripe(file('a.img'), file('c.img')), '/other.lun');
    const [found] = await findDrafts('/', seams);
    expect(found?.parts).toEqual(['/b.img']);
    await repairDrafts('/', { ...seams, apply: true });
    expect(await namesOf(seams)).toEqual(['a.img', 'c.img', 'other.lun']);
    expect(draft).toMatch(/\.new$/);
    await (await StorageObject.open('/other.lun', seams)).close();
  });

  it('that has become a disk under another name goes alone', async () => {
    const seams = world();
    await make(seams, MIRROR);
    // The power went before the draft did, and somebody has renamed the disk since.
    await seams.simulated.link(PATH, '/disk.lun.0123456789ab.new');
    await seams.simulated.rename(PATH, '/renamed.lun');
    const [found] = await findDrafts('/', seams);
    expect(found?.parts).toEqual([]);
    await repairDrafts('/', { ...seams, apply: true });
    const object = await StorageObject.open('/renamed.lun', seams);
    await settled(object);
    expect(await read(object.device)).toEqual(block(7));
    await object.close();
    expect(await namesOf(seams)).toEqual(['a.img', 'b.img', 'renamed.lun']);
  });

  it('that is a copy of a disk goes alone', async () => {
    const seams = world();
    await make(seams, STRIPE);
    await copy(seams, PATH, '/disk.lun.0123456789ab.new');
    await repairDrafts('/', { ...seams, apply: true });
    expect(await namesOf(seams)).toEqual(['a.img', 'b.img', 'disk.lun']);
  });
});
