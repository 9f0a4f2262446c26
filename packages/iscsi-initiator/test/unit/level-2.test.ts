import { RESERVED_TAG, TaskManagementFunction, TaskManagementResult } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { LunClient } from '../../src/disk/lun-client.ts';
import type { InitiatorError, IscsiSession, ScsiRequest, SessionOptions } from '../../src/index.ts';
import { agreement, ScriptedTarget, settle } from '../support/scripted-target.ts';

const CDB = new Uint8Array(10);
const { FUNCTION_COMPLETE, FUNCTION_SUCCEEDED, LUN_DOES_NOT_EXIST } = TaskManagementResult;

/** A session whose target has agreed to a level, and says nothing to commands and functions. */
async function open(level = 2, options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  target.command = () => undefined;
  target.login = (keys) => {
    const agreed = agreement(keys);
    return { keys: agreed['HeaderDigest'] ? { ...agreed, iSCSIProtocolLevel: String(level) } : agreed };
  };
  const session = await target.open(options);
  await settle();
  return { target, session, connection: target.connections[0]!, functions: session.taskManagement };
}

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

const FUNCTIONS: Record<string, (session: IscsiSession) => Promise<unknown>> = {
  'QUERY TASK': ({ taskManagement }) => taskManagement.queryTask({ lun: 0, cdb: CDB }),
  'QUERY TASK SET': ({ taskManagement }) => taskManagement.queryTaskSet(0),
  'I_T NEXUS RESET': ({ taskManagement }) => taskManagement.resetNexus(),
  'QUERY ASYNCHRONOUS EVENT': ({ taskManagement }) => taskManagement.queryAsynchronousEvent(0),
  'one of them by its number': (session) =>
    session.manage({ function: TaskManagementFunction.QUERY_TASK_SET, lun: 0 }),
};

describe('task management of RFC 7144 §6', () => {
  it.each(Object.keys(FUNCTIONS))('%s is not sent below level 2', async (name) => {
    const { session, connection } = await open(1);
    expect(await outcomeOf(FUNCTIONS[name]!(session))).toMatchObject({
      code: 'INITIATOR_PROTOCOL_LEVEL',
      detail: { needed: 2, agreed: 1 },
    });
    expect(connection.sent('task-management-request')).toEqual([]);
    expect(session.state).toBe('ready');
  });

  it('QUERY TASK goes by the connection of the command, with its tag, LUN and CmdSN', async () => {
    const { target, session, functions } = await open(2, { connections: 2 });
    const requests: ScsiRequest[] = [1, 2].map((lun) => ({ lun, cdb: CDB }));
    for (const request of requests) void outcomeOf(session.command(request));
    await settle();
    target.manage = (on, pdu) => {
      const command = on.sent('scsi-command').find((sent) => sent.initiatorTaskTag === pdu.referencedTaskTag);
      expect(pdu).toMatchObject({ function: 9, lun: command?.lun, refCmdSn: command?.cmdSn });
      on.managed(pdu, command?.lun[1] === 1 ? FUNCTION_SUCCEEDED : FUNCTION_COMPLETE);
    };
    expect(await functions.queryTask(requests[0]!)).toEqual({ present: true, additionalResponse: 0 });
    expect(await functions.queryTask(requests[1]!)).toEqual({ present: false, additionalResponse: 0 });
  });

  it('QUERY TASK for a command that is not at work needs no target', async () => {
    const { session, connection, functions } = await open();
    const request = { lun: 0, cdb: CDB };
    const outcome = session.command(request);
    await settle();
    connection.respond(connection.sent('scsi-command')[0]!);
    await outcome;
    expect(await functions.queryTask(request)).toEqual({ present: false, additionalResponse: 0 });
    expect(connection.sent('task-management-request')).toEqual([]);
  });

  it('QUERY TASK that is not answered in time is given up', async () => {
    const { target, session, functions } = await open(2, { commandTimeoutMs: 1000 });
    const request = { lun: 0, cdb: CDB, timeoutMs: 60_000 };
    void outcomeOf(session.command(request));
    await settle();
    const asked = outcomeOf(functions.queryTask(request));
    await target.pass(1100);
    expect(await asked).toMatchObject({
      code: 'INITIATOR_TIMEOUT',
      detail: { operation: 'task management' },
    });
  });

  it.each([
    [FUNCTION_SUCCEEDED, true],
    [FUNCTION_COMPLETE, false],
  ])('QUERY TASK SET answered with %d is %s', async (response, found) => {
    const { connection, functions } = await open();
    const asked = functions.queryTaskSet(5);
    await settle();
    const [request] = connection.sent('task-management-request');
    expect(request).toMatchObject({ function: 10, referencedTaskTag: RESERVED_TAG, refCmdSn: 0 });
    expect(request!.lun[1]).toBe(5);
    connection.managed(request!, response);
    expect(await asked).toBe(found);
  });

  it('a query that is refused says so', async () => {
    const { connection, functions } = await open();
    const asked = outcomeOf(functions.queryTaskSet(5));
    await settle();
    connection.managed(connection.sent('task-management-request')[0]!, LUN_DOES_NOT_EXIST);
    expect(await asked).toMatchObject({
      code: 'INITIATOR_TASK_MANAGEMENT',
      detail: { response: LUN_DOES_NOT_EXIST },
    });
  });

  it.each([
    [0x162900, { count: 'one', senseKey: 6, asc: 0x29, ascq: 0 }],
    [0x262f00, { count: 'several', senseKey: 6, asc: 0x2f, ascq: 0 }],
    [0x030c02, { count: 'unknown', senseKey: 3, asc: 0x0c, ascq: 2 }],
  ])('QUERY ASYNCHRONOUS EVENT tells what waits: %s', async (additionalResponse, event) => {
    const { connection, functions } = await open();
    const asked = functions.queryAsynchronousEvent(0);
    await settle();
    const { initiatorTaskTag } = connection.sent('task-management-request')[0]!;
    const answer = { response: FUNCTION_SUCCEEDED, additionalResponse, initiatorTaskTag };
    connection.say({ type: 'task-management-response', ...answer, ...connection.numbers() });
    expect(await asked).toEqual(event);
  });

  it('QUERY ASYNCHRONOUS EVENT tells when nothing waits', async () => {
    const { connection, functions } = await open();
    const asked = functions.queryAsynchronousEvent(0);
    await settle();
    connection.managed(connection.sent('task-management-request')[0]!);
    expect(await asked).toBeUndefined();
  });

  it('I_T NEXUS RESET ends all commands, and resolves when there is a session again', async () => {
    const { target, session, connection, functions } = await open();
    const outcomes = [1, 2].map((lun) => outcomeOf(session.command({ lun, cdb: CDB })));
    await settle();
    const reset = functions.resetNexus();
    await settle();
    const [request] = connection.sent('task-management-request');
    expect(request).toMatchObject({ function: 11, lun: new Uint8Array(8), referencedTaskTag: RESERVED_TAG });
    connection.managed(request!);
    await settle();
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: 'INITIATOR_ABORTED' });
    expect(connection.ended).toBe(true);
    await target.pass(300);
    await reset;
    expect(session.state).toBe('ready');
    expect(target.connection.sent('login-request')[0]).toMatchObject({ tsih: 0 });
  });

  it('I_T NEXUS RESET whose answer is lost with the session is done by the next login', async () => {
    const { target, session, connection, functions } = await open();
    const reset = functions.resetNexus();
    await settle();
    connection.cut();
    await target.pass(300);
    await reset;
    expect(session.state).toBe('ready');
    expect(target.connection.sent('task-management-request')).toEqual([]);
  });
});

