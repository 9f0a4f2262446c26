import { createHash } from 'node:crypto';
import { SeededRandom } from '@lunbox/block';
import { decodeText, encodeText, LoginStatus } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { IscsiSession, type TaskReporting } from '../../src/index.ts';
import { agreement, PORTAL, ScriptedTarget, settle, TARGET_NAME } from '../support/scripted-target.ts';

const keysOf = (target: ScriptedTarget): Record<string, string>[] =>
  target.connection.sent('login-request').map(({ data }) => Object.fromEntries(decodeText(data)));

describe('login (RFC 7143 §6.3)', () => {
  it('names both sides first, then negotiates, each stage with a transit', async () => {
    const target = new ScriptedTarget();
    await target.open();
    const [security, operational] = target.connection.sent('login-request');
    expect(security).toMatchObject({ csg: 0, nsg: 1, transit: true, tsih: 0, cmdSn: 1 });
    expect(operational).toMatchObject({ csg: 1, nsg: 3, transit: true, cmdSn: 1, expStatSn: 1001 });
    expect(keysOf(target)[0]).toEqual({
      InitiatorName: 'iqn.2026-11.io.lunbox:initiator',
      SessionType: 'Normal',
      TargetName: TARGET_NAME,
      AuthMethod: 'None',
    });
  });

  it('uses a random ISID, and keeps it so that a new session reinstates the old (T-L9)', async () => {
    const target = new ScriptedTarget();
    await target.open();
    target.connection.cut('reset');
    await target.pass(200);
    const isids = target.connections.map((connection) => connection.sent('login-request')[0]?.isid);
    expect(isids).toHaveLength(2);
    expect(isids[0]).toEqual(isids[1]);
    expect(isids[0]?.[0]).toBe(0x80);
  });

  it('takes text that is continued by the C bit', async () => {
    const target = new ScriptedTarget();
    const text = encodeText(Object.entries({ AuthMethod: 'None', TargetAlias: 'long' }));
    target.login = (keys, count) => {
      if (count === 1) return { data: text.subarray(0, 9), continue: true, transit: false };
      return count === 2 ? { data: text.subarray(9), transit: false } : { keys: agreement(keys) };
    };
    const session = await target.open();
    expect(session.parameters?.targetAlias).toBe('long');
    const [, empty, transit] = target.connection.sent('login-request');
    expect(empty).toMatchObject({ transit: false, data: new Uint8Array(0) });
    expect(transit).toMatchObject({ transit: true, csg: 0, nsg: 1 });
  });

  it('tells the status of a refusal, whose StatSN means nothing (RFC 7143 §11.13.4)', async () => {
    const target = new ScriptedTarget();
    target.login = (_, count) => (count === 1 ? {} : { status: LoginStatus.NOT_FOUND });
    const opening = target.open();
    target.login = () => ({ status: LoginStatus.NOT_FOUND });
    await expect(opening).rejects.toMatchObject({
      code: 'INITIATOR_LOGIN_REFUSED',
      detail: { statusClass: 2, statusDetail: 3 },
    });
  });

  it('that takes too long is given up', async () => {
    const target = new ScriptedTarget();
    const session = target.session({ loginTimeoutMs: 1000 });
    target.login = () => ({ transit: false, continue: true });
    target.answer = () => undefined;
    const refused = expect(session.open()).rejects.toMatchObject({ code: 'INITIATOR_TIMEOUT' });
    await target.pass(1100);
    await refused;
  });

  it('that never comes to an end is ended', async () => {
    const target = new ScriptedTarget();
    target.login = () => ({ transit: false });
    await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
    expect(target.connection.sent('login-request').length).toBeLessThan(40);
  });
});

