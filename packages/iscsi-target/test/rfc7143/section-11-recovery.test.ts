import {
  NO_TTT,
  RESERVED_TAG,
  RejectReason,
  SnackType,
  serializePdu,
  type DataInPdu,
  type NopInPdu,
  type RejectPdu,
  type ScsiResponsePdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { nopOut, ofType, snackRequest, typesOf } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const PLAIN = { header: false, data: false };

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  initiator = new TestInitiator(engine);
  const keys = {
    ErrorRecoveryLevel: '1',
    MaxRecvDataSegmentLength: '512',
    MaxBurstLength: '1024',
    ImmediateData: 'No',
    HeaderDigest: 'CRC32C',
    DataDigest: 'CRC32C',
  };
  await initiator.login({ keys });
});

describe('SNACK (RFC 7143 §11.16)', () => {
  it('each type is there from ErrorRecoveryLevel 1 on', async () => {
    const read = initiator.read10(0, 4);
    const pdus = await initiator.send(read);
    const data = ofType(pdus, 'data-in');
    const { statSn } = ofType(pdus, 'scsi-response')[0]!;
    const { initiatorTaskTag } = read;
    const { targetTransferTag } = data[1]!;
    const { STATUS, DATA_ACK, R_DATA } = SnackType;
    const ask = (fields: Parameters<typeof snackRequest>[0]) => initiator.send(snackRequest(fields));
    expect(typesOf(await ask({ initiatorTaskTag, begRun: 1, runLength: 1 }))).toEqual(['data-in']);
    expect(typesOf(await ask({ snackType: STATUS, begRun: statSn, runLength: 1 }))).toEqual([
      'scsi-response',
    ]);
    expect(await ask({ snackType: DATA_ACK, targetTransferTag, begRun: 2 })).toEqual([]);
    expect(typesOf(await ask({ snackType: R_DATA, initiatorTaskTag, targetTransferTag: 9 }))).toEqual([
      ...['data-in', 'data-in', 'scsi-response'],
    ]);
  });

  it('what it brings is what was sent, but for the command window, which is the current one', async () => {
    const unacknowledged = { expStatSn: initiator.expStatSn };
    const read = initiator.read10(0, 2, unacknowledged);
    const data = ofType(await initiator.send(read), 'data-in');
    const [status] = (await initiator.send(initiator.command([0], unacknowledged))) as ScsiResponsePdu[];
    const write = initiator.write10(0, 1, unacknowledged);
    const [r2t] = ofType(await initiator.send(write), 'r2t');
    scsi.held = true;
    await initiator.send(initiator.read10(0, 1, unacknowledged));
    const [pong] = (await initiator.send(nopOut(initiator, unacknowledged))) as NopInPdu[];
    const { expCmdSn, maxCmdSn } = pong!;
    scsi.held = false;
    const ask = (fields: Parameters<typeof snackRequest>[0]) => initiator.send(snackRequest(fields));
    const again = await ask({ initiatorTaskTag: read.initiatorTaskTag });
    expect(again).toMatchObject(data.map((pdu) => ({ ...pdu, expCmdSn, maxCmdSn })));
    const statusAgain = await ask({ snackType: SnackType.STATUS, begRun: status!.statSn, runLength: 1 });
    expect(statusAgain).toMatchObject([{ ...status, expCmdSn, maxCmdSn }]);
    const r2tAgain = await ask({ initiatorTaskTag: write.initiatorTaskTag });
    expect(r2tAgain).toMatchObject([{ ...r2t, expCmdSn, maxCmdSn, statSn: pong!.statSn + 1 }]);
  });

  it.each<[string, Parameters<typeof snackRequest>[0]]>([
    ['a status that was never sent', { snackType: SnackType.STATUS, begRun: 9000, runLength: 1 }],
    ['a status that is acknowledged', { snackType: SnackType.STATUS, begRun: 0, runLength: 1, expStatSn: 3 }],
    ['data that was never sent', { initiatorTaskTag: 2, begRun: 99, runLength: 1 }],
    ['data of a command that is over', { initiatorTaskTag: 1 }],
    ['all data anew from the middle on', { snackType: SnackType.R_DATA, initiatorTaskTag: 2, begRun: 1 }],
  ])('that asks for %s is a protocol error', async (_what, fields) => {
    await initiator.send(initiator.read10(0, 1));
    await initiator.send(nopOut(initiator, { immediate: true, initiatorTaskTag: 500 }));
    await initiator.send(initiator.read10(0, 1));
    const acknowledged = fields.expStatSn ?? initiator.expStatSn - 1;
    expect(await initiator.send(snackRequest({ expStatSn: acknowledged, ...fields }))).toMatchObject([
      { type: 'reject', reason: RejectReason.PROTOCOL_ERROR },
    ]);
  });

  it('the response after an R-Data SNACK has its tag, the latest if there were several', async () => {
    const { initiatorTaskTag } = initiator.read10(0, 1);
    const command = initiator.read10(0, 2, { initiatorTaskTag, cmdSn: 1 });
    const first = ofType(await initiator.send(command), 'scsi-response')[0]!;
    expect(first.snackTag).toBe(0);
    for (const targetTransferTag of [5, 6]) {
      const ask = snackRequest({ snackType: SnackType.R_DATA, initiatorTaskTag, targetTransferTag });
      const last = (await initiator.send(ask)).at(-1);
      expect(last).toMatchObject({
        type: 'scsi-response',
        snackTag: targetTransferTag,
        statSn: first.statSn,
      });
    }
  });
});

