import { LoginStatus, decodeText, type LoginResponsePdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { ChapSecret, TargetEngine, type AccessEntry } from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { chapLogin } from '../support/chap-initiator.ts';
import { INITIATOR_NAME, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { MemoryTransport } from '../support/memory-transport.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const OTHER_TARGET = 'iqn.2026-11.io.lunbox:other';
const NO_TARGET = 'iqn.2026-11.io.lunbox:none';
const STRANGER = 'iqn.1994-05.com.example:stranger';

const alice: AccessEntry = {
  initiator: INITIATOR_NAME,
  chap: { user: 'alice', secrets: [new ChapSecret('secret-of-alice1')] },
};

/** `access` guards one target; the other one is for somebody else. The portal is not loopback. */
function newEngine(access: readonly AccessEntry[]): TargetEngine {
  const scsi = new ScriptedScsi();
  const targets = [
    { name: TARGET_NAME, scsi, alias: 'Archive', access },
    { name: OTHER_TARGET, scsi, access: [{ initiator: 'iqn.1994-05.com.example:other' }] },
  ];
  return new TargetEngine(targets, {}, { security: { crypto: nodeChapCrypto() } });
}

function visitor(engine: TargetEngine): TestInitiator {
  const ends = {
    local: { address: '192.0.2.1', port: 3260 },
    remote: { address: '192.0.2.7', port: 50_000 },
  };
  return new TestInitiator(engine, new MemoryTransport(ends));
}

/** Logs in without authentication; returns the status and the keys of the answer. */
async function knock(
  engine: TargetEngine,
  TargetName: string,
  InitiatorName: string,
  AuthMethod?: string,
): Promise<{ status: number; keys: [string, string][] }> {
  const initiator = visitor(engine);
  const keys = { InitiatorName, TargetName, ...(AuthMethod === undefined ? {} : { AuthMethod }) };
  const fields = AuthMethod === undefined ? {} : { csg: 0, nsg: 1 };
  const [pdu] = await initiator.send(initiator.loginRequest(fields, keys));
  const { statusClass, statusDetail, data } = pdu as LoginResponsePdu;
  return { status: (statusClass << 8) | statusDetail, keys: decodeText(data) };
}

describe('which targets there are is not told to everybody', () => {
  it.each([
    ['with the wrong secret', { secret: 'another secret!!' }],
    ['with the wrong user', { user: 'mallory' }],
    ['with an algorithm that is not there', { offer: '99' }],
    ['with a response that is no number', { format: () => 'swordfish' }],
  ])('%s, a target that is not there answers like one that is', async (_how, login) => {
    const outcomes = [TARGET_NAME, OTHER_TARGET, NO_TARGET].map(async (targetName) => {
      const { status, challenge, answers } = await chapLogin(visitor(newEngine([alice])), {
        ...login,
        targetName,
      });
      return { status, challenged: challenge?.bytes.length, keys: Object.keys(answers) };
    });
    const [known, other, unknown] = await Promise.all(outcomes);
    expect(unknown).toEqual(known);
    expect(other).toEqual(known);
    expect(unknown).toMatchObject({ status: LoginStatus.AUTHENTICATION_FAILURE });
  });

  it.each([undefined, 'None', 'CHAP', 'CHAP,None', 'KRB5'])(
    'without a proof nothing differs when AuthMethod is %s, not even the alias',
    async (method) => {
      const [known, other, unknown] = await Promise.all(
        [TARGET_NAME, OTHER_TARGET, NO_TARGET].map((name) =>
          knock(newEngine([alice]), name, INITIATOR_NAME, method),
        ),
      );
      expect(unknown).toEqual(known);
      expect(other).toEqual(known);
    },
  );

  it('with the proof an initiator hears what is the matter', async () => {
    const engine = newEngine([alice]);
    const status = async (targetName: string): Promise<number> =>
      (await chapLogin(visitor(engine), { targetName })).status;
    expect(await status(TARGET_NAME)).toBe(LoginStatus.SUCCESS);
    expect(await status(OTHER_TARGET)).toBe(LoginStatus.AUTHORIZATION_FAILURE);
    expect(await status(NO_TARGET)).toBe(LoginStatus.NOT_FOUND);
    expect(engine.sessions).toHaveLength(1);
  });

  it('a wrong proof for a target that is not there counts as one', async () => {
    const engine = newEngine([alice]);
    for (let count = 0; count < 5; count++) {
      await chapLogin(visitor(engine), { targetName: NO_TARGET, secret: 'another secret!!' });
    }
    expect((await chapLogin(visitor(engine))).status).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });

  it('who is listed nowhere is refused the same way everywhere', async () => {
    const engine = newEngine([alice]);
    const refused = { status: LoginStatus.AUTHORIZATION_FAILURE, keys: [] };
    for (const name of [TARGET_NAME, OTHER_TARGET, NO_TARGET]) {
      expect(await knock(engine, name, STRANGER)).toEqual(refused);
    }
  });

  it('who may come in without a proof hears that a target is not there (0203h)', async () => {
    const engine = newEngine([{ initiator: INITIATOR_NAME }]);
    expect((await knock(engine, NO_TARGET, INITIATOR_NAME)).status).toBe(LoginStatus.NOT_FOUND);
    expect((await knock(engine, OTHER_TARGET, INITIATOR_NAME)).status).toBe(
      LoginStatus.AUTHORIZATION_FAILURE,
    );
  });
});
