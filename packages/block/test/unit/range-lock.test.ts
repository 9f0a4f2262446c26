import { describe, expect, it } from 'vitest';
import { BlockError, isPromise, RangeLock, type RangeGrant } from '../../src/index.ts';

function now(lock: RangeLock, offset: number, length: number, mode: 'shared' | 'exclusive'): RangeGrant {
  const grant = lock.acquire(offset, length, mode);
  if (isPromise(grant)) throw new Error('had to wait');
  return grant;
}

describe('RangeLock', () => {
  it('grants at once what does not conflict', () => {
    const lock = new RangeLock();
    now(lock, 0, 10, 'exclusive');
    now(lock, 10, 10, 'exclusive');
    now(lock, 20, 10, 'shared');
    now(lock, 25, 10, 'shared');
    expect(isPromise(lock.acquire(29, 1, 'exclusive'))).toBe(true);
  });

  it('does not let a late reader overtake a waiting writer', async () => {
    const lock = new RangeLock();
    const order: string[] = [];
    const reader = now(lock, 0, 10, 'shared');
    const writer = Promise.resolve(lock.acquire(0, 10, 'exclusive')).then((grant) => {
      order.push('writer');
      grant.release();
    });
    const late = Promise.resolve(lock.acquire(0, 10, 'shared')).then(() => order.push('late reader'));
    reader.release();
    await Promise.all([writer, late]);
    expect(order).toEqual(['writer', 'late reader']);
  });

  it('is bounded', () => {
    const lock = new RangeLock({ limit: 2 });
    const first = now(lock, 0, 1, 'shared');
    now(lock, 0, 1, 'shared');
    expect(() => lock.acquire(0, 1, 'shared')).toThrow(BlockError);
    first.release();
    first.release();
    expect(lock.size).toBe(1);
    now(lock, 0, 1, 'shared');
  });
});
