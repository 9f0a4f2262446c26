import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { NAMES, TARGET_NAME, TestInitiator, joinSession, loggedIn } from '../support/initiator.ts';
import { textRequest } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let engine: TargetEngine;
let first: TestInitiator;
let second: TestInitiator;
let discovery: TestInitiator;
let halfOpen: TestInitiator;

/** A session of two connections, a discovery session, and a login that is not over. */
beforeEach(async () => {
  engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }]);
  first = await loggedIn(engine, { MaxConnections: '2', DefaultTime2Wait: '7' });
  ({ joined: second } = await joinSession(first, { cid: 1 }));
  discovery = new TestInitiator(engine);
  await discovery.login({ discovery: true, isid: 2 });
  halfOpen = new TestInitiator(engine);
  await halfOpen.send(halfOpen.loginRequest({ transit: false, nsg: 0 }, NAMES));
});

describe('what a target says of its own accord (RFC 7143 §11.9)', () => {
  const nothing = { parameter1: 0, parameter2: 0, parameter3: 0, lun: new Uint8Array(8), asyncVCode: 0 };

  it('a logout request has the seconds to log out in (event 1)', async () => {
    engine.drain(9);
    for (const connection of [first, second]) {
      const message = { type: 'async-message', ...nothing, asyncEvent: 1, parameter3: 9 };
      expect(await connection.settle()).toMatchObject([message]);
    }
  });

  it.each([
    ['0', {}, 0],
    ['2', {}, 20],
    ['2', { DefaultTime2Retain: '5' }, 5],
    ['2', { DefaultTime2Retain: '0' }, 0],
  ])(
    'a connection drop has CID, Time2Wait and Time2Retain: ErrorRecoveryLevel %s, %j (event 2)',
    async (ErrorRecoveryLevel, more, retain) => {
      const one = new TestInitiator(engine);
      const keys = { ErrorRecoveryLevel, MaxConnections: '2', DefaultTime2Wait: '7', ...more };
      await one.login({ keys, isid: 5 });
      const { joined: other } = await joinSession(one, { cid: 300 });
      other.connection.disconnected();
      const message = { ...nothing, asyncEvent: 2, parameter1: 300, parameter2: 7, parameter3: retain };
      expect(await one.settle()).toMatchObject([{ type: 'async-message', ...message }]);
    },
  );

  it('a session drop has Time2Wait; no task outlives it, so that Time2Retain is 0 (event 3)', async () => {
    engine.stop();
    for (const connection of [first, second]) {
      const message = { type: 'async-message', ...nothing, asyncEvent: 3, parameter2: 7 };
      expect(await connection.settle()).toMatchObject([message]);
      expect(connection.transport.ended).toBe(true);
    }
  });

  it('a negotiation request has the seconds to send a Text Request in, by each connection (event 4)', async () => {
    engine.requestNegotiation(4);
    for (const connection of [first, second]) {
      const message = { type: 'async-message', ...nothing, asyncEvent: 4, parameter3: 4 };
      expect(await connection.settle()).toMatchObject([message]);
      expect(await connection.send(textRequest(connection, {}))).toMatchObject([
        { type: 'text-response', final: true, targetTransferTag: 0xffffffff },
      ]);
    }
  });

  it('each takes a StatSN', async () => {
    const { statSn } = first.connection;
    engine.requestNegotiation(4);
    engine.requestNegotiation(4);
    expect(await first.settle()).toMatchObject([{ statSn }, { statSn: statSn + 1 }]);
  });

  it.each([
    ['a logout request', () => engine.drain(9)],
    ['a negotiation request', () => engine.requestNegotiation(4)],
    ['a session drop', () => engine.stop()],
  ])('%s goes neither to a discovery session (§7.4.3) nor into a login', async (_what, act) => {
    act();
    expect(await discovery.settle()).toEqual([]);
    expect(await halfOpen.settle()).toEqual([]);
  });
});
