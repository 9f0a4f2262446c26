import { StorageObject } from '@lunbox/storage-object';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readLocations } from '../../src/cli/disk-locations.ts';
import { lunsFromFlags } from '../../src/cli/lun-flags.ts';
import { createServer } from '../../src/index.ts';
import { numberLuns } from '../../src/lun-numbers.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let directory: TempDirectory;

beforeEach(() => {
  directory = makeTempDirectory('luns');
});

afterEach(() => {
  directory.remove();
});

async function newDisk(name: string, lun?: number): Promise<string> {
  const path = directory.file(name);
  const attributes = lun === undefined ? {} : { location: { lun } };
  await (await StorageObject.create(path, { sizeBytes: 2 ** 20, attributes })).close();
  return path;
}

const wish = (lun?: number, name = `${lun}.lun`) => ({ name, lun });

describe('LUNs', () => {
  it('are those that disks want to be, and the lowest that are free', () => {
    expect(numberLuns([wish(), wish(0), wish(), wish(3), wish()])).toEqual([1, 0, 2, 3, 4]);
    expect(numberLuns([wish(), wish()])).toEqual([0, 1]);
  });

  it.each([
    [
      [wish(2, 'a.lun'), wish(), wish(2, 'b.lun')],
      'a.lun and b.lun both want to be LUN 2; give one another location.lun',
    ],
    [[wish(256, 'a.lun')], 'a.lun wants to be LUN 256; there are 0 to 255'],
    [[wish(-1, 'a.lun')], 'a.lun wants to be LUN -1; there are 0 to 255'],
    [[wish(0.5, 'a.lun')], 'a.lun wants to be LUN 0.5; there are 0 to 255'],
  ])('that cannot be are refused by name', (wishes, message) => {
    expect(() => numberLuns(wishes)).toThrow(message);
  });

  it('that disks say they are is what they are served as, and what flags mean', async () => {
    const paths = [await newDisk('a.lun', 7), await newDisk('b.lun'), directory.file('missing.lun')];
    const wishes = await readLocations(paths);
    expect(wishes.map(({ lun }) => lun)).toEqual([7, undefined, undefined]);
    const luns = lunsFromFlags(wishes.slice(0, 2), { writeProtect: [7] });
    expect(() => lunsFromFlags(wishes, { writeProtect: [2] })).toThrow(
      '--write-protect 2: there are the LUNs 0, 1, 7',
    );
    const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns }] });
    await server.start();
    onTestFinished(() => server.stop({ timeoutMs: 0 }));
    expect(server.targets[0]!.luns).toMatchObject([
      { lun: 7, path: paths[0], readOnly: true },
      { lun: 0, path: paths[1], readOnly: false },
    ]);
    expect(server.url(7)).toMatch(/\/7$/);
    expect(() => server.url(1)).toThrow('no LUN 1');
    server.setPortGroup(1, { state: 'standby' });
    expect(server.targets[0]!.luns.map(({ portGroups }) => portGroups[0]?.state)).toEqual([
      'standby',
      'standby',
    ]);
  });

  it('that two disks say they are are refused before any of them is opened', async () => {
    const luns = [
      { path: await newDisk('a.lun'), lun: 1 },
      { path: await newDisk('b.lun'), lun: 1 },
    ];
    await expect(createServer({ targets: [{ luns }] })).rejects.toMatchObject({
      code: 'SERVER_BAD_OPTIONS',
      message: expect.stringMatching(/a\.lun and .*b\.lun both want to be LUN 1/) as string,
    });
  });
});
