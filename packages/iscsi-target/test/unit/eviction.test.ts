import { NO_TTT, RESERVED_TAG, type InitiatorPdu, type NopInPdu, serializePdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { TargetEngine, type SessionEndReason, type TargetLimits } from '../../src/index.ts';
import { NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const EVICTION_PING_MS = 500;
const SILENT = { header: false, data: false };

/** An engine, and how its sessions have ended. */
function newTarget(limits: Partial<TargetLimits> = {}): { engine: TargetEngine; ends: SessionEndReason[] } {
  const ends: SessionEndReason[] = [];
  const hooks = { onSessionEnd: (_session: unknown, reason: SessionEndReason) => void ends.push(reason) };
  const target = { name: TARGET_NAME, scsi: new ScriptedScsi() };
  const bounds = { evictionPingMs: EVICTION_PING_MS, ...limits };
  return { engine: new TargetEngine([target], bounds, { hooks }), ends };
}

/** Sends the login of the same initiator port, and leaves time to the test. */
function loginAgain(engine: TargetEngine, fields: { tsih?: number; cid?: number } = {}): TestInitiator {
  const second = new TestInitiator(engine);
  second.connection.receive(serializePdu(second.loginRequest(fields, NAMES), SILENT), 0);
  return second;
}

function answerTo(ping: NopInPdu, initiator: TestInitiator): InitiatorPdu {
  return {
    type: 'nop-out',
    immediate: true,
    lun: ping.lun,
    initiatorTaskTag: RESERVED_TAG,
    targetTransferTag: ping.targetTransferTag,
    cmdSn: initiator.cmdSn,
    expStatSn: initiator.expStatSn,
    data: ping.data,
  };
}

const isGone = ({ transport }: TestInitiator): boolean => transport.destroyed || transport.ended;
const SUCCESS = [{ type: 'login-response', statusClass: 0 }];

describe('T-L9: a login pings whom it evicts (RFC 7143 §6.3.5)', () => {
  it('a silent session is reinstated when the wait is over', async () => {
    const { engine, ends } = newTarget();
    const first = new TestInitiator(engine);
    await first.login();
    const second = loginAgain(engine);
    const [ping] = await first.settle();
    expect(ping).toMatchObject({ type: 'nop-in', initiatorTaskTag: RESERVED_TAG });
    expect((ping as NopInPdu).targetTransferTag).not.toBe(NO_TTT);
    engine.tick(EVICTION_PING_MS - 1);
    expect(await second.settle()).toEqual([]);
    expect(isGone(first)).toBe(false);
    engine.tick(EVICTION_PING_MS);
    expect(await second.settle()).toMatchObject(SUCCESS);
    expect(isGone(first)).toBe(true);
    expect(ends).toEqual(['reinstated']);
  });

  it('one that answers is taken over at once, and is told apart', async () => {
    const { engine, ends } = newTarget();
    const first = new TestInitiator(engine);
    await first.login();
    const second = loginAgain(engine);
    const [ping] = await first.settle();
    await first.send(answerTo(ping as NopInPdu, first));
    expect(await second.settle()).toMatchObject(SUCCESS);
    expect(isGone(first)).toBe(true);
    expect(ends).toEqual(['taken-over']);
    expect(engine.sessions).toHaveLength(1);
  });

  it('any PDU is a sign of life (T-K1)', async () => {
    const { engine, ends } = newTarget();
    const first = new TestInitiator(engine);
    await first.login();
    const second = loginAgain(engine);
    first.nowMs = 1;
    expect(await first.send(first.read10(0, 1))).toMatchObject([{ type: 'nop-in' }, { type: 'data-in' }]);
    engine.tick(EVICTION_PING_MS);
    expect(await second.settle()).toMatchObject(SUCCESS);
    expect(ends).toEqual(['taken-over']);
  });

  it('nothing is waited for once the old connection is gone', async () => {
    const { engine, ends } = newTarget();
    const first = new TestInitiator(engine);
    await first.login();
    const second = loginAgain(engine);
    first.connection.disconnected();
    engine.tick(1);
    expect(await second.settle()).toMatchObject(SUCCESS);
    expect(ends).toEqual(['connection-lost']);
  });

  it('a login that is cut, or goes on before its answer, evicts nobody', async () => {
    const { engine } = newTarget();
    const first = new TestInitiator(engine);
    await first.login();
    const cut = loginAgain(engine);
    cut.connection.disconnected();
    const hasty = loginAgain(engine);
    const [refusal] = await hasty.send(hasty.loginRequest({}, NAMES));
    expect(refusal).toMatchObject({ type: 'login-response', statusClass: 2, statusDetail: 0 });
    engine.tick(EVICTION_PING_MS);
    const [ping] = await first.settle();
    await first.send(answerTo(ping as NopInPdu, first));
    expect(isGone(first)).toBe(false);
    expect(engine.sessions).toHaveLength(1);
  });

  it('a login that a later one has overtaken while it waited is refused (0301h), and evicts nobody', async () => {
    const { engine, ends } = newTarget();
    const first = new TestInitiator(engine);
    await first.login();
    const stale = loginAgain(engine);
    first.connection.disconnected();
    const second = new TestInitiator(engine);
    await second.login();
    engine.tick(EVICTION_PING_MS);
    expect(await stale.settle()).toMatchObject([{ statusClass: 3, statusDetail: 1 }]);
    expect(isGone(second)).toBe(false);
    expect(ends).toEqual(['connection-lost']);
  });

  it('one for the CID of another connection pings that one alone (§6.3.4)', async () => {
    const { engine } = newTarget();
    const first = new TestInitiator(engine);
    await first.login({ keys: { MaxConnections: '2' } });
    const other = new TestInitiator(engine);
    const [joined] = await other.send(other.loginRequest({ tsih: first.tsih, cid: 1 }, NAMES));
    expect(joined).toMatchObject({ statusClass: 0 });
    const third = loginAgain(engine, { tsih: first.tsih, cid: 1 });
    expect(await first.settle()).toEqual([]);
    expect(await other.settle()).toMatchObject([{ type: 'nop-in' }]);
    engine.tick(EVICTION_PING_MS);
    expect(await third.settle()).toMatchObject(SUCCESS);
    expect([isGone(first), isGone(other)]).toEqual([false, true]);
  });

  it('with a wait of 0 nobody is asked', async () => {
    const { engine, ends } = newTarget({ evictionPingMs: 0 });
    const first = new TestInitiator(engine);
    await first.login();
    const second = loginAgain(engine);
    expect(await second.settle()).toMatchObject(SUCCESS);
    expect(await first.settle()).toEqual([]);
    expect(ends).toEqual(['reinstated']);
  });
});
