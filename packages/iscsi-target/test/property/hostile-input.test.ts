import fc from 'fast-check';
import { encodeText, serializePdu } from '@lunbox/iscsi-pdu';
import { describe, expect, it } from 'vitest';
import { TargetEngine } from '../../src/index.ts';
import { INITIATOR_NAME, TARGET_NAME, TestInitiator } from '../support/initiator.ts';
import { ScriptedScsi } from '../support/scripted-scsi.ts';

/** PDUs in each property; `npm run fuzz` sets a higher number. */
const PDU_COUNT = Number(process.env['LUNBOX_FUZZ_PDUS'] ?? 100_000);
const PDUS_PER_RUN = 50;

const NONE = { header: false, data: false };

/** A PDU of full feature phase, with some of its bytes changed. */
function mutatedPdu(
  initiator: TestInitiator,
  choice: number,
  changes: readonly (readonly [number, number])[],
): Uint8Array {
  const samples = [
    () => initiator.read10(choice, 8),
    () => initiator.write10(choice, 1, { data: new Uint8Array(512) }),
    () => initiator.write10(choice, 16),
    () =>
      initiator.dataOut(initiator.write10(0, 1), {
        data: new Uint8Array(64),
        bufferOffset: 0,
        dataSn: 0,
        final: true,
      }),
    () => initiator.command([choice & 255, choice >> 8], { read: true, expectedDataTransferLength: 255 }),
  ];
  const bytes = serializePdu(samples[choice % samples.length]!(), NONE);
  for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 60)] = value;
  return bytes;
}

describe('hostile input', () => {
  it('mutated PDUs end in an answer or the end of the connection: no exception, no growth', async () => {
    const scsi = new ScriptedScsi();
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi }]);
    const pdu = fc.tuple(fc.nat(0xffff), fc.array(fc.tuple(fc.nat(59), fc.nat(255)), { maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(fc.array(pdu, { minLength: PDUS_PER_RUN, maxLength: PDUS_PER_RUN }), async (pdus) => {
        const initiator = new TestInitiator(engine);
        await initiator.login();
        for (const [choice, changes] of pdus) {
          initiator.connection.receive(mutatedPdu(initiator, choice, changes), 0);
        }
        await initiator.transport.settle();
        expect(initiator.connection.framer.bufferedBytes).toBeLessThanOrEqual(262_144 + 2048);
        initiator.connection.disconnected();
        expect(engine.connectionCount).toBe(0);
        scsi.nexuses.length = 0;
        scsi.executed.length = 0;
      }),
      { numRuns: Math.ceil(PDU_COUNT / PDUS_PER_RUN) },
    );
  }, 3_600_000);

  it('random login texts end in a typed status or an answer', async () => {
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }]);
    const key = fc.constantFrom(
      'InitiatorName',
      'TargetName',
      'SessionType',
      'AuthMethod',
      'HeaderDigest',
      'X-y',
      'MaxBurstLength',
      'CHAP_A',
      'SendTargets',
    );
    const value = fc.oneof(
      fc.constantFrom(INITIATOR_NAME, TARGET_NAME, 'None', 'Yes', '512', 'Discovery'),
      fc.string({ maxLength: 20 }),
    );
    const lines = fc.array(
      fc.tuple(key, value).map(([k, v]) => [k, v.replaceAll('\0', '')] as const),
      { maxLength: 8 },
    );
    const noise = fc.uint8Array({ maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(
        lines,
        noise,
        fc.nat(3),
        fc.nat(3),
        fc.boolean(),
        async (keys, tail, csg, nsg, transit) => {
          const initiator = new TestInitiator(engine);
          const data = Buffer.concat([encodeText(keys), tail]);
          const request = { ...initiator.loginRequest({ csg, nsg, transit }, {}), data };
          initiator.connection.receive(serializePdu(request, NONE), 0);
          await initiator.transport.settle();
          initiator.connection.disconnected();
          expect(engine.connectionCount).toBe(0);
        },
      ),
      { numRuns: Math.ceil(PDU_COUNT / 100) },
    );
  }, 3_600_000);

  it('random bytes from the first one on', () => {
    const engine = new TargetEngine([{ name: TARGET_NAME, scsi: new ScriptedScsi() }]);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 5 }), (chunks) => {
        const initiator = new TestInitiator(engine);
        for (const chunk of chunks) initiator.connection.receive(chunk, 0);
        initiator.connection.disconnected();
        expect(engine.connectionCount).toBe(0);
      }),
      { numRuns: Math.ceil(PDU_COUNT / 20) },
    );
  }, 3_600_000);
});
