import { TaskManagementFunction, type InitiatorPdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { IscsiSession, SessionOptions } from '../../src/index.ts';
import { ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const CDB = new Uint8Array(6);
const NO_LUN = new Uint8Array(8);

async function opened(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  const session = await target.open(options);
  await settle();
  return { target, session, connection: target.connection };
}

/** The connection by which a PDU of this type went. */
function used(target: ScriptedTarget, type: InitiatorPdu['type']): ScriptedConnection {
  return target.connections.find((connection) => connection.sent(type).length > 0)!;
}

describe('format errors (RFC 7143 §7.7)', () => {
  it.each<[string, (target: ScriptedTarget, session: IscsiSession) => unknown]>([
    [
      'an R2T for a read',
      async (target, session) => {
        session.command({ lun: 0, cdb: CDB, read: [new Uint8Array(8)] }).catch(() => undefined);
        await settle();
        const connection = used(target, 'scsi-command');
        connection.r2t(connection.sent('scsi-command')[0]!, 5, 0, 0, 8);
      },
    ],
    [
      'an R2T for more than the command has',
      async (target, session) => {
        session.command({ lun: 0, cdb: CDB, write: [new Uint8Array(8)] }).catch(() => undefined);
        await settle();
        const connection = used(target, 'scsi-command');
        connection.r2t(connection.sent('scsi-command')[0]!, 5, 0, 4, 8);
      },
    ],
    ['an opcode of an initiator', (target) => target.connections[0]!.hear(new Uint8Array(48))],
  ])(
    '%s ends every connection of the session, and another session takes its place',
    async (_what, happens) => {
      const { target, session } = await opened({ connections: 2, errorRecoveryLevel: 2 });
      const connections = [...target.connections];
      await happens(target, session);
      await settle();
      expect(connections.map(({ ended }) => ended)).toEqual([true, true]);
      await target.pass(500);
      expect(target.connections[2]!.sent('login-request')[0]).toMatchObject({ tsih: 0 });
      expect(session.state).toBe('ready');
    },
  );
});

describe('what is left to the target (RFC 7143 §7.1.4.1)', () => {
  it('an R2T that does not come is not asked for by a SNACK, however long it takes', async () => {
    const { target, session, connection } = await opened({
      errorRecoveryLevel: 1,
      negotiation: { initialR2t: true, immediateData: false },
    });
    session.command({ lun: 0, cdb: CDB, write: [new Uint8Array(8)] }).catch(() => undefined);
    await target.pass(30_000);
    expect(connection.ended).toBe(false);
    expect(connection.sent('snack')).toEqual([]);
  });
});

describe('time-outs (RFC 7143 §7.11)', () => {
  it('a command that takes too long is aborted by ABORT TASK, and the session goes on', async () => {
    const { target, session, connection } = await opened({ commandTimeoutMs: 2000 });
    target.manage = (on, pdu) => on.managed(pdu);
    const ended = expect(session.command({ lun: 0, cdb: CDB })).rejects.toMatchObject({
      code: 'INITIATOR_TIMEOUT',
    });
    await target.pass(3000);
    await ended;
    const [command] = connection.sent('scsi-command');
    expect(connection.sent('task-management-request')).toMatchObject([
      {
        function: TaskManagementFunction.ABORT_TASK,
        referencedTaskTag: command!.initiatorTaskTag,
        refCmdSn: command!.cmdSn,
      },
    ]);
    expect(session.state).toBe('ready');
  });
});

describe('digest errors (RFC 7143 §7.8)', () => {
  it('a PDU with a wrong data digest is thrown away whole: neither its data nor its numbers count', async () => {
    const target = new ScriptedTarget();
    target.useDigests();
    const policy = { headerDigest: 'required', dataDigest: 'required' } as const;
    const session = await target.open({ errorRecoveryLevel: 1, negotiation: policy });
    const { connection } = target;
    const before = connection.statSn;
    connection.spoilNext = true;
    const event = { asyncEvent: 0, asyncVCode: 0, parameter1: 0, parameter2: 0, parameter3: 0 };
    const told: unknown[] = [];
    session.onUnitEvent((unit) => told.push(unit));
    const sense = Uint8Array.of(0, 18, 0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 9, 0, 0, 0, 0);
    connection.say({ type: 'async-message', lun: NO_LUN, ...event, data: sense, ...connection.numbers() });
    await settle();
    expect(told).toEqual([]);
    expect(connection.sent('snack')).toMatchObject([{ begRun: before, runLength: 1, expStatSn: before }]);
  });
});