describe('negotiation (RFC 7143 §6.2, §13)', () => {
  const withAnswers = (answers: Record<string, string>): ScriptedTarget => {
    const target = new ScriptedTarget();
    target.login = (keys) =>
      keys['AuthMethod'] === undefined
        ? { keys: { ...agreement(keys), ...answers } }
        : { keys: agreement(keys) };
    return target;
  };

  it('falls back to the default of a key that is refused or unknown', async () => {
    const session = await withAnswers({
      MaxBurstLength: 'Reject',
      FirstBurstLength: 'Irrelevant',
      InitialR2T: 'NotUnderstood',
    }).open();
    const { maxBurstBytes, firstBurstBytes, initialR2t } = session.parameters ?? {};
    expect({ maxBurstBytes, firstBurstBytes, initialR2t }).toEqual({
      maxBurstBytes: 262_144,
      firstBurstBytes: 65_536,
      initialR2t: true,
    });
  });

  it.each([
    ['MaxBurstLength', '16777215'],
    ['MaxBurstLength', 'many'],
    ['FirstBurstLength', '100'],
    ['ImmediateData', 'Maybe'],
    ['MaxRecvDataSegmentLength', '0'],
    ['HeaderDigest', 'CRC32C'],
    ['DataDigest', 'MD5'],
  ])('does not take %s=%s, which was not on offer', async (key, value) => {
    const opening = withAnswers({ [key]: value }).open();
    await expect(opening).rejects.toMatchObject({ code: 'INITIATOR_NEGOTIATION', detail: { key, value } });
  });

  it('does not go on without a digest that is required', async () => {
    const opening = withAnswers({ HeaderDigest: 'None' }).open({ negotiation: { headerDigest: 'required' } });
    await expect(opening).rejects.toMatchObject({ code: 'INITIATOR_NEGOTIATION' });
  });

  it('answers what the target proposes by itself', async () => {
    const target = new ScriptedTarget();
    // All keys of a normal session are on offer there.
    const session = new IscsiSession({ portal: PORTAL }, target.seams);
    const proposals = {
      TaskReporting: 'FastAbort,RFC3720',
      'X-com.example.blue': '42',
      OFMarker: 'No',
      iSCSIProtocolLevel: '2',
      TargetAlias: 'disks',
    };
    target.login = (keys, count) => {
      if (count === 2) return { keys: { ...agreement(keys), ...proposals }, transit: false };
      return { keys: count === 1 ? agreement(keys) : {} };
    };
    await session.open();
    expect(keysOf(target)[2]).toEqual({
      TaskReporting: 'RFC3720',
      'X-com.example.blue': 'NotUnderstood',
      OFMarker: 'Reject',
      iSCSIProtocolLevel: '1',
    });
    expect(session.parameters?.targetAlias).toBe('disks');
  });
});

describe('TaskReporting and iSCSIProtocolLevel (RFC 7143 §13.23, RFC 7144 §7.1.1)', () => {
  /** A target that agrees to all but says this. */
  const open = (answers: Record<string, string>, taskReporting?: TaskReporting) => {
    const target = new ScriptedTarget();
    target.login = (keys, count) => ({ keys: { ...agreement(keys), ...(count === 1 ? {} : answers) } });
    return target.open(taskReporting === undefined ? {} : { negotiation: { taskReporting } });
  };

  it.each([
    [undefined, 'ResponseFence,RFC3720'],
    ['ResponseFence', 'ResponseFence,RFC3720'],
    ['FastAbort', 'FastAbort,ResponseFence,RFC3720'],
    ['RFC3720', 'RFC3720,ResponseFence'],
  ] as const)('wanting %s, the offer is %s and level 2', async (taskReporting, list) => {
    const target = new ScriptedTarget();
    const session = await target.open(taskReporting === undefined ? {} : { negotiation: { taskReporting } });
    expect(keysOf(target)[1]).toMatchObject({ TaskReporting: list, iSCSIProtocolLevel: '2' });
    expect(session.parameters).toMatchObject({ taskReporting: list.split(',')[0], protocolLevel: 2 });
  });

  it.each(['NotUnderstood', 'Reject', 'Irrelevant'])('%s leaves both at their defaults', async (answer) => {
    const session = await open({ TaskReporting: answer, iSCSIProtocolLevel: answer }, 'FastAbort');
    expect(session.parameters).toMatchObject({ taskReporting: 'RFC3720', protocolLevel: 1 });
  });

  it('so does a target that says nothing of them', async () => {
    const target = new ScriptedTarget();
    target.login = (offered) => {
      const { TaskReporting: _, iSCSIProtocolLevel: __, ...keys } = agreement(offered);
      return { keys };
    };
    const session = await target.open();
    expect(session.parameters).toMatchObject({ taskReporting: 'RFC3720', protocolLevel: 1 });
  });

  it.each([0, 1, 2])('level %d is taken as it is', async (level) => {
    const session = await open({ iSCSIProtocolLevel: String(level), TaskReporting: 'RFC3720' });
    expect(session.parameters).toMatchObject({ taskReporting: 'RFC3720', protocolLevel: level });
  });

  it.each([
    ['TaskReporting', 'FastAbort'],
    ['TaskReporting', 'ResponseFence,RFC3720'],
    ['iSCSIProtocolLevel', '3'],
  ])('%s=%s was not on offer', async (key, value) => {
    await expect(open({ [key]: value })).rejects.toMatchObject({
      code: 'INITIATOR_NEGOTIATION',
      detail: { key, value },
    });
  });
});

