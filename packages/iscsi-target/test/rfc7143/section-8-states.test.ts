import { LoginStatus, LogoutReason, LogoutResult, TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { NAMES, TARGET_NAME, TestInitiator, joinSession, loggedIn } from '../support/initiator.ts';
import { logoutRequest, nopOut, ofType, taskManagement, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const RECOVERABLE = { ErrorRecoveryLevel: '2', DefaultTime2Wait: '2', DefaultTime2Retain: '20' };
const RETAINED_MS = 22_000;

const { CLOSE_SESSION, CLOSE_CONNECTION, REMOVE_CONNECTION_FOR_RECOVERY } = LogoutReason;

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

const opened = (keys: Record<string, string> = {}): Promise<TestInitiator> =>
  loggedIn(engine, { MaxConnections: '4', ImmediateData: 'No', ...keys });

const isFree = ({ transport }: TestInitiator) => transport.ended || transport.destroyed;

/** The states of the target that can be seen from outside. */
const seen = () => ({
  connections: engine.connectionCount,
  sessions: engine.sessions.length,
  tasks: engine.sessions.map(({ tasks }) => tasks),
});

describe('a connection of a target (RFC 7143 §8.1.4)', () => {
  it('T3, T4, T5: it is accepted, in login with the first Login Request, and logged in with the last', async () => {
    const initiator = new TestInitiator(engine);
    expect(seen()).toEqual({ connections: 1, sessions: 0, tasks: [] });
    await initiator.send(initiator.loginRequest({ csg: 0, nsg: 1 }, NAMES));
    expect(seen()).toEqual({ connections: 1, sessions: 0, tasks: [] });
    await initiator.send(initiator.loginRequest({}, {}));
    expect(seen()).toEqual({ connections: 1, sessions: 1, tasks: [0] });
    expect(typesOf(await initiator.send(initiator.read10(0, 1)))).toEqual(['data-in']);
  });

  it.each<[string, (initiator: TestInitiator) => void]>([
    ['a time-out', () => engine.tick(15_000)],
    ['the end of the transport', ({ connection }) => connection.disconnected()],
  ])('T6: %s before any login frees it', async (_event, happens) => {
    const initiator = new TestInitiator(engine);
    happens(initiator);
    expect(seen()).toEqual({ connections: 0, sessions: 0, tasks: [] });
  });

  it.each<[string, (initiator: TestInitiator) => unknown]>([
    [
      'a final response with a status',
      (initiator) => initiator.send(initiator.loginRequest({ csg: 0, nsg: 0 }, {})),
    ],
    ['a time-out', () => engine.tick(15_000)],
    ['the end of the transport', ({ connection }) => connection.disconnected()],
    [
      'a session that another connection has closed',
      async (initiator) => {
        const { tsih } = engine.sessions[0]!;
        const { joined: closing } = await joinSession(initiator, { cid: 1, fields: { tsih } });
        await closing.send(logoutRequest(closing, CLOSE_SESSION));
        const [answer] = await initiator.send(initiator.loginRequest({ tsih, cid: 2 }, {}));
        expect(answer).toMatchObject({
          statusClass: 2,
          statusDetail: LoginStatus.SESSION_DOES_NOT_EXIST & 255,
        });
      },
    ],
  ])('T7: %s during the login frees it', async (_event, happens) => {
    await opened();
    const initiator = new TestInitiator(engine);
    const { tsih } = engine.sessions[0]!;
    await initiator.send(initiator.loginRequest({ tsih, cid: 2, csg: 0, nsg: 1 }, NAMES));
    await happens(initiator);
    expect(isFree(initiator) || initiator.connection.ended).toBe(true);
  });

  it('T8: a logout of the session by another connection, or a reinstatement, frees it', async () => {
    const first = await opened();
    const { joined: second } = await joinSession(first, { cid: 1 });
    const { joined: instead } = await joinSession(first, { cid: 1 });
    expect(isFree(second)).toBe(true);
    await instead.send(logoutRequest(instead, CLOSE_SESSION));
    expect([isFree(first), isFree(instead)]).toEqual([true, true]);
    const again = await opened();
    await opened();
    expect(isFree(again)).toBe(true);
    expect(seen()).toEqual({ connections: 1, sessions: 1, tasks: [0] });
  });

  it('T9, T13: a Logout Request is answered and frees it', async () => {
    const first = await opened();
    await joinSession(first, { cid: 1 });
    const [answer] = await first.send(logoutRequest(first, CLOSE_CONNECTION, 0));
    expect(answer).toMatchObject({ type: 'logout-response', response: LogoutResult.CLOSED });
    expect(isFree(first)).toBe(true);
    expect(seen()).toEqual({ connections: 1, sessions: 1, tasks: [0] });
  });

  it('T11, T12, T10: a logout is asked for, and once more, and then it comes', async () => {
    const initiator = await opened();
    for (const _time of [1, 2]) {
      engine.drain(3);
      expect(await initiator.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 1 }]);
      expect(typesOf(await initiator.send(initiator.read10(0, 1)))).toEqual(['data-in']);
    }
    expect(typesOf(await initiator.send(logoutRequest(initiator, CLOSE_SESSION)))).toEqual([
      'logout-response',
    ]);
    expect(seen()).toEqual({ connections: 0, sessions: 0, tasks: [] });
  });

  it.each([
    ['T15', false],
    ['T16', true],
  ])(
    '%s: the end of the transport leaves it to be cleaned up (a logout was asked for: %s)',
    async (_name, asked) => {
      const initiator = await opened(RECOVERABLE);
      await initiator.send(initiator.write10(0, 1));
      if (asked) engine.drain(3);
      initiator.connection.disconnected();
      expect(seen()).toEqual({ connections: 0, sessions: 1, tasks: [1] });
    },
  );

  it('T15: an emergency is announced', async () => {
    const initiator = await opened(RECOVERABLE);
    engine.stop();
    expect(await initiator.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 3 }]);
    expect(isFree(initiator)).toBe(true);
  });

  it('T18: after a logout was asked for, a logout of the session by another connection frees it', async () => {
    const first = await opened();
    const { joined: second } = await joinSession(first, { cid: 1 });
    engine.drain(3);
    await second.send(logoutRequest(second, CLOSE_SESSION));
    expect([isFree(first), isFree(second)]).toEqual([true, true]);
    expect(seen()).toEqual({ connections: 0, sessions: 0, tasks: [] });
  });
});

