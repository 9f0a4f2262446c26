import { MemoryDevice } from '@lunbox/block';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Asker } from '../../src/cli/control-socket.ts';
import { control, type Controlled } from '../../src/cli/control-verbs.ts';
import { createServer } from '../../src/index.ts';
import { controlledBy } from '../support/controlled.ts';

const INITIATOR = 'iqn.1994-05.com.example:controlled';

async function newControlled(): Promise<Controlled> {
  const luns = [{ device: new MemoryDevice({ size: 2 ** 20 }), identity: new Uint8Array(16) }];
  const server = await createServer({ portals: ['127.0.0.1:0'], targets: [{ luns }] });
  await server.start();
  onTestFinished(() => server.stop({ timeoutMs: 0 }));
  return await controlledBy(server);
}

/** An asker, who has begun when that settles, and goes away when told to. */
function newAsker(): Asker & { readonly begun: Promise<void>; readonly leave: () => void } {
  let [begin, leave] = Array<() => void>(2).fill(() => undefined);
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const ended = new Promise<void>((resolve) => (leave = resolve));
  return { begun, ended, begin: () => begin?.(), progress: () => undefined, leave: () => leave?.() };
}

describe('a control request', () => {
  it.each<[string, unknown, RegExp]>([
    ['that is no object', 7, /there are the verbs status, /],
    ['that is nothing', null, /there are the verbs/],
    ['without a verb', {}, /there are the verbs/],
    ['with a verb from the prototype', { verb: 'constructor' }, /there are the verbs/],
    ['with a verb that is no string', { verb: ['status'] }, /there are the verbs/],
    [
      'with a number as initiator',
      { verb: 'redirect', address: 'x:1', initiator: 5 },
      /"initiator" is a str/,
    ],
    ['with an object as address', { verb: 'redirect', address: {} }, /"address" is a string/],
    ['with null as address', { verb: 'redirect', address: null }, /"address" is a string/],
    ['with a word as number', { verb: 'redirect', address: 'x:1', sessions: '2' }, /"sessions" is a whole/],
    ['with a tag that is none', { verb: 'redirect', address: 'x:1', portalGroup: 0x10000 }, /1 to 65535/],
    ['with a word as truth', { verb: 'redirect', address: 'x:1', permanent: 'no' }, /true or false/],
    ['with half a millisecond', { verb: 'drain', timeoutMs: 0.5 }, /whole number of milliseconds/],
    ['with more time than initiators can be told', { verb: 'drain', timeoutMs: 65_535_001 }, /at most/],
    ['with a field of another verb', { verb: 'drain', initiator: INITIATOR }, /does not belong to drain/],
    ['with a field that is none', { verb: 'drain', toString: 1 }, /"toString" does not belong to drain/],
    ['to eject from no LUN', { verb: 'eject' }, /eject needs "lun"/],
    ['for a group without a state', { verb: 'alua', portalGroup: 1 }, /alua needs "state"/],
    ['for no access state', { verb: 'alua', portalGroup: 1, state: 'asleep' }, /one of active\/optimized, /],
    ['for no group', { verb: 'alua', portalGroup: 9, state: 'standby' }, /no portal group 9/],
    ['to end the redirection of one', { verb: 'redirect', initiator: INITIATOR }, /ends every redirection/],
    ['with an address that is none', { verb: 'redirect', address: 'x:99999' }, /write HOST:PORT/],
    ['with a name that is none', { verb: 'redirect', address: 'x:1', initiator: 'x' }, /not an iSCSI name/],
  ])('%s is refused, and changes nothing', async (_what, request, message) => {
    const controlled = await newControlled();
    controlled.redirects.add({ address: 'old:1', permanent: false });
    const refused = control(controlled, request, newAsker());
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ name: 'ServerError' });
    expect([controlled.draining, controlled.redirects.rules.length]).toEqual([false, 1]);
  });

  it('adds and ends redirections, and answers those in force', async () => {
    const controlled = await newControlled();
    const rule = { address: 'x:1', permanent: true, initiator: INITIATOR, portalGroup: 2, sessions: 3 };
    const { result } = await control(controlled, { verb: 'redirect', ...rule }, newAsker());
    expect(result).toEqual({ redirects: [rule] });
    const ended = await control(controlled, { verb: 'redirect' }, newAsker());
    expect(ended).toEqual({ result: { redirects: [] } });
  });

  it('for maintenance lasts as long as the asker, and nobody else ends it', async () => {
    const controlled = await newControlled();
    const asker = newAsker();
    const answered = control(controlled, { verb: 'maintenance', timeoutMs: 0 }, asker);
    await asker.begun;
    expect(controlled.draining).toBe(true);
    for (const verb of ['maintenance', 'drain', 'resume']) {
      const refused = control(controlled, { verb }, newAsker());
      await expect(refused).rejects.toMatchObject({ code: 'SERVER_WRONG_STATE' });
    }
    asker.leave();
    expect(await answered).toEqual({ result: {} });
    expect(controlled.draining).toBe(false);
    await control(controlled, { verb: 'drain', timeoutMs: 0 }, newAsker());
  });

  it('for maintenance by an asker who leaves during the drain ends with the drain', async () => {
    const controlled = await newControlled();
    const asker = newAsker();
    asker.leave();
    await control(controlled, { verb: 'maintenance', timeoutMs: 0 }, asker);
    expect([controlled.draining, controlled.maintained]).toEqual([false, false]);
  });
});
