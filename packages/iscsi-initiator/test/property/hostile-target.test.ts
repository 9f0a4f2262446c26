import { fc, test } from '@fast-check/vitest';
import { writeU24, writeU32 } from '@lunbox/iscsi-pdu';
import { describe, expect } from 'vitest';
import { InitiatorError } from '../../src/index.ts';
import { ScriptedTarget, settle } from '../support/scripted-target.ts';

/** Sessions of every kind: the more recovery there is, the more a target can do with it. */
const kinds = fc.record({
  errorRecoveryLevel: fc.constantFrom(0, 1, 2),
  connections: fc.constantFrom(1, 2, 3),
}) as fc.Arbitrary<{ errorRecoveryLevel: 0 | 1 | 2; connections: number }>;

const TARGET_OPCODES = [0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f, 0x05, 0x3e];

/** A PDU of a target that knows the protocol's shape and none of its rules. */
const pdu = fc
  .record({
    opcode: fc.constantFrom(...TARGET_OPCODES),
    flags: fc.integer({ min: 0, max: 255 }),
    rest: fc.uint8Array({ minLength: 46, maxLength: 46 }),
    data: fc.uint8Array({ maxLength: 64 }),
    tag: fc.option(fc.integer({ min: 0, max: 4 })),
    statSn: fc.option(fc.integer({ min: 1000, max: 1006 })),
    place: fc.option(fc.integer({ min: 0, max: 64 })),
  })
  .map(({ opcode, flags, rest, data, tag, statSn, place }) => {
    const bytes = new Uint8Array(48 + ((data.length + 3) & ~3));
    bytes[0] = opcode;
    bytes[1] = flags;
    bytes.set(rest, 2);
    bytes[4] = 0;
    writeU24(bytes, 5, data.length);
    if (tag !== null) writeU32(bytes, 16, tag);
    if (statSn !== null) writeU32(bytes, 24, statSn);
    if (place !== null) {
      writeU32(bytes, 36, place & 3);
      writeU32(bytes, 40, place);
    }
    bytes.set(data, 48);
    return bytes;
  });

describe('a hostile target', () => {
  test.prop([kinds, fc.array(fc.tuple(pdu, fc.nat(2)), { maxLength: 12 }), fc.boolean()], { numRuns: 600 })(
    'never breaks a session: every command ends, with a result or an InitiatorError',
    async (kind, pdus, duringLogin) => {
      const target = new ScriptedTarget();
      target.command = () => undefined;
      const session = target.session({ ...kind, reconnect: { timeoutMs: 0 } });
      if (duringLogin) target.answer = () => undefined;
      const opening = session.open().catch((error: unknown) => error);
      await settle();
      const buffer = new Uint8Array(64 + 16);
      const commands = [
        session.command({ lun: 0, cdb: new Uint8Array(6), read: [buffer.subarray(0, 64)] }),
        session.command({ lun: 0, cdb: new Uint8Array(6), write: [new Uint8Array(64)] }),
        session.command({ lun: 0, cdb: new Uint8Array(6), write: [new Uint8Array(64)], idempotent: true }),
        session.ping(),
      ].map((promise: Promise<unknown>) => promise.catch((error: unknown) => error));
      await settle();
      for (const [bytes, at] of pdus) target.connections.at(at % target.connections.length)?.hear(bytes);
      await settle();
      await target.pass(600);
      target.reachable = false;
      for (const connection of [...target.connections]) connection.cut('over');
      await session.close();
      for (const outcome of await Promise.all([opening, ...commands])) {
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(InitiatorError);
      }
      // Nothing is written beyond what a command gave.
      expect(buffer.subarray(64).every((byte) => byte === 0)).toBe(true);
      expect(target.clock.pendingTimers).toBe(0);
    },
  );

  test.prop([fc.uint8Array({ maxLength: 300 })], { numRuns: 100 })(
    'that sends noise loses its connection or is waited for',
    async (noise) => {
      const target = new ScriptedTarget();
      const session = await target.open({ reconnect: { timeoutMs: 0 } });
      target.connection.hear(noise);
      const closing = session.close();
      // The answer to the logout may be taken for data of a PDU that never ends.
      await target.pass(4000);
      await closing;
      expect(session.state).toBe('closed');
    },
  );
});
