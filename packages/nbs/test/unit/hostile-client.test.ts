import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '@lunbox/block';
import {
  blankHeader,
  encodeHeader,
  encodeMessage,
  Flag,
  Magic,
  Opcode,
  type Fields,
} from '../../src/index.ts';
import { MemoryService } from '../support/memory-service.ts';
import { RawClient, settled } from '../support/raw-client.ts';

const HELLO: Fields = { versionMin: 1, versionMax: 1, clientId: '0'.repeat(32) };

describe('before there is a session', () => {
  it('requests other than HELLO and AUTH are refused', async () => {
    const client = new RawClient();
    await client.send('OBJECT_LIST');
    expect(client.transport.statuses).toEqual(['AUTH_REQUIRED']);
  });

  it.each([
    ['AUTH before HELLO', 'AUTH', { saslData: new Uint8Array(0) }, 'PROTO'],
    ['a version that is not spoken', 'HELLO', { ...HELLO, versionMin: 2, versionMax: 9 }, 'VERSION'],
    [
      'a session that there is not',
      'HELLO',
      { ...HELLO, sessionId: '1'.repeat(32), resumeSecret: new Uint8Array(32) },
      'SESSION_LOST',
    ],
  ] as const)('%s ends the connection with its status', async (_what, name, fields, status) => {
    const client = new RawClient();
    await client.send(name, {}, fields);
    expect([client.transport.statuses, client.transport.ended]).toEqual([[status], true]);
  });

  it('a mechanism that is not offered ends it', async () => {
    const client = new RawClient();
    await client.send('HELLO', {}, HELLO);
    await client.send('AUTH', {}, { mechanism: ['EXTERNAL'], saslData: new Uint8Array(0) });
    expect([client.transport.statuses, client.transport.ended]).toEqual([['OK', 'AUTH_FAILED'], true]);
  });

  it('a payload of more than 64 KiB ends it, before it has come', async () => {
    const client = new RawClient();
    const header = blankHeader(Magic.REQUEST, Opcode.HELLO);
    header.payloadBytes = 65_537;
    const bytes = new Uint8Array(64);
    encodeHeader(header, bytes);
    client.connection.receive(bytes, 0);
    expect(client.transport.ended).toBe(true);
  });

  it('who sends a byte now and then is cut after its time (slow loris)', async () => {
    const client = new RawClient();
    for (let second = 0; second <= 11; second++) {
      client.connection.receive(Uint8Array.of(0x4e), second * 1000);
      client.engine.tick(second * 1000);
    }
    expect([client.transport.ended, client.engine.connectionCount]).toEqual([true, 0]);
  });
});

