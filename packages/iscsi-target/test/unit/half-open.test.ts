import {
  LoginStatus,
  decodeText,
  encodeText,
  serializePdu,
  splitText,
  type LoginResponsePdu,
  type TargetPdu,
} from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { ChapSecret, TargetEngine } from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { chapLogin } from '../support/chap-initiator.ts';
import { NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

function newEngine(limits: { maxHalfOpenLogins?: number; maxConnections?: number } = {}): TargetEngine {
  const chap = { user: 'alice', secrets: [new ChapSecret('secret-of-alice1')] };
  const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi(), access: [{ initiator: '*', chap }] }];
  return new TargetEngine(targets, limits, { security: { crypto: nodeChapCrypto() } });
}

describe('logins that are half open', () => {
  it('make room, the oldest first; a login that is through is not touched', async () => {
    const engine = newEngine({ maxHalfOpenLogins: 2 });
    const settled = new TestInitiator(engine);
    expect((await chapLogin(settled)).status).toBe(LoginStatus.SUCCESS);
    const waiting = Array.from({ length: 4 }, () => new TestInitiator(engine));
    expect(waiting.map(({ transport }) => transport.destroyed)).toEqual([true, true, false, false]);
    expect(settled.transport.destroyed).toBe(false);
    expect(engine.connectionCount).toBe(3);
  });

  it('that end in a refusal give their place back', async () => {
    const engine = newEngine({ maxHalfOpenLogins: 2 });
    const first = new TestInitiator(engine);
    for (let count = 0; count < 4; count++) {
      const refused = new TestInitiator(engine);
      await refused.send(refused.loginRequest({}, NAMES));
      expect(refused.transport.ended).toBe(true);
    }
    expect(first.transport.destroyed).toBe(false);
  });

  it('are cut when they trickle in byte by byte', async () => {
    const engine = newEngine();
    const slow = new TestInitiator(engine);
    const bytes = serializePdu(slow.loginRequest({ csg: 0, nsg: 1 }, NAMES), { header: false, data: false });
    for (let index = 0; index < 16; index++) {
      slow.nowMs = index * 1000;
      engine.tick(slow.nowMs);
      await slow.sendBytes(bytes.subarray(index, index + 1));
    }
    expect(slow.transport.destroyed).toBe(true);
    expect(engine.connectionCount).toBe(0);
  });

  it('leave nothing behind when they are truncated, wherever that is', async () => {
    const engine = newEngine();
    const sample = new TestInitiator(engine).loginRequest(
      { csg: 0, nsg: 1 },
      { ...NAMES, AuthMethod: 'CHAP' },
    );
    const bytes = serializePdu(sample, { header: false, data: false });
    for (let length = 0; length < bytes.length; length++) {
      const initiator = new TestInitiator(engine);
      expect(await initiator.sendBytes(bytes.subarray(0, length))).toEqual([]);
      initiator.connection.disconnected();
    }
    expect(engine.connectionCount).toBe(1);
    expect(engine.sessions).toEqual([]);
  });

  it('answer at length in PDUs of the default length, continued by the C bit (RFC 7143 §6.2, §6.3)', async () => {
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }]);
    const initiator = new TestInitiator(engine);
    const unknown = Array.from({ length: 900 }, (_, index) => [`X-com.example.k${index}`, '1']);
    const text = encodeText([...Object.entries(NAMES), ...(unknown as [string, string][])]);
    const segments = splitText(text, 8192);
    let [answer] = [] as TargetPdu[];
    for (const [index, data] of segments.entries()) {
      const more = index < segments.length - 1;
      const fields = { transit: !more, nsg: more ? 0 : 3, continue: more };
      [answer] = await initiator.send({ ...initiator.loginRequest(fields, {}), data });
    }
    const answers: Uint8Array[] = [];
    for (
      ;
      (answer as LoginResponsePdu).continue;
      [answer] = await initiator.send(initiator.loginRequest({}, {}))
    ) {
      expect(answer).toMatchObject({ transit: false, statusClass: 0 });
      answers.push((answer as LoginResponsePdu).data);
    }
    expect(answer).toMatchObject({ transit: true, nsg: 3, statusClass: 0 });
    answers.push((answer as LoginResponsePdu).data);
    expect(answers.map(({ length }) => length <= 8192)).toEqual(answers.map(() => true));
    const keys = decodeText(Buffer.concat(answers));
    expect(keys.filter(([, value]) => value === 'NotUnderstood')).toHaveLength(900);
  });

  it('are refused when they say something while a long answer goes on (RFC 7143 §6.2)', async () => {
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }]);
    const initiator = new TestInitiator(engine);
    const unknown = Array.from({ length: 300 }, (_, index) => [`X-com.example.k${index}`, '1']);
    const data = encodeText([...Object.entries(NAMES), ...(unknown as [string, string][])]);
    const [first] = await initiator.send({ ...initiator.loginRequest({}, {}), data });
    expect(first).toMatchObject({ continue: true, transit: false });
    const [refusal] = await initiator.send(initiator.loginRequest({}, { MaxBurstLength: '512' }));
    expect(refusal).toMatchObject({ statusClass: 2, statusDetail: 0 });
  });

  it('are refused when their text is longer than the limit, before it is whole', async () => {
    const engine = newEngine();
    const initiator = new TestInitiator(engine);
    const fields = { csg: 0, nsg: 0, transit: false, continue: true };
    const data = new TextEncoder().encode('x'.repeat(8192));
    let requests = 0;
    while (!initiator.transport.ended) {
      requests++;
      await initiator.send({ ...initiator.loginRequest(fields, {}), data });
    }
    expect(requests).toBeLessThanOrEqual(65_536 / 8192 + 1);
    expect(engine.connectionCount).toBe(0);
  });

  it('do not fill the memory: ten thousand leave a few hundred with 24 KiB each, and the service open', async () => {
    const engine = newEngine();
    const security = { csg: 0, nsg: 0, transit: false };
    const flood: TestInitiator[] = [];
    for (let index = 0; index < 10_000; index++) {
      const initiator = new TestInitiator(engine);
      // The peer does not read: the answer has to be kept.
      initiator.transport.stalled = true;
      const keys = { ...NAMES, AuthMethod: 'CHAP' };
      const bytes = serializePdu(initiator.loginRequest(security, keys), { header: false, data: false });
      await initiator.sendBytes(bytes);
      // Half of the next request: bytes that have to be kept.
      initiator.connection.receive(bytes.subarray(0, bytes.length / 2), 0);
      flood.push(initiator);
    }
    const kept = flood
      .filter(({ transport }) => !transport.destroyed)
      .map(({ connection }) => connection.framer.bufferedBytes + connection.outbox.bytes.length);
    expect(engine.connectionCount).toBe(256);
    expect(kept).toHaveLength(256);
    expect(Math.max(...kept)).toBeLessThan(24_576);
    expect((await chapLogin(new TestInitiator(engine))).status).toBe(LoginStatus.SUCCESS);
  });
});
