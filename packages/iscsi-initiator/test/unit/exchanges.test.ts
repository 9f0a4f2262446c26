import { encodeText, NO_TTT, TaskManagementFunction } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.ts';
import { MAX_EXCHANGES } from '../../src/exchanges.ts';
import { ScriptedTarget, settle, type ScriptedConnection } from '../support/scripted-target.ts';

const NO_LUN = new Uint8Array(8);
const LATE = { code: 'INITIATOR_TIMEOUT', detail: { timeoutMs: 2000 } };
const CLEAR_ACA = { function: TaskManagementFunction.CLEAR_ACA };

/** A session whose target says nothing to text and functions, and has two seconds for an answer. */
async function open(options: Partial<SessionOptions> = {}) {
  const target = new ScriptedTarget();
  const session = await target.open({ commandTimeoutMs: 2000, ...options });
  await settle();
  return { target, session, connection: target.connections[0]! };
}

/** Answers the latest text request. */
function answerText(connection: ScriptedConnection): void {
  const { initiatorTaskTag } = connection.sent('text-request').at(-1)!;
  const data = encodeText([['X-com.example.answer', 'yes']]);
  const fields = { final: true, continue: false, lun: NO_LUN, initiatorTaskTag, targetTransferTag: NO_TTT };
  connection.say({ type: 'text-response', ...fields, data, ...connection.numbers() });
}

const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('a request that is no command and is not answered in time', () => {
  it('gives its turn to the next text, and its late answer is none', async () => {
    const { target, session, connection } = await open();
    const first = outcomeOf(session.text([['SendTargets', '']]));
    await settle();
    await target.pass(1000);
    const second = session.text([['SendTargets', 'All']]);
    await target.pass(1000);
    expect(await first).toMatchObject({ ...LATE, detail: { operation: 'text' } });
    const [old, latest] = connection.sent('text-request');
    expect(latest!.initiatorTaskTag).not.toBe(old!.initiatorTaskTag);
    answerText(connection);
    expect(await second).toEqual([['X-com.example.answer', 'yes']]);
    const tags = { lun: NO_LUN, initiatorTaskTag: old!.initiatorTaskTag, targetTransferTag: NO_TTT };
    const flags = { final: true, continue: false, data: new Uint8Array(0) };
    connection.say({ type: 'text-response', ...tags, ...flags, ...connection.numbers() });
    await session.ping();
    expect(session.state).toBe('ready');
  });

  it('does not keep its connection from being removed', async () => {
    const { target, session } = await open({ connections: 2 });
    const managed = outcomeOf(session.manage(CLEAR_ACA));
    await settle();
    const asked = target.connections.findIndex((each) => each.sent('task-management-request').length > 0);
    const removed = session.removeConnection(asked);
    await target.pass(2000);
    expect(await managed).toMatchObject({ ...LATE, detail: { operation: 'task management' } });
    await removed;
    expect(target.connections[asked]!.ended).toBe(true);
  });

  it('holds no timer once it is answered', async () => {
    const { target, session } = await open();
    const before = target.clock.pendingTimers;
    await session.ping();
    expect(target.clock.pendingTimers).toBe(before);
  });
});

describe('the signal of a request that is no command', () => {
  it('takes a text back that waits, and one under way keeps its turn until it is answered', async () => {
    const { session, connection } = await open();
    const [underWay, waiting] = [new AbortController(), new AbortController()];
    const first = outcomeOf(session.text([['SendTargets', '']], { signal: underWay.signal }));
    const second = outcomeOf(session.text([['SendTargets', 'b']], { signal: waiting.signal }));
    const third = session.text([['SendTargets', 'All']]);
    await settle();
    underWay.abort();
    waiting.abort();
    for (const outcome of [first, second]) expect(await outcome).toMatchObject({ code: 'INITIATOR_ABORTED' });
    await settle();
    expect(connection.sent('text-request')).toHaveLength(1);
    answerText(connection);
    await settle();
    expect(connection.sent('text-request')).toHaveLength(2);
    answerText(connection);
    expect(await third).toHaveLength(1);
  });

  it('ends a ping for good, so that its connection can be removed', async () => {
    const { target, session } = await open({ connections: 2 });
    target.alive = false;
    const abort = new AbortController();
    const ping = outcomeOf(session.ping({ signal: abort.signal }));
    await settle();
    const asked = target.connections.findIndex((each) => each.sent('nop-out').length > 0);
    abort.abort();
    expect(await ping).toMatchObject({ code: 'INITIATOR_ABORTED' });
    await session.removeConnection(asked);
    expect(target.connections[asked]!.ended).toBe(true);
  });
});

describe('requests that are no commands', () => {
  it('are refused when too many wait for their answers', async () => {
    const { target, session, connection } = await open();
    target.alive = false;
    const outcomes = Array.from({ length: MAX_EXCHANGES }, () => outcomeOf(session.ping()));
    await settle();
    const busy = { code: 'INITIATOR_BUSY', detail: { limit: MAX_EXCHANGES } };
    await expect(session.ping()).rejects.toMatchObject(busy);
    await expect(session.text([])).rejects.toMatchObject(busy);
    await expect(session.manage(CLEAR_ACA)).rejects.toMatchObject(busy);
    expect(connection.sent('nop-out')).toHaveLength(MAX_EXCHANGES);
    await target.pass(2000);
    expect((await Promise.all(outcomes))[0]).toMatchObject(LATE);
    target.alive = true;
    await session.ping();
  });
});
