import { SimulatedDisk, SpaceLedger, MemoryDevice } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { checkContainer, PERMISSIONS, StorageObject, type Attributes } from '../../src/index.ts';
import { objectRights } from '../../src/user-rights.ts';

const PATH = '/disk.lun';
const MIB = 2 ** 20;

const device = new MemoryDevice({ size: MIB });
const ledger = new SpaceLedger(device, () => device.allocatedBytes);

async function newObject(attributes: Attributes): Promise<{ disk: SimulatedDisk; object: StorageObject }> {
  const disk = new SimulatedDisk();
  return { disk, object: await StorageObject.create(PATH, { disk, sizeBytes: 8 * MIB, attributes }) };
}

describe('the rights of a user', () => {
  it.each([
    ['read', [false, false, false, false]],
    ['snapshot', [false, true, false, false]],
    ['replicate', [false, true, true, false]],
    ['write', [true, false, false, false]],
    ['admin', [true, true, true, true]],
  ] as const)('with the permission %s are what the documentation says', (permission, expected) => {
    const rights = objectRights([{ name: 'eve', permission }], 'eve', ledger)!;
    const { writes, snapshots, replicates, administers, space } = rights;
    expect([writes, snapshots, replicates, administers]).toEqual(expected);
    expect(space).toBeUndefined();
    expect(PERMISSIONS).toContain(permission);
  });

  it('are all of them where there is no list', () => {
    for (const user of ['eve', undefined]) {
      expect(objectRights(undefined, user, ledger)).toMatchObject({ writes: true, administers: true });
    }
  });

  it.each([
    ['an empty list', []],
    ['a list of others', [{ name: 'bob', permission: 'admin' }]],
    ['a permission of a later version', [{ name: 'eve', permission: 'append' }]],
    ['a permission of the prototype', [{ name: 'eve', permission: 'constructor' }]],
    ['a quota that is none', [{ name: 'eve', permission: 'admin', quotaBytes: '5' }]],
    ['what is no list', { eve: 'admin' }],
    ['nothing', null],
    ['what are no users', [null, 5, 'eve', {}]],
  ])('are none with %s', (_what, users) => {
    expect(objectRights(users, 'eve', ledger)).toBeUndefined();
    expect(objectRights(users, undefined, ledger)).toBeUndefined();
  });

  it('of one object are held to its space together, and follow its list', async () => {
    const users = [
      { name: 'eve', permission: 'write' as const, quotaBytes: 3 * MIB },
      { name: 'bob', permission: 'admin' as const, quotaBytes: 3 * MIB },
    ];
    const { object } = await newObject({ users });
    const { usedBytes } = await object.space();
    expect(usedBytes).toBeLessThan(MIB);
    const [eve, bob] = [object.rightsOf('eve')!.space!, object.rightsOf('bob')!.space!];
    expect(await eve.reserve(0, MIB)).toBe(MIB);
    await expect(bob.reserve(4 * MIB, 3 * MIB)).rejects.toMatchObject({ code: 'BLOCK_NO_SPACE' });
    expect(await bob.availableBytes()).toBe(2 * MIB - usedBytes);
    eve.release(MIB);
    await object.updateAttributes({ users: [{ ...users[0]!, quotaBytes: 0 }] });
    await expect(object.rightsOf('eve')!.space!.reserve(0, 512)).rejects.toMatchObject({
      code: 'BLOCK_NO_SPACE',
    });
    expect(object.rightsOf('bob')).toBeUndefined();
    await object.close();
  });

  it('fail with a failure of the file, not of the program', async () => {
    const { disk, object } = await newObject({
      users: [{ name: 'eve', permission: 'write', quotaBytes: MIB }],
    });
    disk.faults.fail('status', 1, 'EIO');
    await expect(object.rightsOf('eve')!.space!.reserve(0, 512)).rejects.toMatchObject({ code: 'BLOCK_IO' });
    await object.close();
  });
});

it('a list that names somebody twice is refused', async () => {
  const eve = { name: 'eve', permission: 'read' as const };
  const { disk, object } = await newObject({});
  await expect(object.updateAttributes({ users: [eve, { ...eve }] })).rejects.toMatchObject({
    code: 'CONTAINER_BAD_ATTRIBUTES',
    message: expect.stringContaining('names eve twice') as string,
  });
  expect(object.attributes.users).toBeUndefined();
  await object.close();
  expect((await checkContainer(PATH, { disk })).verdict).toBe('note');
});
