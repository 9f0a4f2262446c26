import {
  NO_TTT,
  RESERVED_TAG,
  decodeText,
  encodeText,
  serializePdu,
  type AsyncMessagePdu,
  type LogoutRequestPdu,
  type NopInPdu,
  type NopOutPdu,
  type RejectPdu,
  type TextRequestPdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }], { queueDepth: 4 });
  initiator = new TestInitiator(engine);
  await initiator.login();
});

function nopOut(fields: Partial<NopOutPdu>): NopOutPdu {
  return {
    type: 'nop-out',
    immediate: true,
    lun: new Uint8Array(8),
    initiatorTaskTag: initiator.newTag(),
    targetTransferTag: NO_TTT,
    cmdSn: initiator.cmdSn,
    expStatSn: initiator.expStatSn,
    data: new Uint8Array(0),
    ...fields,
  };
}

function text(keys: Record<string, string>, fields: Partial<TextRequestPdu> = {}): TextRequestPdu {
  return {
    type: 'text-request',
    immediate: true,
    final: true,
    continue: false,
    lun: new Uint8Array(8),
    initiatorTaskTag: 500,
    targetTransferTag: NO_TTT,
    cmdSn: initiator.cmdSn,
    expStatSn: initiator.expStatSn,
    data: encodeText(Object.entries(keys)),
    ...fields,
  };
}

function logout(reason: number): LogoutRequestPdu {
  const { cmdSn, expStatSn } = initiator;
  return { type: 'logout-request', immediate: true, reason, initiatorTaskTag: 900, cid: 0, cmdSn, expStatSn };
}

describe('command window (RFC 7143 §4.2.2.1)', () => {
  it('runs commands in CmdSN order', async () => {
    const [first, second] = [initiator.read10(1, 1), initiator.read10(2, 1)];
    expect(await initiator.send(second)).toEqual([]);
    const pdus = await initiator.send(first);
    expect(pdus.map((pdu) => (pdu as { initiatorTaskTag: number }).initiatorTaskTag)).toEqual([
      first.initiatorTaskTag,
      second.initiatorTaskTag,
    ]);
  });

  it('T-K8: ignores a CmdSN above MaxCmdSN, below ExpCmdSN, and one that is waiting already', async () => {
    expect(await initiator.send(initiator.read10(0, 1, { cmdSn: 1 + 4 }))).toEqual([]);
    expect(await initiator.send(initiator.read10(0, 1, { cmdSn: 0 }))).toEqual([]);
    expect(
      await initiator.send(initiator.read10(0, 1, { cmdSn: 2 }), initiator.read10(0, 1, { cmdSn: 2 })),
    ).toEqual([]);
    expect(scsi.executed).toHaveLength(0);
    expect(await initiator.send(initiator.read10(0, 1, { cmdSn: 1 }))).toHaveLength(2);
  });

  it('closes with each command at work, never goes back, and opens with each status', async () => {
    scsi.held = true;
    await initiator.send(initiator.read10(0, 1), initiator.read10(1, 1));
    const [pong] = await initiator.send(nopOut({}));
    expect(pong).toMatchObject({ expCmdSn: 3, maxCmdSn: 4 });
    scsi.release();
    const pdus = (await initiator.settle()) as NopInPdu[];
    expect(pdus.map((pdu) => pdu.maxCmdSn)).toEqual([5, 6]);
  });

  it('is narrower for a new session the more there are', async () => {
    const crowded = new TargetEngine([{ name: TARGET_NAME, scsi }], { queueDepth: 64, totalQueueDepth: 128 });
    const widths: number[] = [];
    for (let isid = 1; isid <= 20; isid++) {
      const one = new TestInitiator(crowded);
      await one.login({ isid });
      const [pong] = (await one.send({ ...nopOut({}), cmdSn: 1 })) as NopInPdu[];
      widths.push(pong!.maxCmdSn - pong!.expCmdSn + 1);
    }
    expect([widths[0], widths[1], widths[3], widths[19]]).toEqual([64, 64, 32, 8]);
  });

  it('runs immediate commands at once and out of order, up to a limit', async () => {
    const [pdu] = await initiator.send(initiator.read10(0, 1, { immediate: true, cmdSn: 3 }));
    expect(pdu).toMatchObject({ type: 'data-in', expCmdSn: 1 });
    scsi.held = true;
    const many = Array.from({ length: 9 }, () => initiator.read10(0, 1, { immediate: true, cmdSn: 1 }));
    const refused = await initiator.send(...many);
    expect(refused).toMatchObject([{ type: 'reject', reason: 0x06 }]);
  });

  it('rejects a task tag that is in use (RFC 7143 §11.17.1, "task in progress")', async () => {
    scsi.held = true;
    const pdus = await initiator.send(
      initiator.read10(0, 1, { initiatorTaskTag: 7 }),
      initiator.read10(0, 1, { initiatorTaskTag: 7 }),
    );
    expect(pdus).toMatchObject([{ type: 'reject', reason: 0x07 }]);
  });
});

