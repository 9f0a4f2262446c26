import { SimulatedDisk } from '@lunbox/block';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  Catalog,
  CatalogScanner,
  scanCatalog,
  StorageObject,
  withOpenObjects,
  type Attributes,
  type CatalogContent,
} from '../../src/index.ts';
import { file, mirror } from '../support/combined.ts';
import { FakeProcesses } from '../support/fake-processes.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const CACHE = '.lunbox-catalog';

let directory: string;
const at = (name: string): string => join(directory, name);

beforeEach(() => {
  directory = tempDirectory();
});

async function newObject(name: string, attributes: Attributes = {}): Promise<string> {
  const object = await StorageObject.create(at(name), { sizeBytes: 2 ** 20, attributes });
  await object.close();
  return Buffer.from(object.identity).toString('hex');
}

const codesOf = (catalog: Catalog): Record<string, string[]> =>
  Object.fromEntries(catalog.objects.map(({ name, findings }) => [name, findings.map(({ code }) => code)]));

describe('a catalog', () => {
  it('finds objects by file name, identity and LUN', async () => {
    const identity = await newObject('a.lun', { name: 'first', location: { lun: 3 } });
    await newObject('b.lun');
    writeFileSync(at('notes.txt'), 'no container');
    mkdirSync(at('deeper'));
    copyFileSync(at('a.lun'), at('deeper/c.lun'));
    const catalog = await scanCatalog([directory]);
    expect(catalog.objects.map(({ name }) => name)).toEqual(['a.lun', 'b.lun']);
    const [object] = catalog.byName('a.lun');
    expect(object).toMatchObject({
      path: at('a.lun'),
      lun: 3,
      title: 'first',
      continuity: 'clean',
      findings: [],
    });
    expect(object?.identity.replaceAll('-', '')).toBe(identity);
    expect(catalog.byIdentity(object!.identity)).toEqual([object]);
    expect(catalog.byLun(3)).toEqual([object]);
    expect([catalog.byName('c.lun'), catalog.byLun(0), catalog.byIdentity('none')]).toEqual([[], [], []]);
  });

  it('is the same from the cache, which keeps no file that has changed', async () => {
    await newObject('a.lun', { name: 'first' });
    await newObject('b.lun');
    const fresh = await scanCatalog([directory]);
    expect(readdirSync(directory)).toContain(CACHE);
    expect(await scanCatalog([directory])).toEqual(fresh);
    const object = await StorageObject.open(at('a.lun'));
    await object.updateAttributes({ name: 'second' });
    expect((await scanCatalog([directory])).byName('a.lun')).toMatchObject([
      { title: 'second', holder: { pid: process.pid } },
    ]);
    await object.close();
    expect((await scanCatalog([directory])).byName('a.lun')).toMatchObject([
      { title: 'second', continuity: 'clean' },
    ]);
  });

  it('does not believe a cache that is damaged, strange, or not about these files', async () => {
    await newObject('a.lun', { name: 'first' });
    const fresh = await scanCatalog([directory]);
    const cache = readFileSync(at(CACHE), 'utf8');
    const lies = [
      cache.replace('first', 'wrong'),
      '',
      '\n',
      'x'.repeat(100_000),
      '00000000\n[[1,2],null,["a.lun",{}]]',
    ];
    for (const lie of lies) {
      writeFileSync(at(CACHE), lie);
      expect(await scanCatalog([directory])).toEqual(fresh);
      expect(readFileSync(at(CACHE), 'utf8')).toBe(cache);
    }
    unlinkSync(at(CACHE));
    await scanCatalog([directory], { withoutCache: true });
    expect(readdirSync(directory)).not.toContain(CACHE);
  });

  it('tells of renamed files once, and of those that are gone', async () => {
    await newObject('a.lun');
    await newObject('b.lun');
    await scanCatalog([directory]);
    renameSync(at('a.lun'), at('c.lun'));
    unlinkSync(at('b.lun'));
    const catalog = await scanCatalog([directory]);
    expect(codesOf(catalog)).toEqual({ 'c.lun': ['RENAMED'] });
    expect(catalog.objects[0]?.findings[0]?.message).toContain('a.lun');
    expect(catalog.gone).toEqual([at('b.lun')]);
    expect(await scanCatalog([directory])).toMatchObject({ gone: [], objects: [{ findings: [] }] });
  });

  it('tells of one that went to another directory, and of one that was served when it was last seen', async () => {
    for (const name of ['one', 'two']) mkdirSync(at(name));
    const both = [at('one'), at('two')];
    await newObject('one/a.lun');
    const object = await StorageObject.open(at('one/a.lun'));
    await scanCatalog(both);
    await object.close();
    renameSync(at('one/a.lun'), at('two/b.lun'));
    const catalog = await scanCatalog(both);
    expect(codesOf(catalog)).toEqual({ 'b.lun': ['RENAMED'] });
    expect(catalog.objects[0]?.findings[0]?.message).toBe(`it was called ${at('one/a.lun')}`);
    expect(catalog.gone).toEqual([]);
    const again = await StorageObject.open(at('two/b.lun'));
    await scanCatalog(both);
    await again.close();
    unlinkSync(at('two/b.lun'));
    expect((await scanCatalog(both)).gone).toEqual([at('two/b.lun')]);
  });

  it('tells of two with one identity, of copies, of two names and of two that want one LUN', async () => {
    await newObject('a.lun', { location: { lun: 1 } });
    copyFileSync(at('a.lun'), at('copy.lun'));
    expect(codesOf(await scanCatalog([directory]))).toEqual({ 'a.lun': [], 'copy.lun': ['FOREIGN'] });
    await (await StorageObject.open(at('copy.lun'), { foreign: 'keep-identity' })).close();
    linkSync(at('a.lun'), at('link.lun'));
    const catalog = await scanCatalog([directory]);
    expect(codesOf(catalog)).toEqual({
      'a.lun': ['SAME_FILE', 'IDENTITY_SHARED', 'LUN_SHARED'],
      'copy.lun': ['IDENTITY_SHARED', 'LUN_SHARED'],
      'link.lun': ['SAME_FILE'],
    });
    expect(catalog.byLun(1).map(({ name }) => name)).toEqual(['a.lun', 'copy.lun']);
  });

  it('tells of files that cannot be used, and goes on', async () => {
    await newObject('a.lun');
    writeFileSync(at('damaged.lun'), readFileSync(at('a.lun')).fill(0xee, 65_536, 200_000));
    writeFileSync(at('text.lun'), 'text');
    mkdirSync(at('directory.lun'));
    symlinkSync(at('nothing'), at('dangling.lun'));
    const { objects, unusable } = await scanCatalog([directory]);
    expect(objects.map(({ name }) => name)).toEqual(['a.lun']);
    expect(Object.fromEntries(unusable.map(({ path, code }) => [path, code]))).toEqual({
      [at('damaged.lun')]: 'CONTAINER_CORRUPT',
      [at('text.lun')]: 'CONTAINER_NOT_LUNBOX',
      [at('directory.lun')]: 'CONTAINER_NOT_LUNBOX',
      [at('dangling.lun')]: 'CONTAINER_IO',
    });
  });

  it('tells of backing files that are missing or others, though the disk in front of them is as it was', async () => {
    const parts = ['a', 'b.lun'].map((name) => ({ kind: 'file' as const, path: name }));
    for (const kind of ['mirror', 'concat'] as const) {
      mkdirSync(at(kind));
      const layout = { kind, parts };
      const wanted = { sizeBytes: 2 ** 21, layout };
      await (await StorageObject.create(at(`${kind}/disk.lun`), wanted)).close();
    }
    const both = [at('mirror'), at('concat')];
    const whole = await scanCatalog(both);
    expect(whole.objects.map(({ findings, layout }) => [findings, layout?.kind])).toEqual([
      [[], 'concat'],
      [[], 'mirror'],
    ]);
    expect(whole.objects[0]!.usedBytes).toBeGreaterThanOrEqual(statSync(at('concat/disk.lun')).blocks * 512);
    expect(whole.parts.map(({ path }) => path).sort()).toEqual([at('concat/b.lun'), at('mirror/b.lun')]);
    for (const name of ['mirror/a', 'concat/a']) renameSync(at(name), at(`${name}.away`));
    const codes = (catalog: Catalog): string[][] =>
      catalog.objects.map(({ findings }) => findings.map(({ code }) => code));
    expect(codes(await scanCatalog(both))).toEqual([['PART_MISSING'], ['MIRROR_DEGRADED']]);
    renameSync(at('mirror/a.away'), at('concat/a'));
    expect(codes(await scanCatalog(both))).toEqual([['PART_WRONG'], ['MIRROR_DEGRADED']]);
    renameSync(at('concat/a'), at('mirror/a'));
    renameSync(at('concat/a.away'), at('concat/a'));
    expect(codes(await scanCatalog(both))).toEqual([[], []]);
  });

  it('tells of one that was written by another program, whatever the cache says', async () => {
    await newObject('a.lun');
    await scanCatalog([directory]);
    const { atimeMs, mtimeMs } = statSync(at('a.lun'));
    utimesSync(at('a.lun'), atimeMs / 1000, mtimeMs / 1000 + 1);
    expect(codesOf(await scanCatalog([directory]))).toEqual({ 'a.lun': ['MODIFIED'] });
  });

  it('takes a directory that is named twice once, and refuses one that is not there', async () => {
    await newObject('a.lun');
    expect((await scanCatalog([directory, `${directory}/.`])).objects).toHaveLength(1);
    await expect(scanCatalog([at('none')])).rejects.toMatchObject({ code: 'CONTAINER_IO' });
  });

  it.each(['open', 'write', 'rename', 'status', 'read', 'readdir'] as const)(
    'survives that %s fails anywhere: it is complete, or says what is missing',
    async (call) => {
      const disk = new SimulatedDisk();
      const processes = new FakeProcesses();
      for (const name of ['/a.lun', '/b.lun'])
        await (await StorageObject.create(name, { disk, processes, sizeBytes: 2 ** 20 })).close();
      for (let nth = 1; nth <= 12; nth++) {
        disk.faults.fail(call, nth, 'EIO');
        const found = await scanCatalog(['/'], { disk, processes }).catch((error: unknown) => error as Error);
        disk.faults.clear();
        if (found instanceof Error) expect(found).toMatchObject({ code: 'CONTAINER_IO' });
        else expect(found.objects.length + found.unusable.length, `${call} ${nth}`).toBe(2);
        expect((await scanCatalog(['/'], { disk, processes })).objects).toHaveLength(2);
      }
    },
  );
});