describe('command priority (RFC 7144 §5.1.1)', () => {
  it.each([
    [2, 7, 7],
    [2, undefined, 0],
    [1, 7, 0],
    [0, 15, 0],
  ] as const)('at level %d a priority of %s travels as %d', async (level, priority, sent) => {
    const { session, connection } = await open(level);
    void outcomeOf(session.command({ lun: 0, cdb: CDB, ...(priority === undefined ? {} : { priority }) }));
    await settle();
    expect(connection.sent('scsi-command')).toMatchObject([{ priority: sent, attribute: 1 }]);
  });

  it.each([-1, 16, 1.5])('%d is none', async (priority) => {
    const { session } = await open();
    const outcome = outcomeOf(session.command({ lun: 0, cdb: CDB, priority }));
    expect(await outcome).toMatchObject({ code: 'INITIATOR_OPTIONS' });
  });
});

describe('the status qualifier (RFC 7144 §5.2.1)', () => {
  const BUSY = 0x08;
  const TASK_SET_FULL = 0x28;

  it.each([
    [2, 0x4005, 0x4005],
    [1, 0x4005, 0],
    [0, 0xffff, 0],
    [2, 0, 0],
  ])('at level %d %d reads as %d', async (level, statusQualifier, read) => {
    const { target, session } = await open(level);
    target.command = (on, pdu) => on.respond(pdu, BUSY, undefined, { statusQualifier });
    const request = { lun: 0, cdb: CDB };
    expect(await session.command(request)).toMatchObject({ status: BUSY, statusQualifier: read });
    const detail = { status: BUSY, ...(read === 0 ? {} : { statusQualifier: read }) };
    const failure = (await outcomeOf(session.execute(request))) as InitiatorError;
    expect(failure.detail).toEqual({ code: 'INITIATOR_SCSI_STATUS', ...detail });
  });

  it.each([
    ['BUSY for half a second', BUSY, 5, 500],
    ['a full task set for a second and a half', TASK_SET_FULL, 0x400f, 1500],
    ['longer than anybody waits', BUSY, 0x3fef, 60_000],
    ['less than a pause in any case', BUSY, 0, 20],
    ['a reason and no time', BUSY, 0x3fff, 20],
  ])('a command that meets %s is sent again after that', async (_what, status, statusQualifier, pauseMs) => {
    const { target, session, connection } = await open();
    target.command = (on, pdu) => {
      const refused = on.sent('scsi-command').length === 1;
      on.respond(pdu, refused ? status : 0, undefined, { statusQualifier: refused ? statusQualifier : 0 });
    };
    const unit = new LunClient(session, 0, target.clock);
    const done = unit.run({ cdb: CDB });
    await settle();
    // In seconds, so that keepalive pings are answered meanwhile.
    for (let ms = 0; ms < pauseMs - 1; ms += 1000) {
      target.clock.advance(Math.min(1000, pauseMs - 1 - ms));
      await settle();
    }
    expect(connection.sent('scsi-command')).toHaveLength(1);
    target.clock.advance(1);
    expect((await done).status).toBe(0);
  });
});
