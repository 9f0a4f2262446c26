import fc from 'fast-check';
import { serializePdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { ChapSecret, TargetEngine } from '../../src/index.ts';
import { nodeChapCrypto } from '../../src/shell/node-chap-crypto.ts';
import { INITIATOR_NAME, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

/** Login sequences; the long suite sets a higher number. A million take some ten minutes. */
const SEQUENCES = Number(process.env['LUNBOX_FUZZ_LOGINS'] ?? 5000);
const TIMEOUT_MS = 600_000 + SEQUENCES * 10;

const NONE = { header: false, data: false };

/** Keys that mean something in a login, with values that are right, wrong or odd. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  InitiatorName: [INITIATOR_NAME, 'iqn.1994-05.com.example:other', 'nobody', ''],
  TargetName: [TARGET_NAME, 'iqn.2026-11.io.lunbox:none', ''],
  SessionType: ['Normal', 'Discovery', 'Strange'],
  AuthMethod: ['CHAP', 'None', 'CHAP,None', 'None,CHAP', 'KRB5', ''],
  CHAP_A: ['5', '5,7', '8,7,6,5', '99', '', '5,'.repeat(50)],
  CHAP_N: ['alice', '', 'target', 'x'.repeat(300)],
  CHAP_R: [`0x${'00'.repeat(16)}`, `0x${'00'.repeat(32)}`, '0b', '0x', 'swordfish', `0x${'ab'.repeat(1025)}`],
  CHAP_I: ['0', '255', '256', '-1', ''],
  CHAP_C: ['0x00', `0x${'11'.repeat(16)}`, `0x${'11'.repeat(1024)}`, '0b!!!!'],
  MaxRecvDataSegmentLength: ['512', '0', '16777215'],
  HeaderDigest: ['CRC32C', 'None', 'Reject'],
  MaxConnections: ['8', '0', 'NotUnderstood'],
  ErrorRecoveryLevel: ['2', '3'],
  TaskReporting: ['FastAbort,ResponseFence,RFC3720', 'Strange'],
  'X-com.example.odd': ['1', 'x'.repeat(4000)],
};

const pair = fc
  .constantFrom(...Object.keys(KEYS))
  .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...(KEYS[name] as readonly string[]))));

const request = fc.record({
  csg: fc.constantFrom(0, 0, 0, 1, 2, 3),
  nsg: fc.constantFrom(0, 1, 1, 3, 3),
  transit: fc.boolean(),
  continue: fc.constantFrom(false, false, false, true),
  tsih: fc.constantFrom(0, 0, 0, 1),
  keys: fc.array(pair, { maxLength: 5 }),
});

/** Beginnings that are right, so that what follows gets deep. */
const opening = fc.constantFrom<readonly [string, string][][]>(
  [],
  [
    [
      ['InitiatorName', INITIATOR_NAME],
      ['TargetName', TARGET_NAME],
      ['AuthMethod', 'CHAP'],
    ],
  ],
  [
    [
      ['InitiatorName', INITIATOR_NAME],
      ['TargetName', TARGET_NAME],
      ['AuthMethod', 'CHAP,None'],
    ],
    [['CHAP_A', '5']],
  ],
);

function newEngine(scsi: ScriptedScsi): TargetEngine {
  const chap = { user: 'alice', secrets: [new ChapSecret('secret-of-alice1')] };
  const mutual = { user: 'target', secret: new ChapSecret('secret-of-target') };
  const access = [{ initiator: '*', chap, mutual }];
  const security = { crypto: nodeChapCrypto(), discovery: access };
  return new TargetEngine([{ name: TARGET_NAME, scsi, access }], {}, { security });
}

describe('hostile logins', () => {
  it(
    'nobody without the secret gets a session, whatever is said in whatever order',
    async () => {
      const scsi = new ScriptedScsi();
      const engine = newEngine(scsi);
      let nowMs = 0;
      await fc.assert(
        fc.asyncProperty(
          opening,
          fc.array(request, { minLength: 1, maxLength: 8 }),
          async (first, requests) => {
            const initiator = new TestInitiator(engine);
            // Far enough apart that no attempt is spared by the wait after the one before.
            initiator.nowMs = nowMs += 600_000;
            for (const keys of first) {
              const pdu = initiator.loginRequest(
                { csg: 0, nsg: 0, transit: false },
                Object.fromEntries(keys),
              );
              initiator.connection.receive(serializePdu(pdu, NONE), nowMs);
            }
            for (const { keys, ...fields } of requests) {
              const pdu = initiator.loginRequest(fields, Object.fromEntries(keys));
              initiator.connection.receive(serializePdu(pdu, NONE), nowMs);
            }
            await initiator.transport.settle();
            expect(engine.sessions).toEqual([]);
            expect(scsi.nexuses).toEqual([]);
            initiator.connection.disconnected();
            expect(engine.connectionCount).toBe(0);
          },
        ),
        { numRuns: SEQUENCES },
      );
    },
    TIMEOUT_MS,
  );
});
