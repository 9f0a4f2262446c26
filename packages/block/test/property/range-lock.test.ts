import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { RangeLock, type LockMode, type RangeGrant } from '../../src/index.ts';
import { turns } from '../support/devices.ts';

const requests = fc.array(
  fc.record({
    offset: fc.integer({ min: 0, max: 40 }),
    length: fc.integer({ min: 1, max: 20 }),
    mode: fc.constantFrom<LockMode>('shared', 'exclusive'),
    holdTurns: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 40 },
);

interface Request {
  offset: number;
  length: number;
  mode: LockMode;
}

const conflict = (a: Request, b: Request): boolean =>
  (a.mode === 'exclusive' || b.mode === 'exclusive') &&
  a.offset < b.offset + b.length &&
  b.offset < a.offset + a.length;

test.prop([requests], { numRuns: 60 })(
  'holders never conflict, conflicting requests keep their order, and all are served',
  async (list) => {
    const lock = new RangeLock();
    const holding = new Set<Request>();
    const served: Request[] = [];
    const serve = async (request: Request, granted: RangeGrant, holdTurns: number): Promise<void> => {
      for (const other of holding) expect(conflict(request, other)).toBe(false);
      holding.add(request);
      served.push(request);
      await turns(holdTurns);
      holding.delete(request);
      granted.release();
    };
    await Promise.all(
      list.map(async (request) =>
        serve(request, await lock.acquire(request.offset, request.length, request.mode), request.holdTurns),
      ),
    );
    expect(lock.size).toBe(0);
    list.forEach((request, index) => {
      for (const earlier of list.slice(0, index)) {
        if (conflict(request, earlier)) expect(served.indexOf(earlier)).toBeLessThan(served.indexOf(request));
      }
    });
  },
);