describe('the cleanup of a connection by a target (RFC 7143 §8.2.2)', () => {
  /** A session whose connection 0 is lost with a write at work, while connection 1 is there. */
  async function lost(): Promise<{ second: TestInitiator; tag: number; first: TestInitiator }> {
    const first = await opened(RECOVERABLE);
    const { joined: second } = await joinSession(first, { cid: 1 });
    const command = first.write10(0, 1);
    await first.send(command);
    first.connection.disconnected();
    await second.settle();
    return { first, second, tag: command.initiatorTaskTag };
  }

  async function reassigned(by: TestInitiator, referencedTaskTag: number): Promise<number | undefined> {
    const initiatorTaskTag = 800 + by.newTag();
    const { TASK_REASSIGN } = TaskManagementFunction;
    const fields = { function: TASK_REASSIGN, referencedTaskTag, cmdSn: 2, initiatorTaskTag };
    return ofType(await by.send(taskManagement(by, fields)), 'task-management-response')[0]?.response;
  }

  it('M1: a time-out, or a logout of the session, ends it', async () => {
    await lost();
    expect(seen().tasks).toEqual([1]);
    engine.tick(RETAINED_MS);
    expect(seen()).toEqual({ connections: 1, sessions: 1, tasks: [0] });
    engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
    const { second } = await lost();
    await second.send(logoutRequest(second, CLOSE_SESSION));
    expect(seen()).toEqual({ connections: 0, sessions: 0, tasks: [] });
  });

  it('M2, M4: an explicit logout of its CID by another connection cleans it up', async () => {
    const { second, tag } = await lost();
    const [answer] = await second.send(logoutRequest(second, REMOVE_CONNECTION_FOR_RECOVERY, 0));
    expect(answer).toMatchObject({ type: 'logout-response', response: LogoutResult.CLOSED });
    expect(await reassigned(second, tag)).toBe(0);
  });

  it('M2, M4: a login with its CID cleans it up', async () => {
    const { first, tag } = await lost();
    const { joined: instead, response } = await joinSession(first, { cid: 0 });
    expect(response.statusClass).toBe(0);
    expect(await reassigned(instead, tag)).toBe(0);
  });

  it('M3: a login with its CID that fails leaves it as it was', async () => {
    const { first, second, tag } = await lost();
    const { joined: failed } = await joinSession(first, { cid: 0, fields: { csg: 0, nsg: 1 } });
    failed.connection.disconnected();
    expect(seen().tasks).toEqual([1]);
    expect(await reassigned(second, tag)).toBe(3);
    await second.send(logoutRequest(second, REMOVE_CONNECTION_FOR_RECOVERY, 0));
    expect(await reassigned(second, tag)).toBe(0);
  });
});

