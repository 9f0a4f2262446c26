import { NO_TTT, RejectReason, decodeText, encodeText, splitText } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.ts';
import { discoverTargets } from '../../src/discovery.ts';
import { PORTAL, ScriptedTarget, TARGET_NAME, agreement, settle } from '../support/scripted-target.ts';

type Keyed = Record<string, string>;

const keysOf = (target: ScriptedTarget): Keyed[] =>
  target.connection.sent('login-request').map(({ data }) => Object.fromEntries(decodeText(data)));

/** The operational keys that the initiator offers. */
async function offer(options: Partial<SessionOptions> = {}): Promise<Keyed> {
  const target = new ScriptedTarget();
  await target.open(options);
  return keysOf(target).at(-1) as Keyed;
}

describe('text of the initiator (RFC 7143 §6.1, §6.2)', () => {
  it('ends each pair with one null byte, and has keys that are standard-labels', async () => {
    const target = new ScriptedTarget();
    await target.open();
    for (const { data } of target.connection.sent('login-request')) {
      const pairs = decodeText(data);
      const wanted = pairs.map(([key, value]) => `${key}=${value}\0`);
      expect(new TextDecoder().decode(data)).toBe(wanted.join(''));
      // But for the key of RFC 7144 §7.1.1, whose name breaks that rule.
      const keys = pairs.map(([key]) => key).filter((key) => key !== 'iSCSIProtocolLevel');
      for (const key of keys) expect(key).toMatch(/^[A-Z][A-Za-z0-9.\-+@_]{0,62}$/);
    }
  });

  it('takes 64 KiB of text in one negotiation', async () => {
    const target = new ScriptedTarget();
    const text = encodeText([['TargetAlias', 'x'.repeat(65_000)]]);
    const segments = splitText(text, 8192);
    target.login = (keys, count) => {
      if (count > segments.length) return { keys: agreement(keys) };
      return {
        data: segments[count - 1]!,
        continue: count < segments.length,
        transit: false,
      };
    };
    const session = await target.open();
    expect(session.parameters?.targetAlias).toHaveLength(65_000);
  });

  it('is no longer than one request, so that the C bit is never set', async () => {
    const target = new ScriptedTarget();
    await target.open();
    const requests = target.connection.sent('login-request');
    expect(requests.every((request) => !request.continue && request.data.length <= 8192)).toBe(true);
  });

  it('is negotiated from nothing: a key that was not offered and not answered has its default', async () => {
    const target = new ScriptedTarget();
    target.login = (keys) => ({ keys: keys['AuthMethod'] === undefined ? {} : agreement(keys) });
    const session = await target.open();
    expect(session.parameters).toMatchObject({
      headerDigest: false,
      dataDigest: false,
      maxSendSegmentBytes: 8192,
      maxBurstBytes: 262_144,
      firstBurstBytes: 65_536,
      initialR2t: true,
      immediateData: true,
      maxOutstandingR2t: 1,
      errorRecoveryLevel: 0,
      maxConnections: 1,
      time2WaitS: 2,
      time2RetainS: 20,
    });
  });
});