describe('in a session', () => {
  const cases: readonly [string, Parameters<RawClient['send']>, string][] = [
    ['HELLO again', ['HELLO', {}, HELLO], 'PROTO'],
    ['an object that is not open', ['READ', { handle: 9, length: 512 }], 'INVAL'],
    ['a READ beyond the end', ['READ', { handle: 1, offset: 1 << 20, length: 512 }], 'INVAL'],
    ['a READ that is not in blocks', ['READ', { handle: 1, offset: 1, length: 512 }], 'INVAL'],
    ['a READ longer than a payload', ['READ', { handle: 1, length: 1 << 30 }], 'INVAL'],
    ['a READ with a payload', ['READ', { handle: 1, length: 512 }, new Uint8Array(8)], 'PROTO'],
    [
      'a WRITE whose LENGTH is not that of its payload',
      ['WRITE', { handle: 1, length: 512 }, new Uint8Array(1024)],
      'INVAL',
    ],
    [
      'a swap without both of its halves',
      ['COMPARE_AND_WRITE', { handle: 1, length: 512 }, new Uint8Array(512)],
      'INVAL',
    ],
    [
      'a copy from nowhere',
      ['COPY_RANGE', { handle: 1, length: 512 }, { sourceHandle: 9, sourceOffset: 0 }],
      'INVAL',
    ],
    ['fields that are missing', ['SNAPSHOT_DELETE', { handle: 1 }, {}], 'INVAL'],
    ['fields that are none', ['SNAPSHOT_DELETE', { handle: 1 }, Uint8Array.of(1, 2, 3)], 'INVAL'],
    ['a flag that must be understood', ['FLUSH', { handle: 1, flags: 1 << 20 }], 'NOTSUP'],
    [
      'a lease of another time',
      ['WRITE', { handle: 1, length: 512, epoch: 77 }, new Uint8Array(512)],
      'FENCED',
    ],
  ];
  it.each(cases)('%s is refused, and the session goes on', async (_what, request, status) => {
    const client = new RawClient();
    await client.open();
    await client.send(...request);
    await client.send('PING');
    expect(client.transport.statuses).toEqual([status, 'OK']);
    expect(client.internalErrors).toEqual([]);
  });

  it('a request that is reserved or unknown is answered with NOTSUP, its payload consumed', async () => {
    const client = new RawClient();
    await client.open();
    for (const opcode of [0x0601, 0x0999, 0x7123]) await client.send('PING', { opcode }, new Uint8Array(100));
    await client.send('PING');
    expect(client.transport.statuses).toEqual(['NOTSUP', 'NOTSUP', 'NOTSUP', 'OK']);
  });

  it('a payload that was damaged is not written', async () => {
    const device = new MemoryDevice({ size: 1 << 20 });
    const service = new MemoryService([{ name: 'disk', uuid: '1'.repeat(32), device }]);
    const client = new RawClient({ service });
    await client.open();
    const data = new Uint8Array(512).fill(1);
    await client.send('WRITE', { handle: 1, length: 512, flags: Flag.DIGEST, payloadDigest: 5 }, data);
    expect([client.transport.statuses, device.allocatedBytes]).toEqual([['DIGEST'], 0]);
  });

  it('requests beyond the window wait, the transport is paused, and all are answered', async () => {
    const gates: (() => void)[] = [];
    class Gated extends MemoryDevice {
      override async read(into: readonly Uint8Array[], offset: number): Promise<void> {
        await new Promise<void>((resolve) => gates.push(resolve));
        void super.read(into, offset);
      }
    }
    const device = new Gated({ size: 1 << 20 });
    const service = new MemoryService([{ name: 'disk', uuid: '1'.repeat(32), device }]);
    const client = new RawClient({ service, limits: { maxInFlight: 4 } });
    await client.open();
    for (let index = 0; index < 10; index++) await client.send('READ', { handle: 1, length: 512 });
    expect([gates.length, client.transport.paused]).toEqual([4, true]);
    while (gates.length > 0) {
      gates.shift()!();
      await settled();
    }
    expect([client.transport.statuses.length, client.transport.paused]).toEqual([10, false]);
  });

  it('answers that complete at once are bounded, however many requests come at once', async () => {
    const client = new RawClient();
    await client.open();
    const one = encodeMessage(
      { ...blankHeader(Magic.REQUEST, Opcode.READ), handle: 1, length: 1 << 20 },
      undefined,
      false,
    );
    client.connection.receive(Buffer.concat(Array.from({ length: 30 }, () => one)), 0);
    expect(client.transport.paused).toBe(true);
    for (let turn = 0; turn < 10; turn++) await settled();
    expect([client.transport.statuses, client.transport.paused]).toEqual([Array(30).fill('OK'), false]);
    expect(client.transport.sentAtOnce).toBeLessThan(8 << 20);
  });

  it('a session whose client is away ends after the loss timeout, and closes what it had open', async () => {
    const client = new RawClient();
    await client.open();
    client.connection.disconnected();
    client.engine.tick(120_000);
    expect(client.engine.sessionCount).toBe(1);
    client.engine.tick(120_001);
    expect(client.engine.sessionCount).toBe(0);
  });
});
