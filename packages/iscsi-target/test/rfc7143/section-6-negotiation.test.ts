import {
  Keys,
  LoginStatus,
  RejectReason,
  decodeText,
  encodeText,
  splitText,
  type LoginResponsePdu,
  type TextResponsePdu,
} from '@lunbox/iscsi-pdu';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TargetEngine } from '../../src/index.ts';
import { NAMES, TestInitiator } from '../support/initiator.ts';
import { STAY, archive, keysOf, negotiation, statusOf } from '../support/negotiation.ts';
import { ofType } from '../support/requests.ts';

let engine: TargetEngine;
let initiator: TestInitiator;

beforeEach(() => {
  engine = archive();
  initiator = new TestInitiator(engine);
});

const { step, text, answersTo } = negotiation(() => initiator);

describe('text format (RFC 7143 §6.1)', () => {
  it('each pair of an answer ends with one null byte', async () => {
    const { data } = await step({ ...NAMES, MaxBurstLength: '4096', 'X-com.example.a': '1' });
    const wanted = decodeText(data).map(([key, value]) => `${key}=${value}\0`);
    expect(new TextDecoder().decode(data)).toBe(wanted.join(''));
    expect(wanted.length).toBeGreaterThan(2);
  });

  it('every key of ours is a standard-label', () => {
    for (const name of Keys.keys()) expect(name).toMatch(/^([A-Z]|iSCSI)[A-Za-z0-9.\-+@_#]{0,62}$/);
  });

  it.each(['x'.repeat(64), 'Max Burst', '=4096', '4096'])(
    'a key that is none ends the login: "%s"',
    async (key) => {
      const data = new TextEncoder().encode(`${key}=1\0`);
      const pdus = await initiator.send({ ...initiator.loginRequest({}, {}), data });
      expect(statusOf(pdus[0] as LoginResponsePdu)).toBe(LoginStatus.INITIATOR_ERROR);
    },
  );

  it.each([
    ['8 KiB', 8192],
    ['64 KiB', 65_536],
  ])('%s of keys are taken in one login', async (_size, lengthBytes) => {
    const names = encodeText(Object.entries(NAMES));
    const filler = 'x'.repeat(Math.min(lengthBytes, 65_500) - names.length - 'X-com.example.long=\0'.length);
    const data = encodeText([...Object.entries(NAMES), ['X-com.example.long', filler]]);
    const segments = splitText(data, 8192);
    for (const segment of segments.slice(0, -1)) {
      await initiator.send({ ...initiator.loginRequest({ ...STAY, continue: true }, {}), data: segment });
    }
    const last = { ...initiator.loginRequest({}, {}), data: segments.at(-1)! };
    const [response] = (await initiator.send(last)) as LoginResponsePdu[];
    expect(response).toMatchObject({ statusClass: 0, transit: true, nsg: 3 });
    expect(keysOf(response!)['X-com.example.long']).toBe('NotUnderstood');
  });

  it.each([
    ['4096', '4096'],
    ['0x1000', '4096'],
    ['0X1000', '4096'],
    ['0x000000001000', '4096'],
    ['18446744073709551616', 'Reject'],
    ['0x10000000000000000', 'Reject'],
    ['04096', 'Reject'],
    ['-1', 'Reject'],
    ['4k', 'Reject'],
    ['', 'Reject'],
  ])('the number "%s" is answered with %s', async (offered, answer) => {
    expect((await answersTo({ MaxBurstLength: offered }))['MaxBurstLength']).toBe(answer);
  });

  it.each(['yes', 'YES', 'No ', 'true', '1', ''])('"%s" is not a boolean', async (offered) => {
    expect((await answersTo({ InitialR2T: offered }))['InitialR2T']).toBe('Reject');
  });

  it('keys are case sensitive', async () => {
    expect(await answersTo({ maxburstlength: '4096' })).toMatchObject({ maxburstlength: 'NotUnderstood' });
  });
});

describe('text negotiation (RFC 7143 §6.2)', () => {
  it('text that goes on does not ask for transit, nor does it end a text negotiation', async () => {
    expect(statusOf(await step(NAMES, { continue: true }))).toBe(LoginStatus.INITIATOR_ERROR);
    initiator = new TestInitiator(engine);
    await initiator.login();
    const answer = await text({ MaxRecvDataSegmentLength: '512' }, { continue: true, final: true });
    expect(answer).toMatchObject({ type: 'reject', reason: RejectReason.PROTOCOL_ERROR });
  });

  it('each request whose text goes on is answered with an empty response', async () => {
    const login = await step(NAMES, { ...STAY, continue: true });
    expect(login).toMatchObject({ statusClass: 0, transit: false, data: new Uint8Array(0) });
    await step({}, {});
    const open = { final: false, continue: true };
    const answer = await text({ MaxRecvDataSegmentLength: '512' }, open);
    expect(answer).toMatchObject({ type: 'text-response', final: false, data: new Uint8Array(0) });
  });

  it('a response is empty only where there is nothing to say', async () => {
    expect((await step(NAMES, STAY)).data.length).toBeGreaterThan(0);
    expect((await step({ MaxBurstLength: '512' }, STAY)).data.length).toBeGreaterThan(0);
    expect((await step({}, {})).data).toHaveLength(0);
  });

  it('one Text Request has one Text Response, and a new one ends the exchange before it', async () => {
    await initiator.login();
    const open = (await text({ MaxRecvDataSegmentLength: '512' }, { final: false })) as TextResponsePdu;
    expect(await text({ MaxRecvDataSegmentLength: '1024' })).toMatchObject({ final: true });
    const { initiatorTaskTag, targetTransferTag } = open;
    const stale = await text({}, { initiatorTaskTag, targetTransferTag });
    expect(stale).toMatchObject({ type: 'reject' });
  });

  it('nothing is answered that was not offered', async () => {
    const offered = { InitialR2T: 'No', ErrorRecoveryLevel: '1', HeaderDigest: 'None' };
    const declared = ['MaxRecvDataSegmentLength', 'TargetAlias', 'TargetPortalGroupTag'];
    expect(Object.keys(await answersTo(offered)).sort()).toEqual(
      [...Object.keys(offered), ...declared].sort(),
    );
  });

  it('a key that is not known is NotUnderstood, in a login and after it', async () => {
    expect(await answersTo({ 'X-com.example.a': 'b' })).toMatchObject({ 'X-com.example.a': 'NotUnderstood' });
    const answer = (await text({ 'X-com.example.c': 'd', Unheard: '1' })) as TextResponsePdu;
    expect(keysOf(answer)).toEqual({ 'X-com.example.c': 'NotUnderstood', Unheard: 'NotUnderstood' });
  });

  it.each([...Keys.keys()])('%s is never answered NotUnderstood', async (name) => {
    const security = await step({ ...NAMES, SessionType: 'Normal' }, { csg: 0, ...STAY });
    expect(Object.values(keysOf(security))).not.toContain('NotUnderstood');
    for (const fields of [
      { csg: 0, ...STAY },
      { csg: 1, ...STAY },
    ]) {
      initiator = new TestInitiator(engine);
      const names = name in NAMES || name === 'SessionType' ? NAMES : { ...NAMES, [name]: '1' };
      const response = await step(names, fields);
      expect(keysOf(response)[name]).not.toBe('NotUnderstood');
    }
    initiator = new TestInitiator(engine);
    await initiator.login();
    const answer = (await text({ [name]: '1' })) as TextResponsePdu;
    expect(keysOf(answer)[name]).not.toBe('NotUnderstood');
  });

  it.each([
    ['MaxBurstLength', 'Reject'],
    ['InitialR2T', 'Irrelevant'],
    ['MaxRecvDataSegmentLength', 'NotUnderstood'],
    ['TargetAlias', 'NotUnderstood'],
    ['X-com.example.a', 'Reject'],
  ])('%s=%s is a protocol error', async (name, value) => {
    await step(NAMES, STAY);
    expect(statusOf(await step({ [name]: value }))).toBe(LoginStatus.INITIATOR_ERROR);
    initiator = new TestInitiator(engine);
    await initiator.login();
    const answer = await text({ [name]: value });
    expect(answer).toMatchObject({ type: 'reject', reason: RejectReason.PROTOCOL_ERROR });
  });

  it('a text negotiation takes effect when it is over, as a whole (§6.4)', async () => {
    await initiator.login({ keys: { MaxRecvDataSegmentLength: '4096' } });
    const read = async (): Promise<number> =>
      ofType(await initiator.send(initiator.read10(0, 8)), 'data-in').length;
    const open = (await text({ MaxRecvDataSegmentLength: '512' }, { final: false })) as TextResponsePdu;
    expect(open).toMatchObject({ final: false });
    expect(await read()).toBe(1);
    const { initiatorTaskTag, targetTransferTag } = open;
    expect(await text({}, { initiatorTaskTag, targetTransferTag })).toMatchObject({ final: true });
    expect(await read()).toBe(8);
  });

  it('of a text negotiation that fails nothing takes effect (§7.12)', async () => {
    await initiator.login({ keys: { MaxRecvDataSegmentLength: '4096' } });
    const open = (await text({ MaxRecvDataSegmentLength: '512' }, { final: false })) as TextResponsePdu;
    const { initiatorTaskTag, targetTransferTag } = open;
    const again = { MaxRecvDataSegmentLength: '1024' };
    const refusal = await text(again, { initiatorTaskTag, targetTransferTag });
    expect(refusal).toMatchObject({ type: 'reject', reason: RejectReason.PROTOCOL_ERROR });
    expect(ofType(await initiator.send(initiator.read10(0, 8)), 'data-in')).toHaveLength(1);
  });

  it('dozens of exchanges are allowed, without end there are none', async () => {
    for (let count = 0; count < 63; count++) {
      expect(await step(count === 0 ? NAMES : {}, STAY)).toMatchObject({ statusClass: 0 });
    }
    expect(await step({})).toMatchObject({ statusClass: 0, transit: true });
    initiator = new TestInitiator(engine);
    for (let count = 0; count < 64; count++) await step(count === 0 ? NAMES : {}, STAY);
    expect(statusOf(await step({}))).toBe(LoginStatus.INITIATOR_ERROR);
  });
});

describe('lists and simple values (RFC 7143 §6.2.1, §6.2.2)', () => {
  it.each([
    ['HeaderDigest', 'CRC32C,None', 'CRC32C'],
    ['HeaderDigest', 'None,CRC32C', 'None'],
    ['DataDigest', 'None', 'None'],
    ['DataDigest', 'CRC32C', 'CRC32C'],
    ['DataDigest', 'Y-com.example.sum,CRC32C,None', 'CRC32C'],
    ['DataDigest', 'Y-com.example.sum', 'Reject'],
    ['DataDigest', '', 'Reject'],
    ['TaskReporting', 'Strange,RFC3720', 'RFC3720'],
  ])('of %s=%s the first value that is known is taken: %s', async (name, offered, answer) => {
    expect((await answersTo({ [name]: offered }))[name]).toBe(answer);
  });

  it.each([
    ['MaxConnections', '65535', '8'],
    ['MaxConnections', '1', '1'],
    ['MaxConnections', '0', 'Reject'],
    ['MaxConnections', '65536', 'Reject'],
    ['MaxBurstLength', '511', 'Reject'],
    ['MaxBurstLength', '512', '512'],
    ['MaxBurstLength', '16777215', '1048576'],
    ['MaxBurstLength', '16777216', 'Reject'],
    ['MaxBurstLength', '512~4096', 'Reject'],
    ['DefaultTime2Wait', '0', '2'],
    ['DefaultTime2Wait', '3600', '3600'],
    ['DefaultTime2Wait', '3601', 'Reject'],
    ['ErrorRecoveryLevel', '3', 'Reject'],
    ['InitialR2T', 'Yes', 'Yes'],
    ['InitialR2T', 'No', 'No'],
    ['ImmediateData', 'Yes', 'Yes'],
    ['ImmediateData', 'No', 'No'],
  ])('%s=%s is answered with %s', async (name, offered, answer) => {
    expect((await answersTo({ [name]: offered }))[name]).toBe(answer);
  });

  it('a rejected key keeps its value', async () => {
    await initiator.login({ keys: { MaxBurstLength: '511', ImmediateData: 'No' } });
    const [r2t] = await initiator.send(initiator.write10(0, 1024));
    expect(r2t).toMatchObject({ type: 'r2t', desiredDataTransferLength: 262_144 });
  });
});
