import { MemoryDevice } from '@lunbox/block';
import { describe, expect, it } from 'vitest';
import { digits, number, option, RawClient, request, text } from '../support/raw-client.ts';

const COOKIE = '0102030405060708';
const reply = (code: number, type: string, data = '') =>
  `0003e889045565a9${number(code, 4)}${type}${number(data.length / 2, 4)}${data}`;
const ACK = '00000001';
const ERR = {
  unsup: '80000001',
  policy: '80000002',
  invalid: '80000003',
  tls: '80000005',
  unknown: '80000006',
};
/** HAS_FLAGS, FLUSH, FUA, TRIM, WRITE_ZEROES, DF, MULTI_CONN, CACHE. */
const FLAGS = '05ed';
const SIZE = number(1 << 20, 8);

/** The type of an error reply to an option. */
const errorOf = (answer: string): string => answer.slice(24, 32);

describe('the handshake', () => {
  it('begins with both magics and the flags of the server', async () => {
    expect(await new RawClient().received()).toBe(`${digits('NBDMAGIC')}${digits('IHAVEOPT')}0003`);
  });

  it('GO tells size, flags and block sizes, what was asked for, and is acknowledged', async () => {
    const client = new RawClient();
    await client.received();
    const answer = await client.send('00000003', option(7, `${text('disk')}000200010002`));
    expect(answer).toBe(
      reply(7, '00000003', `0000${SIZE}${FLAGS}`) +
        reply(7, '00000003', '0003 00000200 00001000 02000000'.replaceAll(' ', '')) +
        reply(7, '00000003', `0001${digits('disk')}`) +
        reply(7, '00000003', `0002${digits('memory')}`) +
        reply(7, ACK),
    );
  });

  it.each([
    ['with zeroes', '00000001', '00'.repeat(124)],
    ['without', '00000003', ''],
  ])('EXPORT_NAME is answered %s', async (_what, flags, zeroes) => {
    const client = new RawClient();
    await client.received();
    expect(await client.send(flags, option(1, digits('disk')))).toBe(SIZE + FLAGS + zeroes);
  });

  it('LIST names the exports', async () => {
    const client = new RawClient();
    await client.received();
    const server = reply(3, '00000002', text('disk') + digits('memory'));
    expect(await client.send('00000003', option(3, ''))).toBe(server + reply(3, ACK));
  });

  it('STRUCTURED_REPLY and the meta contexts are agreed on; namespaces list what is in them', async () => {
    const client = new RawClient({ info: { changedSince: ['monday'] } });
    await client.received();
    expect(errorOf(await client.send('00000003', option(9, text('disk') + number(0, 4))))).toBe(ERR.invalid);
    expect(await client.send(option(8, ''))).toBe(reply(8, ACK));
    const listed = await client.send(option(9, text('disk') + number(0, 4)));
    expect(listed).toBe(
      reply(9, '00000004', `00000000${digits('base:allocation')}`) +
        reply(9, '00000004', `00000000${digits('lunbox:changed:monday')}`) +
        reply(9, ACK),
    );
    const query = text('disk') + number(2, 4) + text('lunbox:changed:monday') + text('x:y');
    expect(await client.send(option(10, query))).toBe(
      reply(10, '00000004', `00000001${digits('lunbox:changed:monday')}`) + reply(10, ACK),
    );
  });

  it.each([
    ['an option that is not known', option(99, 'ff'), ERR.unsup],
    ['an export that there is not', option(7, `${text('x')}0000`), ERR.unknown],
    ['GO that is cut off', option(7, text('disk')), ERR.invalid],
    ['GO with a name longer than it is', option(7, '000000ff0000'), ERR.invalid],
    ['LIST with data', option(3, '00'), ERR.invalid],
    ['STARTTLS without a certificate', option(5, ''), ERR.policy],
  ])('%s is refused, and the next option is taken', async (_what, bytes, type) => {
    const client = new RawClient();
    await client.received();
    expect(errorOf(await client.send('00000003', bytes))).toBe(type);
    expect(await client.send(option(8, ''))).toBe(reply(8, ACK));
  });

  it.each([
    ['without the fixed newstyle', '00000002'],
    ['with flags that are not known', '00000007'],
    ['with a wrong magic', `00000003${'00'.repeat(16)}`],
    ['with an option that is too long', `00000003${digits('IHAVEOPT')}00000007 00010001`],
    ['by EXPORT_NAME of what there is not', `00000003${option(1, digits('x'))}`],
  ])('a client %s is cut', async (_what, bytes) => {
    const client = new RawClient();
    await client.send(bytes);
    expect(client.ended).toBe(true);
  });

  it('ABORT is acknowledged, and ends the connection', async () => {
    const client = new RawClient();
    await client.received();
    expect(await client.send('00000003', option(2, ''))).toBe(reply(2, ACK));
    expect(client.ended).toBe(true);
  });

  it('who does not come to an export is cut after its time (slow loris)', () => {
    const client = new RawClient();
    client.connection.tick(10_000);
    expect(client.ended).toBe(false);
    client.connection.tick(10_001);
    expect(client.ended).toBe(true);
  });

  it('where TLS is required nothing is told before it, and nothing before it counts (CVE-2021-3716)', async () => {
    const client = new RawClient({ tls: 'required' });
    await client.received();
    for (const bytes of [`00000003${option(3, '')}`, option(7, `${text('disk')}0000`), option(8, '')])
      expect(errorOf(await client.send(bytes))).toBe(ERR.tls);
    const answer = await client.send(option(5, ''), option(3, ''));
    expect([answer, client.upgraded]).toEqual([reply(5, ACK), true]);
  });
});

