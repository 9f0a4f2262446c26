import { LoginStatus } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { LockOut } from '../../src/auth/lock-out.ts';
import { ChapSecret, TargetEngine } from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { chapLogin } from '../support/chap-initiator.ts';
import { TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

const LIMITS = { authFailures: 3, lockOutMs: 1000, lockOutMaxMs: 60_000, maxOffenders: 16 };
const NAME = 'iqn.1994-05.com.example:tester';
const ADDRESS = '192.0.2.7';

function failing(lockOut: LockOut, times: number, nowMs: number, name = NAME): void {
  for (let count = 0; count < times; count++) lockOut.failed(name, ADDRESS, nowMs);
}

describe('lock-out', () => {
  it('begins with the last failure that is allowed, and ends by itself', () => {
    const lockOut = new LockOut(LIMITS);
    failing(lockOut, 2, 0);
    expect(lockOut.isLocked(NAME, ADDRESS, 0)).toBe(false);
    failing(lockOut, 1, 0);
    expect(lockOut.isLocked(NAME, ADDRESS, 999)).toBe(true);
    expect(lockOut.isLocked(NAME, ADDRESS, 1000)).toBe(false);
  });

  it('doubles with each further failure, up to its limit', () => {
    const lockOut = new LockOut(LIMITS);
    failing(lockOut, 3, 0);
    const waits = Array.from({ length: 8 }, (_, index) => {
      const nowMs = (index + 1) * 1000;
      failing(lockOut, 1, nowMs);
      let waitMs = 0;
      while (lockOut.isLocked(NAME, ADDRESS, nowMs + waitMs)) waitMs += 1000;
      return waitMs;
    });
    expect(waits).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('spares other addresses, and other names as long as there are few', () => {
    const lockOut = new LockOut(LIMITS);
    failing(lockOut, 3, 0);
    expect(lockOut.isLocked(NAME, '192.0.2.8', 0)).toBe(false);
    expect(lockOut.isLocked('iqn.1994-05.com.example:other', ADDRESS, 0)).toBe(false);
  });

  it('is not escaped by a new name for each attempt', () => {
    const lockOut = new LockOut(LIMITS);
    for (let index = 0; index < 24; index++) failing(lockOut, 1, 0, `${NAME}${index}`);
    expect(lockOut.isLocked('iqn.1994-05.com.example:fresh', ADDRESS, 0)).toBe(true);
  });

  it('is forgotten after a success, and after a long time without a failure', () => {
    const lockOut = new LockOut(LIMITS);
    failing(lockOut, 2, 0);
    lockOut.succeeded(NAME, ADDRESS);
    failing(lockOut, 2, 0);
    expect(lockOut.isLocked(NAME, ADDRESS, 0)).toBe(false);
    failing(lockOut, 1, 60_000);
    expect(lockOut.isLocked(NAME, ADDRESS, 60_000)).toBe(false);
  });

  it('remembers no more offenders than its limit', () => {
    const lockOut = new LockOut(LIMITS);
    for (let index = 0; index < 10_000; index++)
      lockOut.failed(NAME, `10.0.${index >> 8}.${index & 255}`, index);
    expect(lockOut.size).toBe(LIMITS.maxOffenders);
  });
});

describe('a login that is locked out', () => {
  const chap = { user: 'alice', secrets: [new ChapSecret('secret-of-alice1')] };
  const attempt = async (engine: TargetEngine, secret: string, nowMs: number): Promise<number> => {
    const initiator = new TestInitiator(engine);
    initiator.nowMs = nowMs;
    return (await chapLogin(initiator, { secret })).status;
  };

  it('is refused though its secret is right, until the wait is over', async () => {
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi(), access: [{ initiator: '*', chap }] }];
    const engine = new TargetEngine(targets, LIMITS, { security: { crypto: nodeChapCrypto() } });
    for (let count = 0; count < 3; count++) {
      expect(await attempt(engine, 'wrong-secret-of-alice', 0)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    }
    expect(await attempt(engine, 'secret-of-alice1', 999)).toBe(LoginStatus.AUTHENTICATION_FAILURE);
    expect(await attempt(engine, 'secret-of-alice1', 1000)).toBe(LoginStatus.SUCCESS);
  });

  it('that has begun before is refused at its response: many connections are not many guesses', async () => {
    const targets = [{ name: TARGET_NAME, scsi: new ScriptedScsi(), access: [{ initiator: '*', chap }] }];
    const engine = new TargetEngine(targets, LIMITS, { security: { crypto: nodeChapCrypto() } });
    const early = new TestInitiator(engine);
    const { status } = await chapLogin(early, {
      respond: async (right) => {
        for (let count = 0; count < 3; count++) await attempt(engine, `guess number ${count}`, 0);
        return right;
      },
    });
    expect(status).toBe(LoginStatus.AUTHENTICATION_FAILURE);
  });
});
