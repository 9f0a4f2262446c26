import { AsyncEvent, LogoutReason, TaskManagementFunction, type TargetPdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { NAMES, TARGET_NAME, TestInitiator, joinSession, loggedIn } from '../support/initiator.ts';
import { acknowledgement, logoutRequest, ofType, taskManagement } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;
let first: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  first = await loggedIn(engine, { MaxConnections: '2', InitialR2T: 'No' });
});

function tags(pdus: readonly TargetPdu[]): number[] {
  return pdus.map((pdu) => (pdu as { initiatorTaskTag: number }).initiatorTaskTag);
}

describe('several connections of one session (RFC 7143 §4.2.1, §6.3.1)', () => {
  it('a connection joins by TSIH and is given the command window of the session', async () => {
    await first.send(first.read10(0, 1));
    const { joined: second, response } = await joinSession(first, { cid: 1 });
    expect(response).toMatchObject({ statusClass: 0, tsih: engine.sessions[0]!.tsih, expCmdSn: first.cmdSn });
    expect(engine.sessions).toHaveLength(1);
    expect(engine.sessions[0]!.remotes).toHaveLength(2);
    expect(await second.send(first.read10(0, 1))).toMatchObject([{ type: 'data-in', status: 0 }]);
    expect(scsi.nexuses).toHaveLength(1);
  });

  it('every response to a joining login shows the window of the session, which the other connections use', async () => {
    const waiting = first.read10(0, 1);
    const { response } = await joinSession(first, { cid: 1, fields: { csg: 0, nsg: 1 } });
    expect(response).toMatchObject({
      statusClass: 0,
      expCmdSn: waiting.cmdSn,
      maxCmdSn: waiting.cmdSn + 127,
    });
  });

  it('no more join than MaxConnections says (0206h), and none to a session that is not there (020Ah)', async () => {
    await joinSession(first, { cid: 1 });
    const { response: refused } = await joinSession(first, { cid: 2 });
    expect(refused).toMatchObject({ statusClass: 2, statusDetail: 6 });
    const stranger = new TestInitiator(engine);
    const [response] = await stranger.send(stranger.loginRequest({ tsih: 999, cid: 3 }, NAMES));
    expect(response).toMatchObject({ statusClass: 2, statusDetail: 0x0a });
  });

  it('commands run in CmdSN order across connections, each answered where it came from (§4.2.2.1)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    const early = first.read10(1, 1);
    const late = first.read10(2, 1);
    expect(await second.send(late)).toEqual([]);
    expect(tags(await first.send(early))).toEqual([early.initiatorTaskTag]);
    expect(tags(await second.settle())).toEqual([late.initiatorTaskTag]);
  });

  it('StatSN is counted for each connection by itself (§4.2.2.2)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    await first.send(first.read10(0, 1), first.read10(0, 1));
    const before = second.expStatSn;
    const [answer] = await second.send(first.read10(0, 1));
    expect(answer).toMatchObject({ statSn: before });
  });

  it('digests and lengths belong to the connection (§13.1, §13.12)', async () => {
    const keys = { MaxRecvDataSegmentLength: '512' };
    const { joined: second } = await joinSession(first, { cid: 1, keys });
    expect(await second.send(first.read10(0, 3))).toHaveLength(3);
    expect(await first.send(first.read10(0, 3))).toHaveLength(1);
  });

  it('data counts only on the connection of its command (§4.2.5.1)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    const command = first.write10(0, 1, { final: false });
    await first.send(command);
    const data = first.dataOut(command, {
      data: new Uint8Array(512).fill(9),
      bufferOffset: 0,
      dataSn: 0,
      final: true,
    });
    expect(await second.send(data)).toEqual([]);
    expect(scsi.bytes[0]).toBe(0);
    expect(await first.send(data)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes[0]).toBe(9);
  });

  it('a lost connection takes its tasks with it, and the session goes on (§7.6)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    await second.send(first.write10(0, 8));
    await first.send(first.write10(8, 8));
    second.connection.disconnected();
    expect(engine.sessions[0]!.tasks).toBe(1);
    expect(scsi.nexuses[0]!.closed).toBe(false);
    // §7.1.4.3: the initiator is told by a connection that is left; §11.14.5: and hears of it by a unit attention.
    // §11.4.11: a NOP-In shows the window that its commands leave open.
    const [dropped, window, read] = await first.send(first.read10(0, 1));
    expect(dropped).toMatchObject({
      type: 'async-message',
      asyncEvent: AsyncEvent.CONNECTION_DROP,
      parameter1: 1,
    });
    expect(window).toMatchObject({
      type: 'nop-in',
      targetTransferTag: 0xffffffff,
    });
    expect(read).toMatchObject({ type: 'data-in' });
    expect(scsi.cleared).toEqual([new Uint8Array(8)]);
    first.connection.disconnected();
    expect(scsi.nexuses[0]!.closed).toBe(true);
    expect(engine.sessions).toEqual([]);
  });

  it('a login with a CID in use reinstates that connection (§6.3.4)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    await second.send(first.write10(0, 8));
    const { joined: again, response } = await joinSession(first, { cid: 1 });
    expect(response).toMatchObject({ statusClass: 0 });
    expect(second.transport.destroyed).toBe(true);
    expect(engine.sessions[0]!.tasks).toBe(0);
    expect(await again.send(first.read10(0, 1))).toMatchObject([{ type: 'data-in' }]);
  });

  it('nothing comes before the last response of a login that replaces a connection with commands', async () => {
    scsi.held = true;
    await first.send(first.read10(0, 1));
    const { response } = await joinSession(first, { cid: 0 });
    expect(response).toMatchObject({ type: 'login-response', statusClass: 0 });
  });

  it('reinstating the only connection keeps the session', async () => {
    const { joined: again, response } = await joinSession(first, { cid: 0 });
    expect(response).toMatchObject({ statusClass: 0 });
    expect(first.transport.destroyed).toBe(true);
    expect(scsi.nexuses.map((nexus) => nexus.closed)).toEqual([false]);
    expect(await again.send(first.read10(0, 1))).toMatchObject([{ type: 'data-in' }]);
  });

  it('logout closes the named connection, or the session with all of them (§11.14)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    expect(await first.send(logoutRequest(first, LogoutReason.CLOSE_CONNECTION, 1))).toMatchObject([
      { type: 'logout-response', response: 0 },
    ]);
    expect(second.transport.ended).toBe(true);
    expect(first.transport.ended).toBe(false);
    expect(await first.send(logoutRequest(first, LogoutReason.CLOSE_CONNECTION, 7))).toMatchObject([
      { type: 'logout-response', response: 1 },
    ]);
    const { joined: third } = await joinSession(first, { cid: 2 });
    expect(await third.send(logoutRequest(first, LogoutReason.CLOSE_SESSION))).toMatchObject([
      { type: 'logout-response', response: 0 },
    ]);
    expect([first.transport.ended, third.transport.ended]).toEqual([true, true]);
    expect(engine.sessions).toEqual([]);
  });

  it('ABORT TASK SET reaches the commands of every connection (§4.2.3.2)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    await second.send(first.write10(0, 8));
    await first.send(first.write10(8, 8));
    await first.send(taskManagement(first, { function: TaskManagementFunction.ABORT_TASK_SET }));
    engine.tick(2000);
    expect(engine.sessions[0]!.tasks).toBe(0);
    await second.send(acknowledgement(second));
    const pdus = await first.send(acknowledgement(first));
    expect(ofType(pdus, 'task-management-response')).toMatchObject([{ response: 0 }]);
  });

  it('a new session of the same initiator port ends all connections of the old one (§6.3.5)', async () => {
    const { joined: second } = await joinSession(first, { cid: 1 });
    await new TestInitiator(engine).login();
    expect([first.transport.destroyed, second.transport.destroyed]).toEqual([true, true]);
    expect(engine.sessions).toHaveLength(1);
  });
});
