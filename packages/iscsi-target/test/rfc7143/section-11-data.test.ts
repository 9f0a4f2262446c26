import type { DataInPdu, R2tPdu } from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { TARGET_NAME, loggedIn } from '../support/initiator.ts';
import { ofType } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const NO_TAG = 0xffffffff;

let scsi: ScriptedScsi;
let engine: TargetEngine;

beforeEach(() => {
  scsi = new ScriptedScsi();
  for (let at = 0; at < 65_536; at++) scsi.bytes[at] = (at * 3 + (at >> 8)) & 255;
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
});

/** Lengths of the sequences that F bits end. */
function sequences(pdus: readonly DataInPdu[]): number[] {
  const lengths = [0];
  for (const { data, final } of pdus) {
    lengths[lengths.length - 1]! += data.length;
    if (final) lengths.push(0);
  }
  return lengths.slice(0, -1);
}

describe('Data-In (RFC 7143 §11.7)', () => {
  it.each([
    ['512', '1024'],
    ['1024', '1536'],
    ['1021', '2049'],
    ['8192', '512'],
  ])('no PDU exceeds MaxRecvDataSegmentLength=%s, no sequence MaxBurstLength=%s', async (segment, burst) => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: segment, MaxBurstLength: burst });
    const pdus = ofType(await initiator.send(initiator.read10(0, 13)), 'data-in');
    for (const { data } of pdus) expect(data.length).toBeLessThanOrEqual(Number(segment));
    for (const length of sequences(pdus)) expect(length).toBeLessThanOrEqual(Number(burst));
    expect(Buffer.concat(pdus.map(({ data }) => data))).toEqual(
      Buffer.from(scsi.bytes.subarray(0, 13 * 512)),
    );
  });

  it('fills whole words but for PDUs with the F bit', async () => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: '1021', MaxBurstLength: '2049' });
    const pdus = ofType(await initiator.send(initiator.read10(0, 13)), 'data-in');
    const odd = pdus.filter(({ data, final }) => data.length % 4 !== 0 && !final);
    expect(odd).toEqual([]);
    expect(pdus.some(({ data }) => data.length % 4 !== 0)).toBe(true);
  });

  it('never sets the A bit at ErrorRecoveryLevel 0, and has no target transfer tag then', async () => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: '512', MaxBurstLength: '512' });
    const pdus = ofType(await initiator.send(initiator.read10(0, 8)), 'data-in');
    expect(pdus).toHaveLength(8);
    for (const pdu of pdus) expect(pdu).toMatchObject({ acknowledge: false, targetTransferTag: NO_TAG });
  });

  it('with the A bit has a target transfer tag and the LUN of its command, once in MaxBurstLength bytes', async () => {
    const keys = { MaxRecvDataSegmentLength: '512', MaxBurstLength: '1024', ErrorRecoveryLevel: '1' };
    const initiator = await loggedIn(engine, keys);
    const command = initiator.read10(0, 7);
    const pdus = ofType(await initiator.send(command), 'data-in');
    expect(pdus.map(({ acknowledge }) => acknowledge)).toEqual([
      false,
      true,
      false,
      true,
      false,
      true,
      false,
    ]);
    for (const { acknowledge, targetTransferTag, lun } of pdus) {
      expect(targetTransferTag !== NO_TAG).toBe(acknowledge);
      expect(lun).toEqual(command.lun);
    }
  });

  it('carries status only with the F bit, and none but GOOD', async () => {
    const initiator = await loggedIn(engine, { MaxRecvDataSegmentLength: '512', MaxBurstLength: '1024' });
    for (const blocks of [1, 2, 5]) {
      const pdus = ofType(await initiator.send(initiator.read10(0, blocks)), 'data-in');
      expect(pdus.map(({ hasStatus }) => hasStatus)).toEqual(pdus.map((_, at) => at === blocks - 1));
      expect(pdus.at(-1)).toMatchObject({ final: true, status: 0 });
    }
  });

  it('of a command with both directions carries no status: that comes in a SCSI Response', async () => {
    const initiator = await loggedIn(engine);
    const both = initiator.read10(0, 1, { write: true, data: new Uint8Array(512) });
    const pdus = await initiator.send(both);
    expect(pdus).toMatchObject([
      { type: 'data-in', hasStatus: false },
      { type: 'scsi-response', status: 0 },
    ]);
    expect(engine.sessions[0]!.tasks).toBe(0);
  });
});

