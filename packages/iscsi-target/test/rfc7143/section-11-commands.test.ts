import {
  Framer,
  LogoutReason,
  RejectReason,
  decodePdu,
  serializePdu,
  type FrameHeader,
  type InitiatorPdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { logoutRequest, nopOut, snackRequest, taskManagement, textRequest } from '../support/requests.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const PLAIN = { header: false, data: false };

let scsi: ScriptedScsi;
let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(async () => {
  scsi = new ScriptedScsi();
  engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
  initiator = new TestInitiator(engine);
  await initiator.login({ keys: { InitialR2T: 'No', MaxRecvDataSegmentLength: '513' } });
});

/** What the target sends for some bytes, PDU by PDU: as it is on the wire, and decoded. */
async function wire(from: TestInitiator, ...pieces: Uint8Array[]): Promise<[Uint8Array, TargetPdu][]> {
  for (const piece of pieces) from.connection.receive(piece, 0);
  return cut(Buffer.concat(await from.transport.settle()));
}

function cut(stream: Uint8Array): [Uint8Array, TargetPdu][] {
  const found: [Uint8Array, TargetPdu][] = [];
  let at = 0;
  const onPdu = (header: FrameHeader, data: Uint8Array): void => {
    const bytes = header.bytes.slice(header.offset, header.offset + header.headerLength);
    const length = header.headerLength + ((data.length + 3) & ~3);
    found.push([stream.subarray(at, at + length), decodePdu(bytes, data.slice()) as TargetPdu]);
    at += length;
  };
  new Framer({ onHeader: () => undefined, onPdu }, { maxDataSegmentLength: 0xffffff }).push(stream);
  return found;
}

/** Requests that bring every PDU that a target sends, apart from the login. */
function everything(): InitiatorPdu[] {
  return [
    nopOut(initiator, { data: Uint8Array.of(1, 2, 3) }),
    initiator.read10(0, 3),
    initiator.command([0]),
    initiator.write10(0, 1),
    initiator.read10(0xffff_fff0, 1),
    taskManagement(initiator, { referencedTaskTag: 4711 }),
    textRequest(initiator, { SendTargets: '' }),
    { ...initiator.command([0]), attribute: 7 },
    logoutRequest(initiator, LogoutReason.CLOSE_SESSION),
  ];
}

describe('what a target sends (RFC 7143 §11, §11.1, §11.2)', () => {
  it('has zeroes in every reserved field and bit, in padding, and in the lengths of what is not there', async () => {
    const login = new TestInitiator(engine);
    const request = login.loginRequest({ isid: Uint8Array.of(0x80, 0, 0, 0, 0, 9) }, NAMES);
    const pdus = await wire(login, serializePdu(request, PLAIN));
    scsi.nexuses[0]!.options.onUnitChanged?.(0, new Uint8Array(18));
    engine.tick(15_000);
    pdus.push(...(await wire(initiator, ...everything().map((pdu) => serializePdu(pdu, PLAIN)))));
    expect(new Set(pdus.map(([, { type }]) => type)).size).toBe(10);
    for (const [bytes, pdu] of pdus) {
      expect(Buffer.from(bytes), pdu.type).toEqual(Buffer.from(serializePdu(pdu, PLAIN)));
    }
  });

  it('has an opcode of a target', async () => {
    const pdus = await wire(initiator, ...everything().map((pdu) => serializePdu(pdu, PLAIN)));
    expect(pdus.length).toBeGreaterThan(8);
    for (const [bytes] of pdus) expect(bytes[0]! & 0x3f).toBeGreaterThanOrEqual(0x20);
  });

  it.each([0x20, 0x21, 0x25, 0x31, 0x3f])('an initiator’s PDU with opcode %d is rejected', async (opcode) => {
    const bytes = serializePdu(nopOut(initiator), PLAIN);
    bytes[0] = opcode;
    const [[, reject] = []] = await wire(initiator, bytes);
    expect(reject).toMatchObject({ type: 'reject', reason: RejectReason.COMMAND_NOT_SUPPORTED });
  });
});

describe('what a target is sent (RFC 7143 §11, §11.3)', () => {
  it('bits and fields that are not defined change nothing', async () => {
    const bytes = serializePdu(initiator.read10(3, 1), PLAIN);
    bytes[0]! |= 0x80;
    bytes[1]! |= 0x18;
    bytes[2] = bytes[3] = 0xff;
    const [[, pdu] = []] = await wire(initiator, bytes);
    expect(pdu).toMatchObject({ type: 'data-in', hasStatus: true, status: 0 });
  });

  it.each([5, 6, 7])('task attribute %d, which is reserved, is a protocol error', async (attribute) => {
    expect(await initiator.send({ ...initiator.command([0]), attribute })).toMatchObject([
      { type: 'reject', reason: RejectReason.PROTOCOL_ERROR },
    ]);
    expect(scsi.executed).toEqual([]);
  });

  it.each([4, 9, 15])('SNACK type %d, which is reserved, is a protocol error', async (snackType) => {
    const other = new TestInitiator(engine);
    await other.login({ isid: 3, keys: { ErrorRecoveryLevel: '1' } });
    expect(await other.send(snackRequest({ snackType }))).toMatchObject([
      { type: 'reject', reason: RejectReason.PROTOCOL_ERROR },
    ]);
  });

  it.each([0, 13, 127])('task management function %d, which is reserved, is not supported', async (code) => {
    const request = taskManagement(initiator, { function: code });
    expect(await initiator.send(request)).toMatchObject([{ type: 'task-management-response', response: 5 }]);
  });

  it('a CDB of more than 16 bytes reaches the device server whole', async () => {
    const cdb = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
    await initiator.send({ ...initiator.command([]), cdb });
    expect(scsi.executed).toEqual([cdb]);
  });
});