describe('CHAP (RFC 7143 §12.1.3)', () => {
  const chap = { name: 'reader', secret: 'a secret of 96 bits' };
  const mutual = { name: 'the-target', secret: 'its own other secret' };
  const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;
  const challenge = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
  const digest = (hash: string, id: number, secret: string, bytes: Uint8Array): string =>
    hex(createHash(hash).update(Uint8Array.of(id)).update(secret).update(bytes).digest());

  /** A target that asks for CHAP with one algorithm, and proves itself with a secret when it is asked to. */
  const asking = (algorithm: number, ownSecret = mutual.secret): ScriptedTarget => {
    const target = new ScriptedTarget();
    target.login = (keys) => {
      if (keys['AuthMethod'] !== undefined) return { keys: { AuthMethod: 'CHAP' }, transit: false };
      if (keys['CHAP_A'] !== undefined) {
        const answer = { CHAP_A: String(algorithm), CHAP_I: '7', CHAP_C: hex(challenge) };
        return { keys: answer, transit: false };
      }
      if (keys['CHAP_C'] === undefined) return { keys: agreement(keys) };
      const theirs = Buffer.from(keys['CHAP_C'].slice(2), 'hex');
      const proof = digest('sha256', Number(keys['CHAP_I']), ownSecret, theirs);
      return { keys: { CHAP_N: mutual.name, CHAP_R: proof } };
    };
    return target;
  };

  it.each([
    ['MD5', 5, 'md5'],
    ['SHA-1', 6, 'sha1'],
    ['SHA-256', 7, 'sha256'],
    ['SHA3-256', 8, 'sha3-256'],
  ])('answers a challenge with %s, number %i', async (_, algorithm, hash) => {
    const target = asking(algorithm);
    await target.open({ chap });
    const [first, offer, response] = keysOf(target);
    expect(first?.['AuthMethod']).toBe('CHAP,None');
    expect(offer).toEqual({ CHAP_A: '8,7,6,5' });
    expect(response).toEqual({ CHAP_N: chap.name, CHAP_R: digest(hash, 7, chap.secret, challenge) });
  });

  it('offers nothing but CHAP when the target has to prove itself', async () => {
    const target = asking(7);
    await target.open({ chap: { ...chap, mutual } });
    expect(keysOf(target)[0]?.['AuthMethod']).toBe('CHAP');
    const none = new ScriptedTarget();
    const opening = none.open({ chap: { ...chap, mutual } });
    await expect(opening).rejects.toMatchObject({ code: 'INITIATOR_AUTHENTICATION' });
  });

  it.each([
    ['another secret', 'not the secret', {}],
    ['another name', mutual.secret, { name: 'somebody-else' }],
  ])('leaves a target that proves to have %s', async (_, ownSecret, more) => {
    const opening = asking(7, ownSecret).open({ chap: { ...chap, mutual: { ...mutual, ...more } } });
    await expect(opening).rejects.toMatchObject({ code: 'INITIATOR_AUTHENTICATION' });
  });

  it('never challenges with the challenge that it got, so that nothing can be reflected', async () => {
    class Repeating extends SeededRandom {
      calls = 0;
      override bytes(length: number): Uint8Array {
        this.calls++;
        return this.calls < 4 && length === 32 ? new Uint8Array(32).fill(9) : super.bytes(length);
      }
    }
    const target = new ScriptedTarget(new Repeating(1));
    const same = new Uint8Array(32).fill(9);
    target.login = (keys) => {
      if (keys['AuthMethod'] !== undefined) return { keys: { AuthMethod: 'CHAP' }, transit: false };
      return { keys: { CHAP_A: '7', CHAP_I: '7', CHAP_C: hex(same) }, transit: false };
    };
    const session = target.session({ chap: { ...chap, mutual } });
    session.open().catch(() => undefined);
    await settle();
    expect(keysOf(target)[2]?.['CHAP_C']).not.toBe(hex(same));
  });

  it('refuses one secret for both directions', () => {
    const oneSecret = { ...chap, mutual: { secret: chap.secret } };
    const target = new ScriptedTarget();
    expect(() => target.session({ chap: oneSecret })).toThrow(
      expect.objectContaining({ code: 'INITIATOR_OPTIONS' }),
    );
  });

  it('does not use an algorithm that it did not offer', async () => {
    const opening = asking(5).open({ chap: { ...chap, algorithms: [7, 8] } });
    await expect(opening).rejects.toMatchObject({ code: 'INITIATOR_AUTHENTICATION' });
  });

  it('T-L4: tries MD5 alone when a target says 7 and means SHA-1', async () => {
    const target = asking(7);
    const { login } = target;
    target.login = (keys, count, portal) => {
      if (keys['CHAP_A'] === '5') {
        return { keys: { CHAP_A: '5', CHAP_I: '7', CHAP_C: hex(challenge) }, transit: false };
      }
      const expected = [digest('sha1', 7, chap.secret, challenge), digest('md5', 7, chap.secret, challenge)];
      const wrong = keys['CHAP_R'] !== undefined && !expected.includes(keys['CHAP_R']);
      return wrong ? { status: LoginStatus.AUTHENTICATION_FAILURE } : login(keys, count, portal);
    };
    const session = await target.open({ chap });
    expect(session.state).toBe('ready');
    expect(target.connections.map(({ portal }) => portal)).toEqual([PORTAL, PORTAL]);
    expect(keysOf(target)[1]).toEqual({ CHAP_A: '5' });
  });
});
