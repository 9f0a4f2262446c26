import { LoginStatus, formatBinary, parseBinary } from '@lunbox/iscsi-pdu';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  ChapSecret,
  TargetEngine,
  TargetError,
  type AccessEntry,
  type ChapCrypto,
  type SecurityOptions,
} from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { base64, chapLogin, chapResponse, type ChapLogin } from '../support/chap-initiator.ts';
import { NAMES, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const ALICE = 'secret-of-alice1';
const TARGET = 'secret-of-target';

const MUTUAL: AccessEntry = {
  initiator: '*',
  chap: { user: 'alice', secrets: [new ChapSecret(ALICE)] },
  mutual: { user: 'target', secret: new ChapSecret(TARGET) },
};

/** The mutual exchange of a Linux initiator with tgtd, as a capture has it. */
const CAPTURED = {
  challenge:
    '0x13e5b23b59984f4e43151f4cff211eb27662fe1575368280cbdedec24f04279a12239e252f8a542290de9fe9bb6257af9019',
  response: '0x3df1f6aeb6a5fa7fb3f70e3e67159aec',
  identifierBack: 76,
  challengeBack: '0x26be89c09f6041ad5b14b0a236d0dace',
  responseBack: '0x5e7907ab5bb65dfb27d23f4f6b9f4a65',
};

function newEngine(access: readonly AccessEntry[] = [MUTUAL], security: SecurityOptions = {}): TargetEngine {
  const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi(), access }];
  return new TargetEngine(targets, {}, { security: { crypto: nodeChapCrypto(), ...security } });
}

async function statusOf(login: ChapLogin, engine: TargetEngine = newEngine()): Promise<number> {
  return (await chapLogin(new TestInitiator(engine), login)).status;
}

/** The platform's hashes, with the random numbers of the captured target. */
function capturedCrypto(): ChapCrypto {
  const challenge = parseBinary(CAPTURED.challenge) as Uint8Array;
  return {
    ...nodeChapCrypto(),
    randomBytes: (length) => (length === 1 ? Uint8Array.of(1) : challenge),
  };
}

