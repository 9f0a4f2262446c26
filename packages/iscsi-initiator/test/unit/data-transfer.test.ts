import { NO_TTT } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { NegotiationOptions } from '../../src/index.ts';
import { ScriptedTarget, settle } from '../support/scripted-target.ts';

const CDB = new Uint8Array(10);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251);

describe('Data-Out (RFC 7143 §4.2.5.2, §11.7)', () => {
  /** A write of 20 000 bytes to a target that takes segments of 8192: what goes out before any R2T. */
  async function firstBurst(negotiation: NegotiationOptions) {
    const target = new ScriptedTarget();
    target.command = () => undefined;
    const session = await target.open({ negotiation });
    const write = [bytes(20_000).subarray(0, 7), bytes(20_000).subarray(7)];
    const ended = session.command({ lun: 0, cdb: CDB, write });
    await settle();
    const { connection } = target;
    const [command] = connection.sent('scsi-command');
    const places = () =>
      connection.sent('data-out').map((pdu) => [pdu.bufferOffset, pdu.data.length, pdu.dataSn, pdu.final]);
    return { target, connection, command: command!, places, ended };
  }

  it('is immediate, then unsolicited, up to the first burst', async () => {
    const { command, places, connection } = await firstBurst({ firstBurstBytes: 18_000 });
    expect(command).toMatchObject({ final: false, write: true, expectedDataTransferLength: 20_000 });
    expect(command.data).toEqual(bytes(20_000).subarray(0, 8192));
    expect(places()).toEqual([
      [8192, 8192, 0, false],
      [16_384, 1616, 1, true],
    ]);
    expect(connection.sent('data-out').every((pdu) => pdu.targetTransferTag === NO_TTT)).toBe(true);
  });

  it('is only immediate with InitialR2T', async () => {
    const { command, places } = await firstBurst({ initialR2t: true, firstBurstBytes: 4096 });
    expect(command.final).toBe(true);
    expect(command.data).toHaveLength(4096);
    expect(places()).toEqual([]);
  });

  it('waits for R2Ts where nothing may go by itself, and answers each as a sequence', async () => {
    const { connection, command, places, ended } = await firstBurst({
      initialR2t: true,
      immediateData: false,
    });
    expect(command.data).toHaveLength(0);
    connection.r2t(command, 70, 0, 0, 10_000);
    connection.r2t(command, 71, 1, 10_000, 10_000);
    await settle();
    expect(places()).toEqual([
      [0, 8192, 0, false],
      [8192, 1808, 1, true],
      [10_000, 8192, 0, false],
      [18_192, 1808, 1, true],
    ]);
    const sent = connection.sent('data-out');
    expect(sent.map((pdu) => pdu.targetTransferTag)).toEqual([70, 70, 71, 71]);
    expect(Buffer.concat(sent.map((pdu) => pdu.data))).toEqual(Buffer.from(bytes(20_000)));
    connection.respond(command);
    await expect(ended).resolves.toMatchObject({ status: 0, residualBytes: 0 });
  });

  it.each([
    ['more than the command has', 0, 16_384, 8192],
    ['nothing', 0, 0, 0],
    ['in the wrong order', 1, 0, 512],
  ])('is not sent for an R2T that asks for %s', async (_, r2tSn, offset, length) => {
    const { connection, command, ended } = await firstBurst({ initialR2t: true, immediateData: false });
    connection.r2t(command, 70, r2tSn, offset, length);
    await expect(ended).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
  });

  it('and everything else carries digests where they were agreed', async () => {
    const target = new ScriptedTarget();
    target.useDigests();
    const policy = { headerDigest: 'preferred', dataDigest: 'preferred' } as const;
    const session = await target.open({ negotiation: policy });
    const written = session.command({ lun: 0, cdb: CDB, write: [bytes(9), bytes(10_000)] });
    // The scripted target checks every digest that it gets.
    await expect(written).resolves.toMatchObject({ status: 0 });
  });
});

describe('Data-In (RFC 7143 §11.7)', () => {
  it('lands in the buffers of the caller, wherever PDUs and buffers are cut', async () => {
    const target = new ScriptedTarget();
    const data = bytes(1000);
    target.command = (connection, pdu) => {
      connection.dataIn(pdu, { bufferOffset: 0, dataSn: 0, final: false }, data.subarray(0, 300));
      connection.dataIn(pdu, { bufferOffset: 300, dataSn: 1, final: false }, data.subarray(300, 301));
      connection.dataIn(pdu, { bufferOffset: 301, dataSn: 2, final: true }, data.subarray(301));
    };
    const session = await target.open();
    const into = [new Uint8Array(299), new Uint8Array(2), new Uint8Array(0), new Uint8Array(800)];
    const result = await session.command({ lun: 0, cdb: CDB, read: into });
    expect(result).toMatchObject({ status: 0, receivedBytes: 1000 });
    expect(Buffer.concat(into).subarray(0, 1000)).toEqual(Buffer.from(data));
  });

  it.each([
    ['a hole', { bufferOffset: 4, dataSn: 0, final: true }, 4],
    ['a number left out', { bufferOffset: 0, dataSn: 1, final: true }, 4],
    ['more than was asked for', { bufferOffset: 0, dataSn: 0, final: true }, 12],
  ])('with %s ends the connection, and touches nothing', async (_, place, length) => {
    const target = new ScriptedTarget();
    target.command = (connection, pdu) => connection.dataIn(pdu, place, bytes(length).fill(1));
    const session = await target.open();
    const data = new Uint8Array(8);
    await expect(session.command({ lun: 0, cdb: CDB, read: [data] })).rejects.toMatchObject({
      code: 'INITIATOR_PROTOCOL',
    });
    expect([...data]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });
});
