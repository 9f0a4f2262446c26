import { TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { connectLun, discoverTargets, IscsiDisk, type IscsiSession } from '../../src/index.ts';
import { PORTAL, ScriptedTarget, settle } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const REASON = new Error('no longer wanted');
const ABORTED = { code: 'INITIATOR_ABORTED', cause: REASON };

/** Aborts what `start` begins after a while, and tells how it ended. */
async function aborted(start: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const abort = new AbortController();
  const ended = start(abort.signal).catch((error: unknown) => error);
  await settle();
  abort.abort(REASON);
  return ended;
}

/** A target that falls silent when its session is open. */
async function silent(): Promise<{ target: ScriptedTarget; session: IscsiSession }> {
  const target = new ScriptedTarget();
  const session = await target.open();
  target.answer = () => undefined;
  return { target, session };
}

describe('an AbortSignal', () => {
  it('gives up a login, and the connection with it', async () => {
    const target = new ScriptedTarget();
    target.answer = () => undefined;
    const session = target.session();
    expect(await aborted((signal) => session.open({ signal }))).toMatchObject(ABORTED);
    expect(target.connection.ended).toBe(true);
    expect(session.state).toBe('failed');
    expect(target.clock.pendingTimers).toBe(0);
    await expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject(ABORTED);
  });

  it('that has aborted before keeps everything from beginning', async () => {
    const target = new ScriptedTarget();
    const signal = AbortSignal.abort(REASON);
    const session = target.session();
    await expect(session.open({ signal })).rejects.toMatchObject(ABORTED);
    expect(target.connections).toHaveLength(0);
    await session.open();
    await expect(session.ping({ signal })).rejects.toMatchObject(ABORTED);
    await expect(session.command({ lun: 0, cdb: CDB, signal })).rejects.toMatchObject(ABORTED);
    await settle();
    expect(target.connection.sent('nop-out')).toEqual([]);
    expect(target.connection.sent('scsi-command')).toEqual([]);
    const options = { portal: PORTAL, targetName: 'iqn.2026-11.io.lunbox:x', lun: 0, signal };
    await expect(connectLun(options)).rejects.toMatchObject(ABORTED);
  });

  it('gives up a discovery, in its login and in its question', async () => {
    for (const answersLogin of [false, true]) {
      const target = new ScriptedTarget();
      const { answer } = target;
      target.answer = (connection, pdu) => {
        if (pdu.type === 'login-request' && answersLogin) answer.call(target, connection, pdu);
      };
      const found = aborted((signal) => discoverTargets({ portal: PORTAL }, target.seams, { signal }));
      expect(await found).toMatchObject(ABORTED);
      expect(target.connection.ended).toBe(true);
      await target.pass(61_000);
      expect(target.clock.pendingTimers).toBe(0);
    }
  });

  it.each<[string, (session: IscsiSession, signal: AbortSignal) => Promise<unknown>]>([
    ['a ping', (session, signal) => session.ping({ signal })],
    ['a text exchange', (session, signal) => session.text([['SendTargets', '']], { signal })],
    [
      'a task management function',
      (session, signal) => session.manage({ function: TaskManagementFunction.CLEAR_ACA }, { signal }),
    ],
    ['the reset of a unit', (session, signal) => session.resetUnit(0, { signal })],
    ['a move', (session, signal) => session.redirect(PORTAL, { signal })],
  ])('ends the waiting for %s', async (_, operation) => {
    const { session } = await silent();
    expect(await aborted((signal) => operation(session, signal))).toMatchObject(ABORTED);
    expect(session.state).toBe('ready');
  });

  it('ends the waiting for a session that is not there', async () => {
    const { target, session } = await silent();
    target.reachable = false;
    target.connection.cut('reset');
    expect(await aborted((signal) => session.ping({ signal }))).toMatchObject(ABORTED);
    expect(session.state).toBe('reconnecting');
    await session.close();
  });

  it('ends a command that waits for the window at once', async () => {
    const { target, session } = await silent();
    for (let i = 0; i < 64; i++) session.command({ lun: 0, cdb: CDB }).catch(() => undefined);
    const waiting = aborted((signal) => session.command({ lun: 9, cdb: CDB, signal }));
    expect(await waiting).toMatchObject(ABORTED);
    expect(target.connection.sent('scsi-command')).toHaveLength(64);
    expect(target.connection.sent('task-management-request')).toEqual([]);
  });

  it('cuts short a logout that waits for commands', async () => {
    const { target, session } = await silent();
    const command = session.command({ lun: 0, cdb: CDB });
    const refused = expect(command).rejects.toMatchObject({ code: 'INITIATOR_CLOSED' });
    await settle();
    expect(await aborted((signal) => session.close({ signal }))).toBeUndefined();
    await refused;
    expect(target.connection.sent('logout-request')).toEqual([]);
    expect(target.connection.ended).toBe(true);
    expect(session.state).toBe('closed');
    expect(target.clock.pendingTimers).toBe(0);
  });

  it('gives up the opening of a disk', async () => {
    const { target, session } = await silent();
    target.answer = (connection, pdu) => {
      if (pdu.type === 'task-management-request') connection.managed(pdu);
    };
    const open = (signal: AbortSignal) => IscsiDisk.open({ session, lun: 0, clock: target.clock, signal });
    expect(await aborted(open)).toMatchObject(ABORTED);
  });
});
