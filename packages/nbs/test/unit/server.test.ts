import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import {
  connectNbs,
  makeVerifier,
  NbsDisk,
  nodeSaslCrypto,
  NbsServer,
  type NbsClientError,
  type ConnectOptions,
  type NbsServerOptions,
} from '../../src/index.ts';
import { MemoryService, oneDisk } from '../support/memory-service.ts';

async function serve(options: Partial<NbsServerOptions> = {}, service = oneDisk()) {
  const server = new NbsServer({ service, authentication: { anonymous: true }, ...options });
  onTestFinished(() => server.close());
  const [host, port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
  const address = { host: host!, port: Number(port) };
  const client = async (more: Partial<ConnectOptions> = {}) => {
    const connected = await connectNbs({ portals: [address], ...more });
    onTestFinished(() => connected.close());
    return connected;
  };
  return { server, service, address, client };
}

const bytes = (length: number, seed: number) =>
  createHash('shake256', { outputLength: length }).update(String(seed)).digest();

it('reads, writes, trims and flushes an object over TCP, in pieces where it is long', async () => {
  const { client } = await serve({}, oneDisk(8 << 20));
  const disk = await NbsDisk.open(await client({ digest: true }), { name: 'disk' });
  const data = bytes(5 << 20, 1);
  await disk.write([data.subarray(0, 512), data.subarray(512)], 1 << 20);
  await disk.flush();
  const found = new Uint8Array(data.length);
  await disk.read([found.subarray(0, 100 * 512), found.subarray(100 * 512)], 1 << 20);
  expect(Buffer.compare(found, data)).toBe(0);
  await disk.unmap(1 << 20, 1 << 20);
  await disk.read([found.subarray(0, 512)], 1 << 20);
  expect(found.subarray(0, 512)).toEqual(new Uint8Array(512));
  expect((await disk.extents(0, 8 << 20)).map(({ state }) => state)).toEqual(['hole', 'mapped', 'hole']);
  await disk.close();
});

it('listens at a UNIX socket', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lunbox-nbs-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const { server } = await serve();
  const path = await server.listen({ path: join(directory, 'nbs.sock') });
  const client = await connectNbs({ portals: [{ path }] });
  expect((await client.request('OBJECT_LIST')).fields.object?.[0]).toMatchObject({
    name: 'disk',
    sizeBytes: 1 << 20,
  });
  await client.close();
});

it('lets in who knows the password, as that user, and hides what the user may not see', async () => {
  const salt = Uint8Array.from(bytes(16, 2));
  const verifier = await makeVerifier(nodeSaslCrypto, 'pencil', { salt, iterations: 4096 });
  const verifierOf = (user: string) => (user === 'user' ? verifier : undefined);
  const service = new MemoryService([
    ...oneDisk(1 << 20, { users: ['user'] }).objects,
    ...oneDisk(1 << 20, { name: 'other', users: [] }).objects,
  ]);
  const { client } = await serve({ authentication: { anonymous: false, verifierOf } }, service);
  const good = await client({ credentials: { user: 'user', password: 'pencil' } });
  expect((await good.request('OBJECT_LIST')).fields.object?.map(({ name }) => name)).toEqual(['disk']);
  await expect(good.request('OPEN', { fields: { name: 'other' } })).rejects.toMatchObject({
    status: 'NOENT',
  });
  for (const credentials of [
    { user: 'user', password: 'pen' },
    { user: 'nobody', password: 'pencil' },
  ])
    await expect(client({ credentials })).rejects.toMatchObject({
      code: 'NBS_OPEN_FAILED',
      status: 'AUTH_FAILED',
    });
  await expect(client()).rejects.toMatchObject({ code: 'NBS_OPEN_FAILED' });
});

it('makes who guesses wait, and others not', async () => {
  const salt = Uint8Array.from(bytes(16, 2));
  const verifier = await makeVerifier(nodeSaslCrypto, 'pencil', { salt, iterations: 4096 });
  const { client } = await serve({
    authentication: { anonymous: false, verifierOf: () => verifier },
    limits: { authFailures: 3, lockOutMs: 60_000 },
  });
  const open = (user: string, password: string) => client({ credentials: { user, password } });
  const failed = (message: RegExp) => ({
    status: 'AUTH_FAILED',
    message: expect.stringMatching(message) as string,
  });
  for (let guess = 0; guess < 3; guess++)
    await expect(open('user', `guess ${guess}`)).rejects.toMatchObject(failed(/wrong/));
  await expect(open('user', 'pencil')).rejects.toMatchObject(failed(/too many proofs/));
  await open('other', 'pencil');
  // Many names are no way around it.
  for (let name = 0; name < 21; name++) await expect(open(`name ${name}`, 'guess')).rejects.toBeDefined();
  await expect(open('other', 'pencil')).rejects.toMatchObject(failed(/too many proofs/));
});

it('takes a bearer token for its user', async () => {
  const userOfToken = (token: string) => (token === 'good' ? 'user' : undefined);
  const { client } = await serve({ authentication: { anonymous: false, userOfToken } });
  const good = await client({ credentials: { token: 'good' } });
  expect((await good.request('SERVER_STATUS')).fields.user).toBe('user');
  await expect(client({ credentials: { token: 'bad' } })).rejects.toMatchObject({ status: 'AUTH_FAILED' });
});

