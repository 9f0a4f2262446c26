import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { connectNbs, NbsServer, type Fields, type NbsClient } from '../../src/index.ts';
import { oneDisk, type MemoryService } from '../support/memory-service.ts';

let service: MemoryService;
let connect: () => Promise<NbsClient>;

beforeEach(async () => {
  service = oneDisk();
  const limits = { maxSuspendedMs: 200 };
  const server = new NbsServer({ service, authentication: { anonymous: true }, limits });
  const [host = '', port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
  onTestFinished(() => server.close());
  connect = async () => {
    const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
    onTestFinished(() => client.close());
    return client;
  };
});

const open = async (client: NbsClient): Promise<number> =>
  (await client.request('OPEN', { fields: { name: 'disk', readOnly: true } })).fields.handle!;

/** A client that answers as it is told, and what it has heard and done. */
async function agent(answer: { readonly level?: string; readonly held?: true; readonly silent?: true }) {
  const client = await connect();
  const handle = await open(client);
  await client.request('QUIESCE_SUBSCRIBE', { handle });
  const heard: string[] = [];
  client.onEvent((name, { uuid, object }) => {
    heard.push(name === 'QUIESCE' ? `QUIESCE ${object?.map((each) => each.handle === handle).join()}` : name);
    const say = (what: 'QUIESCE_READY' | 'QUIESCE_REFUSE' | 'QUIESCE_HELD', more: Fields = {}) =>
      void client.request(what, { fields: { uuid: uuid!, ...more } });
    if (name === 'RESUME') say('QUIESCE_HELD', answer.held === undefined ? {} : { held: true });
    if (name !== 'QUIESCE' || answer.silent) return;
    if (answer.level === undefined) say('QUIESCE_REFUSE', { reason: 'it is busy' });
    else say('QUIESCE_READY', { level: answer.level });
  });
  return { client, heard };
}

async function take(fields: Fields = {}): Promise<Fields | undefined> {
  const client = await connect();
  const asked = { name: 's', quiesce: true, ...fields } as const;
  const reply = await client.request('SNAPSHOT_CREATE', { handle: await open(client), fields: asked });
  return reply.fields.snapshot?.[0];
}

const failed = (text: RegExp) => ({
  status: 'QUIESCE_FAILED',
  message: expect.stringMatching(text) as string,
});

it('suspends what uses the object, takes the snapshot, and resumes', async () => {
  const { heard } = await agent({ level: 'application', held: true });
  service.delay = async () => void heard.push('taken');
  expect(await take()).toMatchObject({ name: 's', level: 'application' });
  expect(heard).toEqual(['QUIESCE true', 'taken', 'SNAPSHOT_INITIATED', 'RESUME']);
});

it('has the level of the least sure of them, and of a crash where there are none', async () => {
  expect(await take({ name: 'alone' })).toMatchObject({ level: 'crash' });
  await agent({ level: 'application', held: true });
  await agent({ level: 'filesystem', held: true });
  expect(await take()).toMatchObject({ level: 'filesystem' });
});

it('takes none when one of them refuses, is late, or goes; all may go on', async () => {
  const ready = await agent({ level: 'application', held: true });
  const refusing = await agent({});
  await expect(take()).rejects.toMatchObject(failed(/it is busy/));
  await refusing.client.close();
  const silent = await agent({ silent: true });
  await expect(take({ readyMs: 20 })).rejects.toMatchObject(failed(/not all were ready within 20 ms/));
  expect(silent.heard).toEqual(['QUIESCE true', 'RESUME']);
  const going = take();
  while (silent.heard.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await silent.client.close();
  await expect(going).rejects.toMatchObject(failed(/has gone/));
  expect(ready.heard).toEqual(['QUIESCE true', 'RESUME', 'QUIESCE true', 'RESUME', 'QUIESCE true', 'RESUME']);
  expect([...service.taken.keys()]).toEqual([]);
});

it('deletes the snapshot when something went on before it was taken', async () => {
  await agent({ level: 'application' });
  await expect(take()).rejects.toMatchObject(failed(/went on before/));
  expect([...service.taken.keys()]).toEqual([]);
});

it('lets all go on when the snapshot takes too long, and deletes it then', async () => {
  const { heard } = await agent({ level: 'application', held: true });
  service.delay = () => new Promise((resolve) => setTimeout(resolve, 400));
  await expect(take()).rejects.toMatchObject(failed(/went on before/));
  expect(heard).toEqual(['QUIESCE true', 'RESUME', 'SNAPSHOT_INITIATED']);
  expect([...service.taken.keys()]).toEqual([]);
});

it('asks for one thing at a time', async () => {
  const { heard } = await agent({ level: 'application', held: true });
  service.delay = () => new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([take({ name: 'one' }), take({ name: 'two' })]);
  const once = ['QUIESCE true', 'SNAPSHOT_INITIATED', 'RESUME'];
  expect(heard).toEqual([...once, ...once]);
});

it('asks nobody who has closed the object, or when nobody asks for that', async () => {
  const { client, heard } = await agent({ level: 'application', held: true });
  const other = await connect();
  await other.request('SNAPSHOT_CREATE', { handle: await open(other), fields: { name: 'plain' } });
  expect(heard).toEqual(['SNAPSHOT_INITIATED']);
  await client.request('CLOSE', { handle: 1 });
  expect(await take()).toMatchObject({ level: 'crash' });
  await expect(take({ level: 'application' })).rejects.toMatchObject({ status: 'INVAL' });
  // What is over is nobody's any more.
  const uuid = '22222222-2222-4222-8222-222222222222';
  await client.request('QUIESCE_READY', { fields: { uuid, level: 'application' } });
});
