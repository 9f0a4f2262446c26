import { afterEach, expect, it, vi } from 'vitest';
import { UnflushedChanges } from '../../src/client/unflushed.ts';
import { Quiesce } from '../../src/server/quiesce.ts';
import { ServerSession } from '../../src/server/session.ts';
import { playSessionHistory } from '../support/session-history.ts';

vi.setConfig({ testTimeout: 120_000 });

const SEEDS = 300;

/** Whether one of the histories notices. */
async function isNoticed(profile: string): Promise<boolean> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { wrong } = await playSessionHistory(profile, seed);
    if (wrong !== undefined) return true;
  }
  return false;
}

afterEach(() => {
  vi.restoreAllMocks();
});

it('a server that does again what was sent again is caught', async () => {
  vi.spyOn(ServerSession.prototype, 'once').mockImplementation((_key, work) => work());
  expect(await isNoticed('nbs-cuts')).toBe(true);
});

it('a server that does not wait for what came by an earlier connection is caught', async () => {
  vi.spyOn(ServerSession.prototype, 'settled').mockImplementation(() => Promise.resolve());
  expect(await isNoticed('nbs-cuts')).toBe(true);
});

it('a server that sends no event again is caught', async () => {
  vi.spyOn(ServerSession.prototype, 'resendEvents').mockImplementation(() => undefined);
  expect(await isNoticed('nbs-cuts')).toBe(true);
});

it('a server that decides about a group again is caught', async () => {
  vi.spyOn(ServerSession.prototype, 'takePrepared').mockImplementation(function (this: ServerSession, uuid) {
    return this.prepared.get(uuid)?.group;
  });
  expect(await isNoticed('nbs-calm')).toBe(true);
});

it('a server that keeps a snapshot before which something went on is caught', async () => {
  const { tell } = Quiesce.prototype;
  vi.spyOn(Quiesce.prototype, 'tell').mockImplementation(function (this: Quiesce, uuid, session, said) {
    tell.call(this, uuid, session, said.held === undefined ? said : { held: true });
  });
  expect(await isNoticed('nbs-calm')).toBe(true);
});

it('a disk that forgets what is not durable is caught', async () => {
  vi.spyOn(UnflushedChanges.prototype, 'all', 'get').mockImplementation(() => []);
  expect(await isNoticed('nbs-restarts')).toBe(true);
});
