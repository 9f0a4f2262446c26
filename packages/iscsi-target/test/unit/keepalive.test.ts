import type { NopInPdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const INTERVAL_MS = 1000;
const TIMEOUT_MS = 3000;
const SESSIONS = 500;

async function answer(initiator: TestInitiator, ping: NopInPdu): Promise<void> {
  const { lun, targetTransferTag } = ping;
  const numbers = { cmdSn: initiator.cmdSn, expStatSn: initiator.expStatSn };
  const reply = {
    type: 'nop-out',
    immediate: true,
    lun,
    initiatorTaskTag: 0xffffffff,
    targetTransferTag,
  } as const;
  await initiator.send({ ...reply, ...numbers, data: new Uint8Array(0) });
}

describe('keepalive over many sessions', () => {
  it('T-K1: silent peers are pinged once and kept; one that used to answer and falls silent is dropped', async () => {
    const limits = { pingIntervalMs: INTERVAL_MS, pingTimeoutMs: TIMEOUT_MS, maxSessions: SESSIONS };
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }], limits);
    const initiators: TestInitiator[] = [];
    for (let index = 0; index < SESSIONS; index++) {
      const initiator = new TestInitiator(engine);
      await initiator.login({ initiatorName: `iqn.1994-05.com.example:${index}` });
      initiators.push(initiator);
    }
    engine.tick(INTERVAL_MS);
    const pings = await Promise.all(initiators.map((initiator) => initiator.settle()));
    expect(pings.every((pdus) => pdus.length === 1 && pdus[0]?.type === 'nop-in')).toBe(true);

    // Every second one answers, once.
    for (const [index, initiator] of initiators.entries()) {
      initiator.nowMs = INTERVAL_MS + 1;
      if (index % 2 === 0) await answer(initiator, pings[index]![0] as NopInPdu);
    }
    engine.tick(2 * INTERVAL_MS + 1);
    const second = await Promise.all(initiators.map((initiator) => initiator.settle()));
    expect(second.map((pdus) => pdus.length)).toEqual(
      initiators.map((_, index) => (index % 2 === 0 ? 1 : 0)),
    );

    engine.tick(2 * INTERVAL_MS + 1 + TIMEOUT_MS);
    expect(initiators.map(({ transport }) => transport.destroyed)).toEqual(
      initiators.map((_, index) => index % 2 === 0),
    );
    expect(engine.sessions).toHaveLength(SESSIONS / 2);
  });
});

describe('a discovery session', () => {
  it('is not pinged, and ended when it was silent for interval and time-out together (RFC 7143 §7.4.3)', async () => {
    const limits = { pingIntervalMs: INTERVAL_MS, pingTimeoutMs: TIMEOUT_MS };
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }], limits);
    const initiator = new TestInitiator(engine);
    await initiator.login({ discovery: true });
    engine.tick(INTERVAL_MS + TIMEOUT_MS - 1);
    expect(await initiator.settle()).toEqual([]);
    expect(initiator.transport.destroyed).toBe(false);
    engine.tick(INTERVAL_MS + TIMEOUT_MS);
    expect(initiator.transport.destroyed).toBe(true);
  });
});
