import {
  decodeText,
  encodeText,
  LogoutReason,
  type AsyncMessagePdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator, joinSession, loggedIn } from '../support/initiator.ts';
import { logoutRequest, textRequest } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const NO_TAG = 0xffffffff;

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  const others = Array.from({ length: 300 }, (_, at) => ({ name: `iqn.2026-11.io.lunbox:t${at}`, scsi }));
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }, ...others]);
});

async function discovery(keys: Record<string, string> = {}): Promise<TestInitiator> {
  const initiator = new TestInitiator(engine);
  await initiator.login({ discovery: true, keys });
  return initiator;
}

/** The whole answer to SendTargets=All, asked for piece by piece. */
async function allTargets(from: TestInitiator, lun = new Uint8Array(8)): Promise<TextResponsePdu[]> {
  const request = textRequest(from, { SendTargets: 'All' }, { lun });
  const responses = (await from.send(request)) as TextResponsePdu[];
  while (!responses.at(-1)!.final) {
    const { targetTransferTag } = responses.at(-1)!;
    const more = { ...request, cmdSn: from.cmdSn, targetTransferTag, data: new Uint8Array(0) };
    responses.push(...((await from.send(more)) as TextResponsePdu[]));
  }
  return responses;
}

describe('Asynchronous Message (RFC 7143 §11.9)', () => {
  it('a logout request comes on each connection that is to log out', async () => {
    const first = await loggedIn(engine, { MaxConnections: '2' });
    const { joined: second } = await joinSession(first, { cid: 1 });
    engine.drain(5);
    for (const connection of [first, second]) {
      expect(await connection.settle()).toMatchObject([
        { type: 'async-message', asyncEvent: 1, parameter3: 5, statSn: connection.expStatSn - 1 },
      ]);
    }
    expect(await first.send(logoutRequest(first, LogoutReason.CLOSE_SESSION))).toMatchObject([
      { response: 0 },
    ]);
  });

  it('a SCSI event names the unit and has its sense data', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login();
    const sense = Uint8Array.of(0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 0x09, 0, 0, 0, 0);
    scsi.nexuses[0]!.options.onUnitChanged?.(300, sense);
    const [message] = (await initiator.settle()) as AsyncMessagePdu[];
    expect(message).toMatchObject({ asyncEvent: 0, lun: Uint8Array.of(0x41, 44, 0, 0, 0, 0, 0, 0) });
    expect(message!.data).toEqual(Uint8Array.of(0, sense.length, ...sense));
  });
});

describe('Text Response (RFC 7143 §11.10, §11.11)', () => {
  it('with the F bit set has no target transfer tag, with it clear has one, and the C bit excludes it', async () => {
    const responses = await allTargets(await discovery());
    expect(responses.length).toBeGreaterThan(2);
    responses.forEach(({ final, continue: goesOn, targetTransferTag }, at) => {
      expect(final).toBe(at === responses.length - 1);
      expect(targetTransferTag === NO_TAG).toBe(final);
      expect(goesOn && final).toBe(false);
    });
  });

  it('goes on for a request with its tag and LUN, and keeps the task tag', async () => {
    const lun = Uint8Array.of(0, 3, 0, 0, 0, 0, 0, 0);
    const responses = await allTargets(await discovery(), lun);
    expect(new Set(responses.map(({ initiatorTaskTag }) => initiatorTaskTag)).size).toBe(1);
    for (const response of responses.slice(0, -1)) expect(response.lun).toEqual(lun);
    const text = decodeText(Buffer.concat(responses.map(({ data }) => data)));
    expect(text.filter(([key]) => key === 'TargetName')).toHaveLength(301);
  });

  it.each([512, 1000, 8192])('is never longer than MaxRecvDataSegmentLength=%d', async (segment) => {
    const initiator = await discovery({ MaxRecvDataSegmentLength: String(segment) });
    for (const { data } of await allTargets(initiator)) expect(data.length).toBeLessThanOrEqual(segment);
  });

  it('with the F bit set has nothing that the initiator would have to answer', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login();
    for (const keys of [
      { SendTargets: '' },
      { MaxRecvDataSegmentLength: '4096' },
      { 'X-com.example': '1' },
    ]) {
      const request = textRequest(initiator, keys);
      const [response] = (await initiator.send(request)) as TextResponsePdu[];
      expect(response!.final).toBe(true);
      const proposed = decodeText(response!.data).filter(
        ([key, value]) =>
          !(key in keys) && !['TargetName', 'TargetAddress', 'NotUnderstood'].includes(key) && value,
      );
      expect(proposed).toEqual([]);
    }
  });

  it('to a request without the F bit has it clear, and the exchange goes on', async () => {
    const initiator = new TestInitiator(engine);
    await initiator.login();
    const request = textRequest(initiator, { SendTargets: '' }, { final: false });
    const [open] = (await initiator.send(request)) as TextResponsePdu[];
    expect(open).toMatchObject({ final: false });
    expect(open!.targetTransferTag).not.toBe(NO_TAG);
    const end = { ...request, final: true, targetTransferTag: open!.targetTransferTag, data: encodeText([]) };
    expect(await initiator.send(end)).toMatchObject([{ final: true, targetTransferTag: NO_TAG }]);
  });

  it('a request without a tag begins a new exchange, whatever was open before', async () => {
    const initiator = await discovery();
    const begin = () => textRequest(initiator, { SendTargets: 'All' });
    const [first] = (await initiator.send(begin())) as TextResponsePdu[];
    expect(first).toMatchObject({ final: false });
    const [again] = (await initiator.send(begin())) as TextResponsePdu[];
    expect(again!.data).toEqual(first!.data);
  });
});
