import fc from 'fast-check';
import { expect, it } from 'vitest';
import { blankHeader, encodeMessage, Magic, Opcode } from '../../src/index.ts';
import { encodeFields } from '../../src/codec.ts';
import { GROUP_ID } from '../support/memory-service.ts';
import { RawClient, settled } from '../support/raw-client.ts';

/** Messages in this property; `npm run fuzz` sets a higher number. */
const COUNT = Number(process.env['LUNBOX_FUZZ_PDUS'] ?? 20_000);
const PER_RUN = 50;

const small = fc.oneof(
  fc.nat(4),
  fc.constantFrom(512, 1024, 1 << 19, 1 << 20, 2 ** 40, Number.MAX_SAFE_INTEGER),
);
const fields = fc.record(
  {
    name: fc.constantFrom('', 'disk', 'x'),
    snapshotName: fc.constantFrom('s', 'x'),
    sizeBytes: small,
    holder: fc.constant(['h']),
    sourceHandle: small,
    sourceOffset: small,
    context: fc.constantFrom('alloc', 'changed', 'x'),
    from: fc.constant('s'),
    object: fc.array(fc.record({ handle: small })),
    eventSequence: small,
    uuid: fc.constantFrom(GROUP_ID, '22222222-2222-4222-8222-222222222222'),
    quiesce: fc.constant(true as const),
    readyMs: fc.nat(5),
    holdMs: fc.nat(5),
    level: fc.constantFrom('crash', 'application', 'x'),
    held: fc.constant(true as const),
  },
  { requiredKeys: [] },
);
const message = fc.record({
  opcode: fc.oneof(fc.constantFrom(...Object.values(Opcode)), fc.nat(0xffff)),
  flags: fc.oneof(fc.nat(31), fc.nat(0xffff_ffff)),
  handle: small,
  offset: small,
  length: small,
  epoch: fc.nat(2),
  cookieLow: fc.nat(3),
  payload: fc.oneof(
    fields.map(encodeFields),
    fc.uint8Array({ maxLength: 2048 }),
    fc.constant(new Uint8Array(1024)),
  ),
});

it('any messages end in answers or the end of the connection: no mistake of ours, nothing left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: PER_RUN, maxLength: PER_RUN }), async (messages) => {
      const client = new RawClient();
      await client.open();
      for (const { payload, ...header } of messages) {
        const whole = { ...blankHeader(Magic.REQUEST, 0), ...header };
        client.connection.receive(encodeMessage(whole, payload, false), 0);
      }
      await settled();
      expect(client.internalErrors).toEqual([]);
      client.connection.disconnected();
      client.engine.tick(1e9);
      expect([client.engine.connectionCount, client.engine.sessionCount]).toEqual([0, 0]);
    }),
    { numRuns: Math.ceil(COUNT / PER_RUN) },
  );
}, 3_600_000);
