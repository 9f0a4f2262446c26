import { connectNbs, NbsServer } from '@lunbox/nbs';
import { expect, it, onTestFinished } from 'vitest';
import { oneDisk } from '../../../nbs/test/support/memory-service.ts';
import { restoreByRedirect } from '../../src/index.ts';

const TARGET = 'iqn.2026-11.com.example:clone';

async function serving() {
  const service = oneDisk();
  const server = new NbsServer({ service, authentication: { anonymous: true } });
  const [host = '', port] = (await server.listen({ host: '127.0.0.1', port: 0 })).split(':');
  const client = await connectNbs({ portals: [{ host, port: Number(port) }] });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  const { handle } = (await client.request('OPEN', { fields: { name: 'disk', readOnly: true } })).fields;
  await client.request('SNAPSHOT_CREATE', { handle: handle!, fields: { name: 's' } });
  return { service, client };
}

it('moves a session to the clone, by the best portal', async () => {
  const { service, client } = await serving();
  const portals = [
    { address: '192.0.2.1', port: 3260 },
    { address: '192.0.2.2', port: 3261 },
  ];
  service.cloneTarget = { targetName: TARGET, lun: 0, portals };
  const moves: unknown[] = [];
  const session = { redirect: async (to: unknown) => void moves.push(to) };
  const asked = { object: 'disk', snapshotName: 's' };
  const report = await restoreByRedirect(client, session, asked, { cloneName: () => 'again' });
  expect(moves).toEqual([{ host: '192.0.2.1', port: 3260, targetName: TARGET }]);
  expect(report.clone).toMatchObject({ object: 'disk', name: 'again', targetName: TARGET });
});

it('moves no session where there is no clone, or nobody knows where it is', async () => {
  const { service, client } = await serving();
  const session = { redirect: () => Promise.reject(new Error('moved')) };
  const restore = (snapshotName: string) =>
    restoreByRedirect(client, session, { object: 'disk', snapshotName });
  await expect(restore('s')).rejects.toMatchObject({ code: 'MANAGER_REFUSED' });
  service.cloneTarget = { targetName: TARGET, lun: 0 };
  await expect(restore('none')).rejects.toMatchObject({ code: 'MANAGER_REFUSED' });
  await expect(restore('s')).rejects.toThrow('does not say where');
});