it('ends a connection that does not speak NBS', async () => {
  const { address } = await serve();
  const socket = connect(address);
  socket.end(
    'GET / HTTP/1.1\r\nHost: localhost\r\nAccept: everything that fills more than a header of 64 bytes\r\n\r\n',
  );
  await new Promise((resolve) =>
    socket
      .on('close', resolve)
      .on('error', () => undefined)
      .resume(),
  );
});

it('has one writer unless all of them share, and fences off who is taken over', async () => {
  const { client } = await serve();
  const one = await NbsDisk.open(await client(), { name: 'disk' });
  await expect(NbsDisk.open(await client(), { name: 'disk' })).rejects.toMatchObject({ code: 'BLOCK_BUSY' });
  await expect(NbsDisk.open(await client(), { name: 'disk', shared: true })).rejects.toMatchObject({
    code: 'BLOCK_BUSY',
  });
  const reader = await NbsDisk.open(await client(), { name: 'disk', readOnly: true });
  await expect(async () => reader.write([new Uint8Array(512)], 0)).rejects.toMatchObject({
    code: 'BLOCK_READ_ONLY',
  });
  const other = await NbsDisk.open(await client(), { name: 'disk', exclusive: true });
  await other.write([bytes(512, 3)], 0);
  await expect(one.write([bytes(512, 4)], 0)).rejects.toMatchObject({ code: 'BLOCK_RESERVED' });
  const found = new Uint8Array(512);
  await one.read([found], 0);
  expect(Buffer.compare(found, bytes(512, 3))).toBe(0);
});

it('compares and writes as one action', async () => {
  const { client } = await serve();
  const disk = await NbsDisk.open(await client(), { name: 'disk' });
  expect(await disk.compareAndWrite(new Uint8Array(512), bytes(512, 5), 512)).toBe(true);
  expect(await disk.compareAndWrite(new Uint8Array(512), bytes(512, 6), 512)).toBe(false);
});

it('copies a range within an object, and refuses one onto itself', async () => {
  const { client } = await serve({}, oneDisk(8 << 20));
  const disk = await NbsDisk.open(await client(), { name: 'disk' });
  const data = bytes(3 << 20, 7);
  await disk.write([data], 0);
  const sourceHandle = 1;
  await disk.request('COPY_RANGE', {
    offset: 4 << 20,
    length: 3 << 20,
    fields: { sourceHandle, sourceOffset: 0 },
  });
  const found = new Uint8Array(data.length);
  await disk.read([found], 4 << 20);
  expect(Buffer.compare(found, data)).toBe(0);
  const overlapping = { offset: 512, length: 1024, fields: { sourceHandle, sourceOffset: 0 } };
  await expect(disk.request('COPY_RANGE', overlapping)).rejects.toMatchObject({ status: 'INVAL' });
});

it('tells what has changed since a snapshot, as much as one answer can', async () => {
  const { client } = await serve({}, oneDisk(8 << 20));
  const disk = await NbsDisk.open(await client(), { name: 'disk' });
  const ask = (offset: number, length: number) =>
    disk.request('BLOCK_STATUS', { offset, length, fields: { context: 'changed', from: 'before' } });
  const first = await ask(256, (8 << 20) - 256);
  expect(first.extent?.[0]).toEqual({ offset: 256, length: 256, state: 'changed' });
  expect(first.extent).toHaveLength(1024);
  expect(first.length).toBe(1024 * 1024 - 256);
  const rest = await ask(1024 * 1024, 7 << 20);
  expect([rest.extent?.length, rest.length]).toEqual([976, 7 << 20]);
});

it('takes snapshots, and tells all who have the object open', async () => {
  const { client } = await serve();
  const disk = await NbsDisk.open(await client(), { name: 'disk' });
  const watcher = await client();
  await watcher.request('OPEN', { fields: { name: 'disk', readOnly: true } });
  const heard = new Promise((resolve) => watcher.onEvent((name, fields) => resolve({ name, fields })));
  await disk.request('SNAPSHOT_CREATE', { fields: { name: 'before' } });
  expect(await heard).toMatchObject({
    name: 'SNAPSHOT_INITIATED',
    fields: { snapshot: [{ name: 'before' }] },
  });
  expect((await disk.request('SNAPSHOT_LIST')).snapshot?.map(({ name }) => name)).toEqual(['before']);
});

it('refuses what the user may not do', async () => {
  const { client } = await serve({}, oneDisk(1 << 20, { permissions: { snapshot: false, admin: false } }));
  const disk = await NbsDisk.open(await client(), { name: 'disk' });
  for (const [name, fields] of [
    ['SNAPSHOT_CREATE', {}],
    ['SNAPSHOT_RESTORE', { snapshotName: 'x' }],
    ['RESIZE', { sizeBytes: 2 << 20 }],
  ] as const)
    await expect(disk.request(name, { fields })).rejects.toMatchObject({ status: 'PERM' });
});

it('prepares so many groups of a session and no more, also at once, and gives them up with it', async () => {
  const { client, service } = await serve();
  const one = await client();
  const { handle } = (await one.request('OPEN', { fields: { name: 'disk', readOnly: true } })).fields;
  const prepare = () => one.request('GROUP_PREPARE', { fields: { object: [{ handle: handle! }] } });
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, prepare));
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  expect(refused.map(({ reason }) => (reason as NbsClientError).status)).toEqual(Array(4).fill('LIMIT'));
  expect(service.undecided.size).toBe(16);
  await one.close();
  expect(service.undecided.size).toBe(0);
});
