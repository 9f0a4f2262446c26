import { SimulatedDisk } from '@lunbox/block';
import { connectNbs, type Fields, type NbsClient } from '@lunbox/nbs';
import { StorageObject } from '@lunbox/storage-object';
import { expect, it, onTestFinished } from 'vitest';
import { actOn } from '../../src/cli/snap-desk.ts';
import { deskOf } from '../../src/cli/snap-verbs.ts';
import { takeGroup, type QuiescedTake } from '../../src/cli/snap-group.ts';
import { createServer } from '../../src/index.ts';
import { ServedSnapshots } from '../../src/served-snapshots.ts';

async function serving() {
  const disk = new SimulatedDisk();
  for (const path of ['/db.lun', '/log.lun'])
    await (await StorageObject.create(path, { disk, sizeBytes: 2 ** 20 })).close();
  const server = await createServer({
    disk,
    portals: ['127.0.0.1:0'],
    targets: [{ luns: [{ path: '/db.lun' }, { path: '/log.lun' }] }],
    nbs: { portals: ['127.0.0.1:0'] },
  });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  const [host = '', port] = server.nbsPortals[0]!.split(':');
  const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
  onTestFinished(() => client.close());
  return { server, client };
}

/** Answers what the server asks. */
async function subscribe(client: NbsClient, held: boolean): Promise<string[]> {
  const { handle } = (await client.request('OPEN', { fields: { name: 'db', readOnly: true } })).fields;
  await client.request('QUIESCE_SUBSCRIBE', { handle: handle! });
  const heard: string[] = [];
  // One that goes cannot say anything any more.
  const say = (what: 'QUIESCE_READY' | 'QUIESCE_HELD', fields: Fields): void =>
    void client.request(what, { fields }).catch(() => undefined);
  client.onEvent((name, { uuid }) => {
    heard.push(name);
    if (name === 'QUIESCE') say('QUIESCE_READY', { uuid: uuid!, level: 'application' });
    if (name === 'RESUME') say('QUIESCE_HELD', { uuid: uuid!, ...(held ? { held } : {}) });
  });
  return heard;
}

it('a snapshot that the server takes has what uses the disk suspended', async () => {
  const { server, client } = await serving();
  expect(await server.snapshots(0).createQuiesced({ name: 'alone' })).toMatchObject({ level: 'crash' });
  const heard = await subscribe(client, true);
  const request = { verb: 'snap-create', lun: 0, name: 'quiet', quiesce: true } as const;
  expect(await actOn(deskOf(server, { lun: 0 }), request)).toMatchObject({
    event: 'created',
    snapshot: { name: 'quiet', level: 'application' },
  });
  expect(heard).toEqual(['QUIESCE', 'SNAPSHOT_INITIATED', 'RESUME']);
  const levelled = actOn(deskOf(server, { lun: 0 }), { ...request, level: 'application' });
  await expect(levelled).rejects.toMatchObject({ code: 'SERVER_BAD_OPTIONS' });
});

it('a group has what uses any of its disks suspended, and is there as a whole or not at all', async () => {
  const { server, client } = await serving();
  const taking = (more: { level?: 'crash'; name?: string } = {}) => {
    const desks = [0, 1].map((lun) => deskOf(server, { lun }));
    const take: QuiescedTake = (options) =>
      ServedSnapshots.createGroupQuiesced(
        desks.map(({ served }) => served),
        options,
      );
    return takeGroup(desks, { name: 'both', quiesce: true, ...more }, take);
  };
  const heard = await subscribe(client, true);
  const { members } = await taking();
  expect(members.map(({ snapshot }) => [snapshot.name, snapshot.level])).toEqual([
    ['both', 'application'],
    ['both', 'application'],
  ]);
  expect(heard).toEqual(['QUIESCE', 'SNAPSHOT_INITIATED', 'RESUME']);
  await expect(taking({ level: 'crash' })).rejects.toMatchObject({ code: 'SERVER_BAD_OPTIONS' });
  await subscribe(client, false);
  await expect(taking({ name: 'again' })).rejects.toMatchObject({ code: 'SERVER_QUIESCE_FAILED' });
  for (const lun of [0, 1]) expect(server.snapshots(lun).set.list()).toHaveLength(1);
});

it('there is none when that went on before, or is not suspended', async () => {
  const { server, client } = await serving();
  await subscribe(client, false);
  const take = (readyMs?: number) => server.snapshots(0).createQuiesced({ name: 's' }, readyMs);
  await expect(take()).rejects.toMatchObject({ code: 'SERVER_QUIESCE_FAILED' });
  const taking = take();
  taking.catch(() => undefined);
  await client.close();
  await expect(taking).rejects.toMatchObject({ code: 'SERVER_QUIESCE_FAILED' });
  expect(server.snapshots(0).set.list()).toEqual([]);
});