describe('Reject (RFC 7143 §11.17)', () => {
  it('never has the deprecated reason 0Bh, and has the complete header of what it rejects', async () => {
    const plain = new TestInitiator(engine);
    await plain.login({ isid: 4 });
    const reasons = new Set<number>();
    for (let opcode = 0; opcode < 0x40; opcode++) {
      const bytes = serializePdu(nopOut(plain), PLAIN);
      bytes[0] = 0x40 | opcode;
      for (const pdu of ofType(await plain.sendBytes(bytes), 'reject')) {
        reasons.add(pdu.reason);
        expect(pdu.data).toEqual(bytes.slice(0, 48));
      }
      if (plain.transport.ended || plain.transport.destroyed) break;
    }
    expect(reasons.size).toBeGreaterThan(0);
    expect(reasons).not.toContain(0x0b);
  });

  it('counts in StatSN, and its task tag is the reserved one', async () => {
    const [reject] = (await initiator.send(snackRequest({ begRun: 77 }))) as RejectPdu[];
    expect(reject).toMatchObject({ type: 'reject', statSn: initiator.expStatSn - 1 });
    expect(await initiator.send(nopOut(initiator))).toMatchObject([{ statSn: reject!.statSn + 1 }]);
  });
});

describe('NOP-In (RFC 7143 §11.18, §11.19)', () => {
  it.each([0, 1, 3, 511, 512, 513, 2000])(
    'echoes %d bytes of ping data, up to MaxRecvDataSegmentLength',
    async (length) => {
      const data = Uint8Array.from({ length }, (_, at) => at & 255);
      const request = nopOut(initiator, { data });
      const [pong] = (await initiator.send(request)) as NopInPdu[];
      const { initiatorTaskTag } = request;
      expect(pong).toMatchObject({ type: 'nop-in', initiatorTaskTag, targetTransferTag: NO_TTT });
      expect(pong!.data).toEqual(data.slice(0, 512));
    },
  );

  it('comes for no NOP-Out but a ping: not for an answer, nor for a mere acknowledgement', async () => {
    engine.tick(15_000);
    const [ping] = (await initiator.settle()) as NopInPdu[];
    const { targetTransferTag, lun } = ping!;
    const answer = nopOut(initiator, { initiatorTaskTag: RESERVED_TAG, targetTransferTag, lun });
    expect(await initiator.send(answer, nopOut(initiator, { initiatorTaskTag: RESERVED_TAG }))).toEqual([]);
  });

  it('that the target sends by itself has no task tag, no data, a transfer tag and a LUN that is there', async () => {
    engine.tick(15_000);
    expect(await initiator.settle()).toMatchObject([
      { type: 'nop-in', initiatorTaskTag: RESERVED_TAG, data: new Uint8Array(0), lun: new Uint8Array(8) },
    ]);
  });
});

describe('what a SNACK names (RFC 7143 §11.16.6, §11.16.7)', () => {
  it('a run of length 0 is everything from its beginning on', async () => {
    const read = initiator.read10(0, 4);
    await initiator.send(read);
    const ask = snackRequest({ initiatorTaskTag: read.initiatorTaskTag, begRun: 1, runLength: 0 });
    expect(((await initiator.send(ask)) as DataInPdu[]).map(({ dataSn }) => dataSn)).toEqual([1, 2, 3]);
  });
});