describe('Data-Out (RFC 7143 §11.7)', () => {
  it('may have no data: it counts in its sequence all the same', async () => {
    const initiator = await loggedIn(engine, { InitialR2T: 'No' });
    const command = initiator.write10(8, 1, { final: false });
    const data = new Uint8Array(512).fill(5);
    const outs = [
      { data: new Uint8Array(0), bufferOffset: 0, dataSn: 0, final: false },
      { data, bufferOffset: 0, dataSn: 1, final: false },
      { data: new Uint8Array(0), bufferOffset: 512, dataSn: 2, final: true },
    ].map((fields) => initiator.dataOut(command, fields));
    expect(await initiator.send(command, ...outs)).toMatchObject([{ type: 'scsi-response', status: 0 }]);
    expect(scsi.bytes.subarray(8 * 512, 9 * 512)).toEqual(data);
  });

  it.each<[string, { bufferOffset: number; length: number }[]]>([
    ['in one PDU at another offset', [{ bufferOffset: 512, length: 1024 }]],
    ['in one PDU of another length', [{ bufferOffset: 0, length: 512 }]],
    [
      'with a gap',
      [
        { bufferOffset: 0, length: 512 },
        { bufferOffset: 1024, length: 512 },
      ],
    ],
    [
      'with an overlap',
      [
        { bufferOffset: 0, length: 512 },
        { bufferOffset: 256, length: 768 },
      ],
    ],
    [
      'in the wrong order',
      [
        { bufferOffset: 512, length: 512 },
        { bufferOffset: 0, length: 512 },
      ],
    ],
    [
      'past its end',
      [
        { bufferOffset: 0, length: 512 },
        { bufferOffset: 512, length: 1024 },
      ],
    ],
  ])('that answers an R2T %s fails the command', async (_how, parts) => {
    const initiator = await loggedIn(engine, { ImmediateData: 'No' });
    const before = scsi.bytes.slice(0, 2048);
    const command = initiator.write10(0, 2);
    const [r2t] = ofType(await initiator.send(command), 'r2t');
    expect(r2t).toMatchObject({ bufferOffset: 0, desiredDataTransferLength: 1024 });
    const outs = parts.map(({ bufferOffset, length }, dataSn) => {
      const data = new Uint8Array(length).fill(0xee);
      const { targetTransferTag } = r2t!;
      const final = dataSn === parts.length - 1;
      return initiator.dataOut(command, { data, bufferOffset, dataSn, final, targetTransferTag });
    });
    const [response] = ofType(await initiator.send(...outs), 'scsi-response');
    // RFC 7143 §11.4.7.2: incorrect amount of data.
    expect([response?.status, response?.data[14], response?.data[15]]).toEqual([2, 0x0c, 0x0d]);
    expect(scsi.bytes.subarray(0, 2048)).toEqual(before);
  });
});

describe('R2T (RFC 7143 §11.8)', () => {
  it('asks for ranges that join, none of them empty or longer than MaxBurstLength, under tags of its own', async () => {
    const keys = { ImmediateData: 'No', MaxBurstLength: '1000', MaxOutstandingR2T: '8' };
    const initiator = await loggedIn(engine, keys);
    const r2ts = ofType(await initiator.send(initiator.write10(0, 7)), 'r2t');
    let next = 0;
    for (const { bufferOffset, desiredDataTransferLength, targetTransferTag } of r2ts) {
      expect(bufferOffset).toBe(next);
      expect(desiredDataTransferLength).toBeGreaterThan(0);
      expect(desiredDataTransferLength).toBeLessThanOrEqual(1000);
      expect(targetTransferTag).not.toBe(NO_TAG);
      next += desiredDataTransferLength;
    }
    expect(next).toBe(7 * 512);
    expect(new Set(r2ts.map((r2t: R2tPdu) => r2t.targetTransferTag)).size).toBe(r2ts.length);
  });
});