describe('a session of a target (RFC 7143 §8.3.2)', () => {
  it('N1, N9: a leading login that fails leaves nothing', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.send(initiator.loginRequest({ csg: 0, nsg: 1 }, NAMES));
    await initiator.send(initiator.loginRequest({ csg: 0, nsg: 0 }, {}));
    expect(seen()).toEqual({ connections: 0, sessions: 0, tasks: [] });
    expect(scsi.nexuses).toEqual([]);
  });

  it('N1, N2: a leading login that succeeds makes it', async () => {
    await opened();
    expect(seen().sessions).toBe(1);
    expect(scsi.nexuses).toMatchObject([{ closed: false }]);
  });

  it.each<[string, (initiator: TestInitiator) => unknown]>([
    ['its closure', (initiator) => initiator.send(logoutRequest(initiator, CLOSE_SESSION))],
    ['a reinstatement', () => opened()],
  ])('N3: %s ends it', async (_event, happens) => {
    const initiator = await opened(RECOVERABLE);
    await happens(initiator);
    expect(scsi.nexuses[0]).toMatchObject({ closed: true });
  });

  it('N5: it has failed when its last connection is lost, and is kept', async () => {
    const initiator = await opened(RECOVERABLE);
    initiator.connection.disconnected();
    expect(seen()).toEqual({ connections: 0, sessions: 1, tasks: [0] });
    expect(scsi.nexuses[0]).toMatchObject({ closed: false });
  });

  it.each<[string, () => unknown]>([
    ['a time-out', () => engine.tick(RETAINED_MS)],
    ['a reinstatement', () => opened()],
  ])('N6: after its failure %s ends it', async (_event, happens) => {
    const initiator = await opened(RECOVERABLE);
    initiator.connection.disconnected();
    await happens();
    expect(scsi.nexuses[0]).toMatchObject({ closed: true });
  });

  it('N7, N8: an attempt to continue it that fails leaves it failed', async () => {
    const initiator = await opened(RECOVERABLE);
    initiator.connection.disconnected();
    const { joined: attempt } = await joinSession(initiator, { cid: 0, fields: { csg: 0, nsg: 1 } });
    attempt.connection.disconnected();
    expect(seen()).toEqual({ connections: 0, sessions: 1, tasks: [0] });
    engine.tick(RETAINED_MS);
    expect(seen().sessions).toBe(0);
  });

  it('N7, N10: an attempt to continue it that succeeds brings it back', async () => {
    const initiator = await opened(RECOVERABLE);
    initiator.connection.disconnected();
    const { joined: attempt, response } = await joinSession(initiator, { cid: 0 });
    expect(response.statusClass).toBe(0);
    engine.tick(RETAINED_MS);
    expect(seen()).toEqual({ connections: 1, sessions: 1, tasks: [0] });
    expect(ofType(await attempt.send(nopOut(attempt)), 'nop-in').length).toBeGreaterThan(0);
    expect(scsi.nexuses).toMatchObject([{ closed: false }]);
  });

  it('N11: a reinstatement ends it, though an attempt to continue it is under way', async () => {
    const initiator = await opened(RECOVERABLE);
    const { tsih } = initiator;
    initiator.connection.disconnected();
    const { joined: attempt } = await joinSession(initiator, { cid: 0, fields: { csg: 0, nsg: 1 } });
    await opened();
    expect(scsi.nexuses).toMatchObject([{ closed: true }, { closed: false }]);
    const [late] = await attempt.send(attempt.loginRequest({ tsih, cid: 0 }, {}));
    expect(late).toMatchObject({ statusClass: 2, statusDetail: LoginStatus.SESSION_DOES_NOT_EXIST & 255 });
    expect(seen().sessions).toBe(1);
  });
});