describe('CHAP (RFC 7143 §12.1.3, RFC 1994)', () => {
  it('recomputes a mutual exchange between a Linux initiator and tgtd', async () => {
    const engine = newEngine([MUTUAL], { crypto: capturedCrypto() });
    const { status, challenge, answers } = await chapLogin(new TestInitiator(engine), {
      respond: () => parseBinary(CAPTURED.response) as Uint8Array,
      more: { CHAP_I: String(CAPTURED.identifierBack), CHAP_C: CAPTURED.challengeBack },
    });
    expect(challenge).toMatchObject({ algorithm: '5', identifier: 1 });
    expect(formatBinary(challenge?.bytes ?? new Uint8Array())).toBe(CAPTURED.challenge);
    expect(answers).toEqual({ CHAP_N: 'target', CHAP_R: CAPTURED.responseBack });
    expect(status).toBe(LoginStatus.SUCCESS);
    expect(engine.sessions).toHaveLength(1);
  });

  it.each([
    ['5', '5', 16],
    ['6', '6', 20],
    ['7', '7', 32],
    ['8', '8', 32],
  ])('T-L4: algorithm %s is what IANA says it is', async (offer, algorithm, challengeBytes) => {
    const engine = newEngine();
    const { status, challenge } = await chapLogin(new TestInitiator(engine), { offer });
    expect(status).toBe(LoginStatus.SUCCESS);
    expect(challenge).toMatchObject({ algorithm });
    expect(challenge?.bytes).toHaveLength(challengeBytes);
  });

  it('T-L4: an initiator that takes 7 for SHA-1 is refused', async () => {
    const respond = (_right: Uint8Array, { identifier, bytes }: { identifier: number; bytes: Uint8Array }) =>
      chapResponse('6', identifier, ALICE, bytes);
    expect(await statusOf({ offer: '7', respond })).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });

  it.each([
    ['5,6,7,8', '8'],
    ['8,7,6,5', '8'],
    ['6,5,7', '7'],
    ['5,99,X-secret,,6', '6'],
    ['0x7,5', '7'],
    ['99,5', '5'],
  ])('T-L1: of %s the strongest that is known is taken: %s', async (offer, algorithm) => {
    const { challenge, status } = await chapLogin(new TestInitiator(newEngine()), { offer });
    expect(challenge?.algorithm).toBe(algorithm);
    expect(status).toBe(LoginStatus.SUCCESS);
  });

  it('an algorithm below the minimum of the policy is refused', async () => {
    const engine = newEngine([MUTUAL], { minimumAlgorithm: 7 });
    expect(await statusOf({ offer: '5,6' }, engine)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(await statusOf({ offer: '5,6,7' }, engine)).toBe(LoginStatus.SUCCESS);
  });

  it.each([
    ['hexadecimal', formatBinary],
    [
      'hexadecimal in capitals',
      (bytes: Uint8Array) => `0X${Buffer.from(bytes).toString('hex').toUpperCase()}`,
    ],
    ['base64', base64],
    ['base64 with a capital B', (bytes: Uint8Array) => base64(bytes).replace('0b', '0B')],
  ])('T-L2: takes a response in %s', async (_what, format) => {
    expect(await statusOf({ format })).toBe(LoginStatus.SUCCESS);
  });

  it.each([
    ['hexadecimal', formatBinary],
    ['base64', base64],
  ])('T-L2: answers a challenge of 1024 bytes in %s', async (_what, format) => {
    const challenge = Uint8Array.from({ length: 1024 }, (_, index) => index * 7);
    const { status, answers } = await chapLogin(new TestInitiator(newEngine()), {
      more: { CHAP_I: '0xff', CHAP_C: format(challenge) },
    });
    expect(status).toBe(LoginStatus.SUCCESS);
    expect(answers['CHAP_R']).toBe(formatBinary(chapResponse('5', 255, TARGET, challenge)));
  });

  it('a new challenge and identifier come with each login', async () => {
    const engine = newEngine();
    const seen = new Set<string>();
    for (let isid = 1; isid <= 8; isid++) {
      const { challenge } = await chapLogin(new TestInitiator(engine), { isid });
      seen.add(formatBinary(challenge?.bytes ?? new Uint8Array()));
    }
    expect(seen.size).toBe(8);
  });

  it('the initiator need not ask the target to prove itself', async () => {
    const { status, answers } = await chapLogin(new TestInitiator(newEngine()));
    expect(status).toBe(LoginStatus.SUCCESS);
    expect(answers).toEqual({});
  });

  it('T-L2: a user whose name looks like a number is taken by its letters', async () => {
    for (const user of ['0x616c696365', '0bYWxpY2U=']) {
      const engine = newEngine([{ initiator: '*', chap: { user, secrets: [new ChapSecret(ALICE)] } }]);
      expect(await statusOf({ user: 'alice' }, engine)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
      expect(await statusOf({ user }, engine)).toBe(LoginStatus.SUCCESS);
    }
  });

  it('both secrets are right while they are being changed', async () => {
    const secrets = [new ChapSecret('the new secret of alice'), new ChapSecret(ALICE)];
    const engine = newEngine([{ initiator: '*', chap: { user: 'alice', secrets } }]);
    expect(await statusOf({}, engine)).toBe(LoginStatus.SUCCESS);
    expect(await statusOf({ secret: 'the new secret of alice' }, engine)).toBe(LoginStatus.SUCCESS);
    engine.setAccess(TARGET_NAME, [
      { initiator: '*', chap: { user: 'alice', secrets: secrets.slice(0, 1) } },
    ]);
    expect(await statusOf({}, engine)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(engine.sessions).toHaveLength(1);
  });
});

describe('CHAP refuses with 0201h and ends the connection', () => {
  const back = { CHAP_I: '1', CHAP_C: '0x00112233445566778899aabbccddeeff' };
  it.each<[string, ChapLogin]>([
    ['a wrong secret', { secret: 'secret-of-alice2' }],
    ['a wrong user', { user: 'Alice' }],
    ['a response that is cut', { respond: (right) => right.subarray(0, 15) }],
    ['a response with a byte more', { respond: (right) => Uint8Array.of(...right, 0) }],
    ['a response of 1025 bytes', { respond: () => new Uint8Array(1025) }],
    ['a response that is no binary value', { format: () => 'swordfish' }],
    ['a response of no bytes', { format: () => '0b' }],
    ['no algorithm that is known', { offer: '1,2,99' }],
    ['an empty list of algorithms', { offer: '' }],
    ['an identifier without a challenge', { more: { CHAP_I: '1' } }],
    ['a challenge without an identifier', { more: { CHAP_C: '0x00' } }],
    ['an identifier of more than a byte', { more: { ...back, CHAP_I: '256' } }],
    ['a challenge of 1025 bytes', { more: { ...back, CHAP_C: `0x${'00'.repeat(1025)}` } }],
    ['a key too many', { more: { CHAP_X: '1' } }],
  ])('%s', async (_what, login) => {
    const initiator = new TestInitiator(newEngine());
    const { status } = await chapLogin(initiator, login);
    expect(status).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(initiator.transport.ended).toBe(true);
    expect(initiator.engine.sessions).toHaveLength(0);
  });

  it('a response that was right for an earlier challenge (replay)', async () => {
    const engine = newEngine();
    let recorded = new Uint8Array(0) as Uint8Array;
    await chapLogin(new TestInitiator(engine), { respond: (right) => (recorded = right) });
    expect(await statusOf({ respond: () => recorded }, engine)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });

  it('the challenge of the target that comes back (reflection, RFC 7143 §9.2.1)', async () => {
    const engine = newEngine([MUTUAL], { crypto: capturedCrypto() });
    const more = { CHAP_I: '1', CHAP_C: CAPTURED.challenge };
    const { status, answers } = await chapLogin(new TestInitiator(engine), { more });
    expect(status).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(answers).toEqual({});
  });

  it('an initiator that answers with the secret of the target (RFC 7143 §9.2.1)', async () => {
    expect(await statusOf({ secret: TARGET })).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });

  it('a challenge to a target that has nothing to prove itself with', async () => {
    const engine = newEngine([{ initiator: '*', chap: { user: 'alice', secrets: [new ChapSecret(ALICE)] } }]);
    expect(await statusOf({ more: back }, engine)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });

  it.each<[string, Record<string, string>, object]>([
    ['None alone', { AuthMethod: 'None' }, {}],
    ['another method', { AuthMethod: 'KRB5,SRP' }, {}],
    ['leaving the stage without a method', {}, {}],
    ['going straight to operational parameters', {}, { csg: 1, nsg: 3 }],
    ['CHAP keys without a method', { CHAP_A: '5' }, { transit: false, nsg: 0 }],
    ['a response before a challenge', { AuthMethod: 'CHAP', CHAP_N: 'alice', CHAP_R: '0x00' }, {}],
  ])('%s', async (_what, keys, fields) => {
    const initiator = new TestInitiator(newEngine());
    const [answer] = await initiator.send(
      initiator.loginRequest({ csg: 0, nsg: 1, ...fields }, { ...NAMES, ...keys }),
    );
    expect(answer).toMatchObject({ statusClass: 2, statusDetail: 1 });
    expect(initiator.transport.ended).toBe(true);
  });

  it('does not leave the security stage while the exchange goes on, whatever the T bit says', async () => {
    const initiator = new TestInitiator(newEngine());
    const fields = { csg: 0, nsg: 3, transit: true };
    const [method] = await initiator.send(initiator.loginRequest(fields, { ...NAMES, AuthMethod: 'CHAP' }));
    expect(method).toMatchObject({ transit: false, statusClass: 0 });
    const [asked] = await initiator.send(initiator.loginRequest(fields, { CHAP_A: '5' }));
    expect(asked).toMatchObject({ transit: false, statusClass: 0 });
    const [ended] = await initiator.send(initiator.loginRequest({ csg: 1, nsg: 3 }, {}));
    expect(ended).toMatchObject({ statusClass: 2 });
    expect(initiator.engine.sessions).toHaveLength(0);
  });
});

describe('a secret', () => {
  const secret = new ChapSecret(ALICE);

  it('is shown nowhere', () => {
    const shown = [
      String(secret),
      JSON.stringify({ secret, MUTUAL }),
      inspect({ secret, MUTUAL }, { showHidden: true, depth: null }),
      Object.values(secret).join(''),
    ];
    for (const text of shown) expect(text).not.toContain('secret-of');
  });

  it('has 96 bits at least, unless less is wanted', () => {
    expect(() => new ChapSecret('eleven byte')).toThrow(TargetError);
    expect(() => new ChapSecret(new Uint8Array(12))).not.toThrow();
    expect(() => new ChapSecret('short', { allowShort: true })).not.toThrow();
    expect(() => new ChapSecret('', { allowShort: true })).toThrow(TargetError);
    expect(() => new ChapSecret('x'.repeat(1025))).toThrow(/1 to|12 to 1024/);
  });

  it('is not in the error that refuses it', () => {
    try {
      new ChapSecret('sesame');
    } catch (error) {
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain('sesame');
    }
    expect.assertions(1);
  });

  it('cannot be asked for without hashes', () => {
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi(), access: [MUTUAL] }];
    expect(() => new TargetEngine(targets)).toThrow(/CHAP/);
  });
});