describe('a catalog with the objects that this process has open', () => {
  const scanned = (scanner: CatalogScanner): Promise<CatalogContent> =>
    scanner.scan([directory], { withoutCache: true });

  it('tells what they are now, not what was read of their files', async () => {
    await newObject('a.lun', { name: 'first', location: { lun: 3 } });
    await newObject('b.lun');
    const scanner = new CatalogScanner();
    const before = await scanned(scanner);
    const object = await StorageObject.open(at('a.lun'));
    await object.grow(2 ** 21);
    await object.updateAttributes({ name: 'second' });
    const catalog = new Catalog(withOpenObjects(before, [await object.catalogEntry()]));
    expect(catalog.objects).toMatchObject([
      {
        name: 'a.lun',
        title: 'second',
        capacityBytes: 2 ** 21,
        open: true,
        lun: 3,
        holder: { pid: process.pid },
        findings: [],
      },
      { name: 'b.lun', capacityBytes: 2 ** 20 },
    ]);
    await object.close();
    await expect(object.catalogEntry()).rejects.toMatchObject({ code: 'CONTAINER_CLOSED' });
    expect(scanner.latest).toBe(before);
    expect(existsSync(at(CACHE))).toBe(false);
  });

  it('follows a file that gets another name, and tells of one that is gone or whose name another one has', async () => {
    await newObject('a.lun');
    await newObject('b.lun');
    const scanner = new CatalogScanner();
    const object = await StorageObject.open(at('a.lun'));
    const codes = async (): Promise<unknown> => {
      const content = withOpenObjects(await scanned(scanner), [await object.catalogEntry()]);
      const { objects, gone } = new Catalog(content);
      return [objects.map(({ name, findings }) => [name, ...findings.map(({ code }) => code)]), gone];
    };
    expect(await codes()).toEqual([[['a.lun'], ['b.lun']], []]);
    renameSync(at('a.lun'), at('c.lun'));
    expect(await codes()).toEqual([[['b.lun'], ['c.lun', 'RENAMED']], []]);
    copyFileSync(at('b.lun'), at('a.lun'));
    expect(await codes()).toEqual([[['a.lun', 'FOREIGN'], ['b.lun'], ['c.lun', 'RENAMED']], []]);
    unlinkSync(at('c.lun'));
    expect(await codes()).toEqual([
      [['a.lun', 'FOREIGN'], ['a.lun', 'FILE_REPLACED'], ['b.lun']],
      [at('c.lun')],
    ]);
    unlinkSync(at('a.lun'));
    expect(await codes()).toEqual([[['a.lun', 'FILE_GONE'], ['b.lun']], [at('a.lun')]]);
    await object.close();
  });

  it('has a copy by the identity that it goes by: its own, or, where somebody wanted that, the same', async () => {
    await newObject('a.lun');
    copyFileSync(at('a.lun'), at('copy.lun'));
    const scanner = new CatalogScanner();
    for (const foreign of ['keep-identity', 'new-identity'] as const) {
      const object = await StorageObject.open(at('copy.lun'), { foreign, readOnly: true });
      const content = withOpenObjects(await scanned(scanner), [await object.catalogEntry()]);
      const { objects } = new Catalog(content);
      const isShared = objects[0]?.identity === objects[1]?.identity;
      expect([foreign, isShared]).toEqual([foreign, foreign === 'keep-identity']);
      const codes = objects.map(({ findings }) => findings.map(({ code }) => code));
      const shared = isShared ? ['IDENTITY_SHARED'] : [];
      expect(codes).toEqual([shared, ['FOREIGN', ...shared]]);
      await object.close();
    }
  });

  it('tells of a sync that has failed, and of parts that are missing', async () => {
    const disk = new SimulatedDisk();
    const seams = { disk, processes: new FakeProcesses() };
    const layout = mirror(file('a'), file('b'));
    const object = await StorageObject.create('/m.lun', { sizeBytes: 2 ** 20, layout, ...seams });
    expect((await object.catalogEntry()).findings).toEqual([]);
    await disk.unlink('/b');
    expect((await object.catalogEntry()).findings).toMatchObject([{ code: 'MIRROR_DEGRADED' }]);
    const single = await StorageObject.create('/s.lun', { sizeBytes: 2 ** 20, ...seams });
    await single.device.write([Buffer.alloc(512, 1)], 0);
    disk.faults.fail('sync', 1, 'EIO');
    await expect(single.device.flush()).rejects.toThrow();
    expect((await single.catalogEntry()).findings).toMatchObject([{ code: 'FAULTED', severity: 'error' }]);
  });
});
