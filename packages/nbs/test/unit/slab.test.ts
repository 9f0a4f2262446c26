import { describe, expect, it } from 'vitest';
import { Outbox } from '../../src/codec/outbox.ts';
import { BufferPool, Slab } from '../../src/codec/slab.ts';

const PIECE_BYTES = 128 << 10;

describe('an outbox', () => {
  it('sends what was taken in order as one piece, and anything else as it is', () => {
    const [slab, outbox] = [new Slab(), new Outbox()];
    const [a, b, c, d] = [slab.take(10), slab.take(20), slab.take(30), slab.take(40)];
    outbox.push(a);
    outbox.push(b, new Uint8Array(5).fill(5));
    // Finished out of turn.
    outbox.push(d);
    outbox.push(c);
    expect([outbox.messageCount, outbox.lengthBytes]).toEqual([4, 105]);
    b[0] = 7;
    const pieces = outbox.take();
    expect(pieces.map(({ length }) => length)).toEqual([30, 5, 40, 30]);
    expect(pieces[0]?.[10]).toBe(7);
    expect([outbox.messageCount, outbox.lengthBytes, outbox.take()]).toEqual([0, 0, []]);
  });

  it('sends nothing for an empty piece', () => {
    const outbox = new Outbox();
    outbox.push(new Uint8Array(0), new Uint8Array(1), new Uint8Array(0));
    expect(outbox.take().map(({ length }) => length)).toEqual([1]);
  });
});

describe('a pool of buffers', () => {
  it('uses memory again when all of its piece was given back, and not before', () => {
    const pool = new BufferPool();
    const [first, second] = [pool.take(PIECE_BYTES / 4), pool.take(PIECE_BYTES / 4)];
    const others = Array.from({ length: 4 }, () => pool.take(PIECE_BYTES / 4));
    expect(others[2]!.buffer).not.toBe(first.buffer);
    pool.give(first);
    for (const other of others) pool.give(other);
    const between = Array.from({ length: 8 }, () => pool.take(PIECE_BYTES / 4));
    expect(between.some(({ buffer }) => buffer === first.buffer)).toBe(false);
    pool.give(second);
    for (const each of between) pool.give(each);
    const after = Array.from({ length: 20 }, () => pool.take(PIECE_BYTES / 4));
    expect(after.some(({ buffer }) => buffer === first.buffer)).toBe(true);
  });

  it('gives the same bytes out at once when nobody has any', () => {
    const pool = new BufferPool();
    const first = pool.take(100);
    pool.give(first);
    const second = pool.take(50);
    expect([second.buffer === first.buffer, second.byteOffset]).toEqual([true, first.byteOffset]);
  });

  it('never again gives out a piece of which something is lost', () => {
    const pool = new BufferPool();
    const [lost, other] = [pool.take(100), pool.take(100)];
    pool.lose(lost);
    pool.give(other);
    for (let count = 0; count < 50; count++) {
      const taken = pool.take(PIECE_BYTES / 4);
      expect(taken.buffer).not.toBe(lost.buffer);
      pool.give(taken);
    }
  });

  it('has nothing to do with what is long', () => {
    const pool = new BufferPool();
    const long = pool.take(PIECE_BYTES);
    pool.give(long);
    pool.lose(long);
    expect([long.length, long.byteOffset]).toEqual([PIECE_BYTES, 0]);
  });

  it('keeps what is used now rather than what is of another length, and no more than it may', () => {
    const pool = new BufferPool(4 * PIECE_BYTES);
    const use = (lengthBytes: number, count: number) => {
      const taken = Array.from({ length: count }, () => pool.take(lengthBytes));
      for (const each of taken) pool.give(each);
      return taken.map(({ buffer }) => buffer);
    };
    use(PIECE_BYTES, 4);
    const long = use(2 * PIECE_BYTES, 2);
    expect(new Set(use(2 * PIECE_BYTES, 2))).toEqual(new Set(long));
    const many = use(PIECE_BYTES, 8);
    expect(use(PIECE_BYTES, 8).filter((buffer) => many.includes(buffer))).toHaveLength(4);
  });
});