describe('NOP (RFC 7143 §11.18, §11.19)', () => {
  it('echoes the ping data under the same tag', async () => {
    const [pong] = await initiator.send(nopOut({ initiatorTaskTag: 42, data: Uint8Array.of(1, 2, 3) }));
    expect(pong).toMatchObject({ type: 'nop-in', initiatorTaskTag: 42, targetTransferTag: NO_TTT });
    expect([...(pong as NopInPdu).data]).toEqual([1, 2, 3]);
  });

  it('answers while commands are stuck on the device (T-K3)', async () => {
    scsi.held = true;
    await initiator.send(
      initiator.read10(0, 1),
      initiator.read10(0, 1),
      initiator.read10(0, 1),
      initiator.read10(0, 1),
    );
    expect(await initiator.send(nopOut({}))).toMatchObject([{ type: 'nop-in' }]);
  });

  it('a peer that pings for ever and reads nothing is not read from any more', async () => {
    initiator.transport.stalled = true;
    const ping = serializePdu(nopOut({ data: new Uint8Array(8192) }), { header: false, data: false });
    while (!initiator.transport.paused) initiator.connection.receive(ping, 0);
    expect(initiator.connection.outbox.backlogBytes).toBeLessThan(2 * 2_097_152 + 10_000);
    initiator.transport.unstall();
    await initiator.settle();
    expect(initiator.transport.paused).toBe(false);
  });

  it('stays silent on a NOP-Out without a task tag', async () => {
    expect(await initiator.send(nopOut({ initiatorTaskTag: RESERVED_TAG }))).toEqual([]);
  });

  it('T-K2: a ping of the target has a valid tag, no task tag, and does not advance StatSN', async () => {
    const before = initiator.expStatSn;
    engine.tick(15_000);
    const [ping] = await initiator.settle();
    expect(ping).toMatchObject({ type: 'nop-in', initiatorTaskTag: RESERVED_TAG, statSn: before });
    expect((ping as NopInPdu).targetTransferTag).not.toBe(NO_TTT);
  });

  it('T-K1: an initiator that never answered a ping is never dropped for its silence', async () => {
    for (let nowMs = 0; nowMs < 600_000; nowMs += 1000) engine.tick(nowMs);
    expect(initiator.transport.destroyed).toBe(false);
  });

  it('an initiator that used to answer and falls silent is dropped', async () => {
    engine.tick(15_000);
    const [ping] = await initiator.settle();
    initiator.nowMs = 16_000;
    const targetTransferTag = (ping as NopInPdu).targetTransferTag;
    await initiator.send(nopOut({ initiatorTaskTag: RESERVED_TAG, targetTransferTag }));
    engine.tick(31_000);
    engine.tick(60_999);
    expect(initiator.transport.destroyed).toBe(false);
    engine.tick(61_000);
    expect(initiator.transport.destroyed).toBe(true);
  });
});

describe('asynchronous messages (RFC 7143 §11.9)', () => {
  it('a change at a unit is told with its LUN and sense data (T-N3)', async () => {
    const sense = Uint8Array.of(0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3f, 0x0e, 0, 0, 0, 0);
    scsi.nexuses[0]!.options.onUnitChanged?.(5, sense);
    const [message] = await initiator.settle();
    expect(message).toMatchObject({ type: 'async-message', asyncEvent: 0 });
    const { lun, data } = message as AsyncMessagePdu;
    expect([...lun]).toEqual([0, 5, 0, 0, 0, 0, 0, 0]);
    expect([...data]).toEqual([0, 18, ...sense]);
  });
});

