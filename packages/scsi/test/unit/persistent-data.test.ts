import { describe, expect, test } from 'vitest';
import {
  buildFullReservationStatus,
  buildRegisterAndMoveList,
  buildReserveOutList,
  buildTransportId,
  parseTransportId,
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
  PR_IN_READ_RESERVATION,
  PR_IN_REPORT_CAPABILITIES,
  ReservationType,
} from '../../src/index.ts';
import { invalidCdb } from '../support/expected-sense.ts';
import { hex } from '../support/harness.ts';
import { key, port, threeRegistrants } from '../support/registrant.ts';

const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex');
/** `port(1)` has 43 characters, and one null makes a multiple of four with an end. */
const TRANSPORT_ID_1 = hex(`45 00 002c ${ascii('iqn.2026-01.test.host:node,i,0x000000000001')} 00`);

async function reserved() {
  const three = await threeRegistrants([1, 2]);
  await three.a.reserve(key(1), ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
  const read = async (cdb: typeof PR_IN_READ_KEYS, allocationLength = 65_535) =>
    (await three.a.initiator.send(cdb.encode({ ALLOCATION_LENGTH: allocationLength }))).data;
  return { ...three, read };
}

describe('PERSISTENT RESERVE IN data, byte for byte', () => {
  test('READ KEYS', async () => {
    const { read } = await reserved();
    const whole = hex('00000002 00000010 0000000000000001 0000000000000002');
    expect(await read(PR_IN_READ_KEYS)).toEqual(whole);
    for (const length of [0, 4, 8, 15, 23]) {
      expect(await read(PR_IN_READ_KEYS, length)).toEqual(whole.subarray(0, length));
    }
  });

  test('READ RESERVATION, with and without one', async () => {
    const { a, read } = await reserved();
    const expected = hex('00000002 00000010 0000000000000001 00000000 00 05 0000');
    expect(await read(PR_IN_READ_RESERVATION)).toEqual(expected);
    await a.clear(key(1));
    expect(await read(PR_IN_READ_RESERVATION)).toEqual(hex('00000003 00000000'));
  });

  test('REPORT CAPABILITIES: SIP_C, ATP_C, TMV, ALLOW COMMANDS 011b and all six types', async () => {
    const { read } = await reserved();
    expect(await read(PR_IN_REPORT_CAPABILITIES)).toEqual(hex('0008 0c b0 ea01 0000'));
  });

  test('READ FULL STATUS', async () => {
    const { b, read } = await reserved();
    await b.register(key(2), key(0));
    const descriptor = hex('0000000000000001 00000000 01 05 00000000 0001 00000030');
    const expected = Buffer.concat([hex('00000003 00000048'), descriptor, TRANSPORT_ID_1]);
    expect(Buffer.from(await read(PR_IN_READ_FULL_STATUS))).toEqual(expected);
  });

  test.each([0x04, 0x05, 0x1f])('service action %i is an invalid field', async (serviceAction) => {
    const { a } = await reserved();
    const cdb = Uint8Array.of(0x5e, serviceAction, 0, 0, 0, 0, 0, 1, 0, 0);
    expect(await a.initiator.send(cdb)).toMatchObject(invalidCdb(1, 4));
    const out = Uint8Array.of(0x5f, serviceAction | 0x08, 0, 0, 0, 0, 0, 0, 24, 0);
    expect(await a.initiator.send(out)).toMatchObject(invalidCdb(1, 4));
  });
});

describe('parameter lists, byte for byte', () => {
  test('the basic list, and with SPEC_I_PT', () => {
    const keys = { key: key(0x0102), serviceActionKey: 'fedcba9876543210' };
    expect(buildReserveOutList({ ...keys, aptpl: true, allTargetPorts: true })).toEqual(
      hex('0000000000000102 fedcba9876543210 00000000 05 00 0000'),
    );
    const long = buildReserveOutList({ ...keys, initiatorPorts: [port(1)] });
    expect(long.subarray(16, 28)).toEqual(hex('00000000 08 00 0000 00000030'));
    expect(long.subarray(28)).toEqual(TRANSPORT_ID_1);
  });

  test('the list of REGISTER AND MOVE', () => {
    const destination = { initiatorPort: port(1), relativePort: 0x0102 };
    const list = buildRegisterAndMoveList({ key: key(1), destination, unregister: true });
    const fixed = hex('0000000000000001 0000000000000000 00 02 0102 00000030');
    expect(list.subarray(0, 24)).toEqual(fixed);
    expect(list.subarray(24)).toEqual(TRANSPORT_ID_1);
  });

  test('a key is 16 hexadecimal digits', () => {
    expect(() => buildReserveOutList({ key: '1' })).toThrow(RangeError);
  });
});

describe('TransportID', () => {
  test('is null-terminated, at least 24 bytes long and a multiple of four', () => {
    for (let length = 1; length <= 223; length++) {
      const initiatorPort = `${'x'.repeat(length)},i,0x0123456789ab`;
      const transportId = buildTransportId(initiatorPort);
      expect(transportId.length % 4).toBe(0);
      expect(transportId.length).toBeGreaterThanOrEqual(24);
      expect(transportId.at(-1)).toBe(0);
      expect(parseTransportId(transportId)).toBe(initiatorPort);
    }
    expect(() => buildTransportId('x'.repeat(250))).toThrow(RangeError);
  });

  test('is read in any case, with any number of digits of the ISID', () => {
    const transportId = buildTransportId('IQN.2026-01.TEST:A,i,0x23D000001');
    expect(parseTransportId(transportId)).toBe('iqn.2026-01.test:a,i,0x00023d000001');
  });

  test('of an initiator without a port, or of another protocol, is not taken', () => {
    expect(parseTransportId(buildTransportId('iqn.2026-01.test:a'))).toBeUndefined();
    expect(parseTransportId(hex('06 000000 5000000000000001 0000000000000000000000 00'))).toBeUndefined();
    expect(parseTransportId(TRANSPORT_ID_1.subarray(0, 40))).toBeUndefined();
    expect(parseTransportId(new Uint8Array(0))).toBeUndefined();
  });

  test('of a name that is no iSCSI port is format 00b, so that every registration can be shown', () => {
    const status = { generation: 1, registrations: [{ key: key(1), initiatorPort: 'x', relativePort: 1 }] };
    expect(buildFullReservationStatus(status).subarray(32, 36)).toEqual(hex('05 00 0014'));
  });
});