describe('the transmission', () => {
  it('reads and writes with simple replies, byte for byte', async () => {
    const client = new RawClient();
    await client.go();
    expect(await client.send(request(1, 512, 512), 'ab'.repeat(512))).toBe(`6744669800000000${COOKIE}`);
    expect(await client.send(request(0, 512, 512))).toBe(`6744669800000000${COOKIE}${'ab'.repeat(512)}`);
    expect(await client.send(request(3, 0, 0))).toBe(`6744669800000000${COOKIE}`);
  });

  it('the same with structured replies: an offset before the data, an error with its text', async () => {
    const client = new RawClient();
    await client.go(true);
    expect(await client.send(request(1, 512, 512), 'cd'.repeat(512))).toBe(
      `668e33ef00010000${COOKIE}00000000`,
    );
    const data = `${number(512, 8)}${'cd'.repeat(512)}`;
    expect(await client.send(request(0, 512, 512))).toBe(`668e33ef00010001${COOKIE}${number(520, 4)}${data}`);
    expect(await client.send(request(0, 1 << 20, 512))).toMatch(`668e33ef00018001${COOKIE}`);
  });

  it('BLOCK_STATUS tells what is allocated, and one extent when one is asked for', async () => {
    const client = new RawClient();
    await client.go(true);
    await client.send(request(1, 65_536, 512), '01'.repeat(512));
    const runs = (...list: readonly (readonly [number, number])[]) =>
      list.map(([length, flags]) => number(length, 4) + number(flags, 4)).join('');
    const status = (data: string) =>
      `668e33ef00010005${COOKIE}${number(4 + data.length / 2, 4)}00000001${data}`;
    expect(await client.send(request(7, 0, 1 << 18))).toBe(
      status(runs([65_536, 3], [65_536, 0], [131_072, 3])),
    );
    expect(await client.send(request(7, 0, 1 << 18, 8))).toBe(status(runs([65_536, 3])));
  });

  const EINVAL = 22;
  it.each([
    ['beyond the end', request(0, 1 << 20, 512), EINVAL],
    ['not in whole blocks', request(0, 1, 512), EINVAL],
    ['of more than 32 MiB', request(0, 0, (32 << 20) + 512), EINVAL],
    ['at an offset beyond 2^53', `25609513 0000 0000 ${COOKIE} ffffffffffffffff 00000200`, EINVAL],
    ['of an unknown kind', request(99, 0, 0), EINVAL],
    ['with an unknown flag', request(3, 0, 0, 0x80), EINVAL],
    ['of block status without a context', request(7, 0, 512), EINVAL],
    ['of FAST_ZERO, which is not offered', request(6, 0, 512, 16), EINVAL],
  ])('a request %s is refused, and the next one is taken', async (_what, bytes, errno) => {
    const client = new RawClient();
    await client.go();
    expect(await client.send(bytes)).toBe(`67446698${number(errno, 4)}${COOKIE}`);
    expect(await client.send(request(3, 0, 0))).toBe(`6744669800000000${COOKIE}`);
    expect(client.internalErrors).toEqual([]);
  });

  it('a disk that takes no change says EPERM', async () => {
    const client = new RawClient({ device: new MemoryDevice({ size: 1 << 20, readOnly: true }) });
    await client.go();
    expect(await client.send(request(1, 0, 512), '00'.repeat(512))).toBe(`6744669800000001${COOKIE}`);
  });

  it.each([
    ['a wrong magic', '00'.repeat(28)],
    ['a WRITE of more than 32 MiB', request(1, 0, (32 << 20) + 1)],
  ])('%s ends the connection', async (_what, bytes) => {
    const client = new RawClient();
    await client.go();
    await client.send(bytes);
    expect(client.ended).toBe(true);
  });

  it('requests beyond the limit wait, the transport is paused, and DISC lets all be answered', async () => {
    const gates: (() => void)[] = [];
    class Gated extends MemoryDevice {
      override async read(into: readonly Uint8Array[], offset: number): Promise<void> {
        await new Promise<void>((resolve) => gates.push(resolve));
        void super.read(into, offset);
      }
    }
    const client = new RawClient({ device: new Gated({ size: 1 << 20 }) });
    await client.go();
    await client.send(request(0, 0, 512).repeat(70));
    expect([gates.length, client.paused]).toEqual([64, true]);
    await client.send(request(2, 0, 0));
    expect(client.ended).toBe(false);
    let answered = '';
    while (gates.length > 0) {
      gates.shift()!();
      answered += await client.received();
    }
    expect([answered.length / 2, client.ended]).toEqual([70 * 528, true]);
  });

  it('DISC behind writes that wait for the peer to read lets all of them be done', async () => {
    let written = 0;
    class Counted extends MemoryDevice {
      override write(from: readonly Uint8Array[], offset: number): void {
        written++;
        void super.write(from, offset);
      }
    }
    const client = new RawClient({ device: new Counted({ size: 1 << 20 }) });
    await client.go();
    client.backlogBytes = 8 << 20;
    const writes = Array.from({ length: 10 }, (_, index) => request(1, index * 512, 512) + 'ee'.repeat(512));
    await client.send(...writes, request(2, 0, 0));
    expect([client.ended, client.paused, written]).toEqual([false, true, 0]);
    client.backlogBytes = 0;
    client.connection.drained();
    expect(await client.received()).toBe(`6744669800000000${COOKIE}`.repeat(10));
    expect([client.ended, written]).toEqual([true, 10]);
  });

  it('answers that complete at once are bounded, however many requests come at once', async () => {
    const client = new RawClient();
    await client.go();
    const answers = await client.send(request(0, 0, 1 << 20).repeat(30));
    expect(client.sentAtOnce).toBeLessThan(8 << 20);
    let all = answers.length;
    for (let turn = 0; turn < 30; turn++) all += (await client.received()).length;
    expect(all / 2).toBe(30 * ((1 << 20) + 16));
  });

  it('who asks and never reads is cut in the handshake', async () => {
    const client = new RawClient();
    client.backlogBytes = 8 << 20;
    await client.send('00000003', option(3, ''));
    expect(client.ended).toBe(true);
  });
});