describe('text (RFC 7143 §11.10, Appendix C)', () => {
  it('T-L11: SendTargets in a discovery session names every target at the address in use', async () => {
    const discovery = new TestInitiator(engine);
    await discovery.login({ discovery: true, isid: 3 });
    const [response] = await discovery.send({ ...text({ SendTargets: 'All' }), cmdSn: discovery.cmdSn });
    expect(decodeText((response as TextResponsePdu).data)).toEqual([
      ['TargetName', TARGET_NAME],
      ['TargetAddress', '127.0.0.1:3260,1'],
    ]);
    expect(response).toMatchObject({ final: true, targetTransferTag: NO_TTT });
  });

  it('in a normal session it names that session’s target only', async () => {
    const [own] = await initiator.send(text({ SendTargets: '' }));
    expect(decodeText((own as TextResponsePdu).data)[0]).toEqual(['TargetName', TARGET_NAME]);
    const [all] = await initiator.send(text({ SendTargets: 'All' }));
    expect(decodeText((all as TextResponsePdu).data)).toEqual([['SendTargets', 'Reject']]);
  });

  it('a long answer is continued under a target transfer tag', async () => {
    const targets = Array.from({ length: 300 }, (_, i) => ({ name: `iqn.2026-11.io.lunbox:t${i}`, scsi }));
    const big = new TestInitiator(new TargetEngine(targets));
    await big.login({ discovery: true });
    const parts: Uint8Array[] = [];
    let [response] = (await big.send({ ...text({ SendTargets: 'All' }), cmdSn: 1 })) as TextResponsePdu[];
    parts.push(response!.data);
    while (!response!.final) {
      expect(response!.data.length).toBeLessThanOrEqual(8192);
      const next = text({}, { cmdSn: 1, targetTransferTag: response!.targetTransferTag });
      [response] = (await big.send(next)) as TextResponsePdu[];
      parts.push(response!.data);
    }
    expect(decodeText(Buffer.concat(parts)).filter(([key]) => key === 'TargetName')).toHaveLength(300);
  });

  it('a discovery session takes no SCSI commands', async () => {
    const discovery = new TestInitiator(engine);
    await discovery.login({ discovery: true, isid: 3 });
    expect(await discovery.send(discovery.read10(0, 1))).toMatchObject([{ type: 'reject', reason: 0x05 }]);
  });

  it('takes a new MaxRecvDataSegmentLength, and rejects keys of the login', async () => {
    const [response] = await initiator.send(text({ MaxRecvDataSegmentLength: '512', MaxBurstLength: '512' }));
    expect(decodeText((response as TextResponsePdu).data)).toEqual([['MaxBurstLength', 'Reject']]);
    expect(await initiator.send(initiator.read10(0, 2))).toHaveLength(2);
  });

  it('rejects a continuation that nobody began', async () => {
    const [response] = await initiator.send(text({}, { targetTransferTag: 77 }));
    expect(response).toMatchObject({ type: 'reject', reason: 0x09 });
  });
});

describe('logout, reject and the end', () => {
  it('logs out of the session: response, end of connection, loss of nexus (RFC 7143 §11.14)', async () => {
    expect(await initiator.send(logout(0))).toMatchObject([{ type: 'logout-response', response: 0 }]);
    expect(initiator.transport.ended).toBe(true);
    expect(scsi.nexuses[0]!.closed).toBe(true);
    expect(engine.sessions).toEqual([]);
  });

  it('refuses a logout for recovery, which ErrorRecoveryLevel 0 has not', async () => {
    expect(await initiator.send(logout(2))).toMatchObject([{ type: 'logout-response', response: 2 }]);
    expect(initiator.transport.ended).toBe(false);
  });

  it('T-K7: a Reject carries the whole header of the refused PDU', async () => {
    const pdu = serializePdu(nopOut({}), { header: false, data: false });
    pdu[0] = 0x40 | 0x1c;
    const [reject] = (await initiator.sendBytes(pdu)) as RejectPdu[];
    expect(reject).toMatchObject({ type: 'reject', reason: 0x05 });
    expect(reject!.data).toEqual(pdu.slice(0, 48));
  });

  it('a broken header digest ends the connection (RFC 7143 §7.8)', async () => {
    const careful = new TestInitiator(engine);
    await careful.login({ keys: { HeaderDigest: 'CRC32C' }, isid: 8 });
    const pdu = serializePdu(careful.read10(0, 1), { header: true, data: false });
    pdu[50] = pdu[50]! ^ 0xff;
    await careful.sendBytes(pdu);
    expect(careful.transport.destroyed).toBe(true);
  });

  it.each([
    ['0', 0],
    ['1', 0],
    ['2', 1],
  ])(
    'so it does at ErrorRecoveryLevel %s: nobody knows where the next PDU begins (§7.8); %d sessions stay',
    async (ErrorRecoveryLevel, stay) => {
      initiator.connection.disconnected();
      const careful = new TestInitiator(engine);
      await careful.login({ keys: { HeaderDigest: 'CRC32C', ErrorRecoveryLevel }, isid: 8 });
      const good = serializePdu(careful.read10(0, 1), { header: true, data: false });
      const bad = good.slice();
      bad[50] = bad[50]! ^ 0xff;
      expect(await careful.sendBytes(bad, good)).toEqual([]);
      expect(careful.transport.destroyed).toBe(true);
      expect(engine.sessions).toHaveLength(stay);
    },
  );

  it('drain asks every session to log out and refuses new logins; stop drops those that are left', async () => {
    engine.drain(3);
    expect(await initiator.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 1, parameter3: 3 }]);
    await expect(new TestInitiator(engine).login({ isid: 9 })).rejects.toThrow('"statusClass":3');
    expect(await initiator.send(initiator.read10(0, 1))).toMatchObject([{ type: 'data-in', status: 0 }]);
    engine.stop();
    expect(await initiator.settle()).toMatchObject([{ type: 'async-message', asyncEvent: 3 }]);
    expect(initiator.transport.ended).toBe(true);
  });

  it('a lost connection ends its commands and its nexus', async () => {
    scsi.held = true;
    await initiator.send(initiator.write10(0, 1, { data: new Uint8Array(512) }));
    initiator.connection.disconnected();
    expect(scsi.nexuses[0]!.closed).toBe(true);
    expect(scsi.ended).toBe(0);
    scsi.release();
    await initiator.settle();
    expect(scsi.ended).toBe(1);
  });
});