describe('login of the initiator (RFC 7143 §6.3)', () => {
  it('has one Login Request out at a time', async () => {
    const target = new ScriptedTarget();
    const { answer } = target;
    const held: (() => void)[] = [];
    target.answer = (connection, pdu) => held.push(() => answer.call(target, connection, pdu));
    const opening = target.open();
    for (let count = 1; count <= 2; count++) {
      await settle();
      expect(target.connection.sent('login-request')).toHaveLength(count);
      expect(held).toHaveLength(1);
      held.splice(0).forEach((release) => release());
    }
    await opening;
  });

  it('names both ends and the type in its first request, and has the security stage first', async () => {
    const target = new ScriptedTarget();
    await target.open();
    const [security, operational] = target.connection.sent('login-request');
    expect([security!.csg, operational!.csg]).toEqual([0, 1]);
    expect(keysOf(target)[0]).toMatchObject({ TargetName: TARGET_NAME, SessionType: 'Normal' });
    expect(keysOf(target)[0]).toHaveProperty('InitiatorName');
    expect(keysOf(target)[1]).not.toHaveProperty('InitiatorName');
    expect(keysOf(target)[1]).not.toHaveProperty('TargetName');
  });

  it('goes on asking for the next stage, if need be with empty requests, until the target agrees', async () => {
    const target = new ScriptedTarget();
    target.login = (keys, count) => ({ keys: agreement(keys), transit: count === 3 || count === 6 });
    await target.open();
    const requests = target.connection.sent('login-request');
    expect(requests.map(({ csg, transit }) => [csg, transit])).toEqual([
      [0, true],
      [0, true],
      [0, true],
      [1, true],
      [1, true],
      [1, true],
    ]);
    expect(keysOf(target).map((keys) => Object.keys(keys).length > 0)).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it.each([
    ['in one response', 1],
    ['in two', 2],
  ])('a key that the target negotiates twice, %s, ends the connection', async (_how, responses) => {
    const target = new ScriptedTarget();
    const again = encodeText([['InitialR2T', 'Yes']]);
    target.login = (keys, count) => {
      if (count === 1) return { keys: agreement(keys) };
      const answer = encodeText(Object.entries(agreement(keys)));
      if (responses === 1) return { data: Buffer.concat([answer, again]) };
      return count === 2 ? { data: answer, transit: false } : { data: again };
    };
    await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
    expect(target.connection.ended).toBe(true);
  });

  it('a declaration may be repeated as it was, and not changed', async () => {
    for (const second of ['disks', 'others']) {
      const target = new ScriptedTarget();
      target.login = (keys, count) => ({
        keys: { ...agreement(keys), TargetAlias: count === 1 ? 'disks' : second },
      });
      const opening = target.open();
      if (second === 'disks') await opening;
      else await expect(opening).rejects.toMatchObject({ code: 'INITIATOR_PROTOCOL' });
    }
  });

  it.each(['KRB5', 'Reject', 'CHAP'])(
    'AuthMethod=%s, which was not offered, ends the connection',
    async (method) => {
      const target = new ScriptedTarget();
      target.login = () => ({ keys: { AuthMethod: method }, transit: false });
      await expect(target.open()).rejects.toMatchObject({ code: 'INITIATOR_AUTHENTICATION' });
      expect(target.connection.ended).toBe(true);
    },
  );
});

describe('keys of the initiator (RFC 7143 §13)', () => {
  it.each([
    [0, '8'],
    [1, '1'],
    [2, '1'],
  ] as const)(
    'ErrorRecoveryLevel %d goes with MaxOutstandingR2T=%s, as data is in order (§13.19)',
    async (level, r2ts) => {
      const keys = await offer({ errorRecoveryLevel: level });
      expect(keys).toMatchObject({ MaxOutstandingR2T: r2ts, DataSequenceInOrder: 'Yes' });
    },
  );

  it('FirstBurstLength never exceeds MaxBurstLength, in the offer or after the answer (§13.14)', async () => {
    const negotiation = { maxBurstBytes: 4096, firstBurstBytes: 65_536 };
    expect(await offer({ negotiation })).toMatchObject({ MaxBurstLength: '4096', FirstBurstLength: '4096' });
    const target = new ScriptedTarget();
    target.login = (keys, count) => ({
      keys: count === 1 ? agreement(keys) : { ...agreement(keys), MaxBurstLength: '1024' },
    });
    const session = await target.open();
    expect(session.parameters).toMatchObject({ maxBurstBytes: 1024, firstBurstBytes: 1024 });
  });

  it('a discovery session says so in its first request, and has no key of a normal one (§13.21)', async () => {
    const target = new ScriptedTarget();
    const asking = discoverTargets({ portal: PORTAL }, target.seams);
    await settle();
    const [first, second] = keysOf(target);
    expect(first).toMatchObject({ SessionType: 'Discovery' });
    expect(first).not.toHaveProperty('TargetName');
    expect(second).not.toHaveProperty('MaxConnections');
    expect(second).toMatchObject({ ErrorRecoveryLevel: '0' });
    target.connection.cut();
    await expect(asking).rejects.toThrow();
  });

  it.each([
    ['none', 'None'],
    ['preferred', 'CRC32C,None'],
    ['required', 'CRC32C'],
  ] as const)(
    'digests that are %s are offered as %s: no private one among them (§13.1)',
    async (policy, list) => {
      const target = new ScriptedTarget();
      if (policy === 'required') target.useDigests();
      await target.open({ negotiation: { headerDigest: policy, dataDigest: policy } });
      expect(keysOf(target).at(-1)).toMatchObject({ HeaderDigest: list, DataDigest: list });
    },
  );

  it('nothing of X#NodeArchitecture is said, and what a target says of it changes nothing (§13.26)', async () => {
    expect(await offer()).not.toHaveProperty('X#NodeArchitecture');
    const target = new ScriptedTarget();
    target.login = (keys, count) => ({
      keys: count === 1 ? agreement(keys) : { ...agreement(keys), 'X#NodeArchitecture': 'Example/1' },
    });
    const session = await target.open();
    const plain = await new ScriptedTarget().open();
    expect(session.parameters).toEqual(plain.parameters);
  });
});

describe('text in full feature phase (RFC 7143 §6.4)', () => {
  it('asks to finish with each request, and begins anew after a Reject', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    const refused = session.text([['SendTargets', '']]);
    await settle();
    const [first] = target.connection.sent('text-request');
    expect(first).toMatchObject({ final: true, targetTransferTag: NO_TTT });
    target.connection.reject(RejectReason.PROTOCOL_ERROR, first!);
    await expect(refused).rejects.toThrow();
    const answered = session.text([['SendTargets', '']]);
    await settle();
    const [, second] = target.connection.sent('text-request');
    expect(second).toMatchObject({ final: true, targetTransferTag: NO_TTT });
    const { initiatorTaskTag } = second!;
    const tags = { lun: new Uint8Array(8), initiatorTaskTag, targetTransferTag: NO_TTT };
    const data = encodeText([['TargetName', TARGET_NAME]]);
    const numbers = target.connection.numbers();
    target.connection.say({ type: 'text-response', final: true, continue: false, ...tags, data, ...numbers });
    expect(await answered).toEqual([['TargetName', TARGET_NAME]]);
  });

  it('goes on with the F bit set while the target has more to say', async () => {
    const target = new ScriptedTarget();
    const session = await target.open();
    const asking = session.text([['SendTargets', '']]);
    for (const [index, final] of [false, false, true].entries()) {
      await settle();
      const request = target.connection.sent('text-request')[index]!;
      expect(request).toMatchObject({ final: true, targetTransferTag: index === 0 ? NO_TTT : 40 + index });
      const { initiatorTaskTag } = request;
      const tags = { initiatorTaskTag, targetTransferTag: final ? NO_TTT : 41 + index };
      const data = encodeText([[`TargetAddress`, `192.0.2.${index}`]]);
      const text = { final, continue: false, lun: new Uint8Array(8), ...tags, data };
      target.connection.say({ type: 'text-response', ...text, ...target.connection.numbers() });
    }
    expect(await asking).toHaveLength(3);
    expect(target.connection.sent('text-request')).toHaveLength(3);
  });
});
