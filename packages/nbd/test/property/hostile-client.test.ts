import fc from 'fast-check';
import { expect, it } from 'vitest';
import { number, option, RawClient, request, text } from '../support/raw-client.ts';

/** Messages in this property; `npm run fuzz` sets a higher number. */
const COUNT = Number(process.env['LUNBOX_FUZZ_PDUS'] ?? 20_000);
const PER_RUN = 40;

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((each) => Buffer.from(each).toString('hex'));
const options = fc.tuple(
  fc.oneof(fc.nat(12), fc.constant(0xffff)),
  fc.oneof(
    bytes(64),
    fc.constantFrom(text('disk') + '0000', text('disk') + number(1, 4) + text('base:allocation'), ''),
  ),
);
const requests = fc.tuple(
  fc.nat(9),
  fc.constantFrom(0, 1, 512, 4096, (1 << 20) - 512, 1 << 20, 2 ** 40),
  fc.constantFrom(0, 1, 512, 1024, 4096, 0xffff_ffff),
  fc.nat(31),
  bytes(16),
);

it('whatever a client sends ends in answers or the end of the connection, however the bytes are cut', async () => {
  const scene = fc.tuple(
    fc.array(options, { maxLength: 6 }),
    fc.array(requests, { maxLength: PER_RUN }),
    fc.integer({ min: 1, max: 200 }),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(scene, async ([before, after, pieceBytes, structured]) => {
      const client = new RawClient();
      const opening = `00000003${before.map(([code, data]) => option(code, data)).join('')}`;
      const end = (structured ? option(8, '') : '') + option(7, `${text('disk')}0000`);
      const sent = after.map(([type, offset, length, flags, data]) => {
        const payload = type === 1 && length <= 4096 ? '5a'.repeat(length) : '';
        return request(type, offset, length, flags) + payload + (flags === 31 ? data : '');
      });
      const all = Buffer.from(opening + end + sent.join(''), 'hex');
      for (let at = 0; at < all.length; at += pieceBytes)
        client.connection.receive(all.subarray(at, at + pieceBytes));
      await client.received();
      expect(client.internalErrors).toEqual([]);
      client.connection.disconnected();
    }),
    { numRuns: Math.ceil(COUNT / PER_RUN) },
  );
}, 3_600_000);
