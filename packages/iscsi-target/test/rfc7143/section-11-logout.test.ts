import { LogoutReason, LogoutResult, RejectReason } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, joinSession, loggedIn, type TestInitiator } from '../support/initiator.ts';
import { logoutRequest, nopOut, ofType, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const { CLOSE_SESSION, CLOSE_CONNECTION, REMOVE_CONNECTION_FOR_RECOVERY } = LogoutReason;

let scsi: ScriptedScsi;
let engine: TargetEngine;
let first: TestInitiator;
let second: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  first = await loggedIn(engine, {
    MaxConnections: '2',
    ErrorRecoveryLevel: '2',
    DefaultTime2Retain: '20',
    ImmediateData: 'No',
  });
  ({ joined: second } = await joinSession(first, { cid: 1 }));
});

describe('logout (RFC 7143 §11.14, §11.15)', () => {
  it('of a connection terminates its commands, acknowledged or not, and no others', async () => {
    await first.send(first.write10(0, 1));
    await second.send(first.write10(1, 1));
    const gap = first.cmdSn++;
    await second.send(first.write10(2, 1));
    expect(engine.sessions[0]!.tasks).toBe(3);
    expect(typesOf(await second.send(logoutRequest(first, CLOSE_CONNECTION, 1)))).toEqual([
      'logout-response',
    ]);
    expect(engine.sessions[0]!.tasks).toBe(1);
    await first.send(nopOut(first, { immediate: false, cmdSn: gap }));
    expect(scsi.executed).toHaveLength(2);
  });

  it('of the session terminates the commands of all its connections', async () => {
    await first.send(first.write10(0, 1));
    await second.send(first.write10(1, 1));
    await first.send(logoutRequest(first, CLOSE_SESSION));
    expect(scsi.ended).toBe(2);
    expect(engine.sessions).toEqual([]);
  });

  it('for recovery discards what is not acknowledged, and suspends what is', async () => {
    scsi.held = true;
    await second.send(first.read10(0, 1));
    first.cmdSn++;
    await second.send(first.read10(1, 1));
    expect(engine.sessions[0]!.tasks).toBe(2);
    const pdus = await first.send(logoutRequest(first, REMOVE_CONNECTION_FOR_RECOVERY, 1));
    expect(pdus).toMatchObject([{ type: 'logout-response', response: LogoutResult.CLOSED }]);
    expect(engine.sessions[0]!.tasks).toBe(1);
    scsi.release();
    expect([...(await first.settle()), ...(await second.settle())]).toEqual([]);
    expect(engine.sessions[0]!.tasks).toBe(1);
  });

  it('closes the connection that it names, after the answer', async () => {
    await first.send(logoutRequest(first, CLOSE_CONNECTION, 1));
    expect([first.transport.ended, second.transport.ended]).toEqual([false, true]);
    const answer = await first.send(logoutRequest(first, CLOSE_CONNECTION, 0));
    expect(typesOf(answer)).toEqual(['logout-response']);
    expect(first.transport.ended).toBe(true);
  });

  it('of the session closes all its connections', async () => {
    await second.send(logoutRequest(first, CLOSE_SESSION));
    expect([first.transport.ended, second.transport.ended]).toEqual([true, true]);
  });

  it('nothing that comes by a connection after its logout is carried out', async () => {
    const logout = logoutRequest(first, CLOSE_CONNECTION, 1);
    expect(typesOf(await second.send(logout, first.read10(0, 1), nopOut(first)))).toEqual([
      'logout-response',
    ]);
    expect(scsi.executed).toEqual([]);
  });

  it.each([3, 64, 127])('with reason %d, which is reserved, is a protocol error', async (reason) => {
    expect(await first.send(logoutRequest(first, reason))).toMatchObject([
      { type: 'reject', reason: RejectReason.PROTOCOL_ERROR },
    ]);
    expect([first.transport.ended, second.transport.ended]).toEqual([false, false]);
  });
});

describe('tasks that end with a connection (RFC 7143 §11.14.5)', () => {
  it.each([
    ['a logout', (): unknown => first.send(logoutRequest(first, CLOSE_CONNECTION, 1))],
    [
      'a lost connection that nobody recovers',
      (): unknown => (second.connection.disconnected(), engine.tick(60_000)),
    ],
  ])('by %s leave a unit attention for their nexus', async (_how, end) => {
    await second.send(first.write10(0, 1));
    await second.send(first.write10(8, 1));
    await end();
    expect(scsi.cleared).toEqual([new Uint8Array(8)]);
    expect(ofType(await first.send(first.read10(0, 1)), 'data-in')).toHaveLength(1);
  });
});
