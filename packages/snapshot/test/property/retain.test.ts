import { expect, it } from 'vitest';
import fc from 'fast-check';
import { retain, type RetentionGrid, type SnapshotInfo } from '../../src/index.ts';

const NOW = Date.UTC(2026, 10, 23, 9, 30);
const HOUR = 3_600_000;
const RULES = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

type Some = Parameters<typeof retain>[0][number];

const some = (at: string | number, more: Partial<SnapshotInfo> = {}): Some => ({
  id: String(at),
  name: String(at),
  createdAtMs: new Date(at).getTime(),
  holds: [],
  ...more,
});
const kept = (snapshots: Some[], grid: RetentionGrid, nowMs = NOW): string[] =>
  retain(snapshots, grid, nowMs).flatMap(({ name, keep }) => (keep ? [name] : []));

it('keeps the newest of each stretch of time, in UTC, weeks from Monday on', () => {
  const times = [
    '2024-12-31T23:59:59.999Z',
    '2025-01-01T00:00:00.000Z',
    '2026-10-31T23:00:00Z',
    '2026-11-01T00:00:00Z',
    '2026-11-15T23:59:00Z', // a Sunday
    '2026-11-16T00:00:00Z', // the Monday after it
    '2026-11-22T22:59:59Z',
    '2026-11-22T23:00:00Z',
    '2026-11-22T23:59:59Z',
    '2026-11-23T00:00:00Z',
  ];
  const snapshots = times.map((time) => some(time));
  const of = (...at: number[]): (string | undefined)[] => at.map((index) => times.at(index));
  expect(kept(snapshots, { last: 2 })).toEqual(of(-2, -1));
  expect(kept(snapshots, { hourly: 3 })).toEqual(of(-4, -2, -1));
  expect(kept(snapshots, { daily: 3 })).toEqual(of(-5, -2, -1));
  expect(kept(snapshots, { weekly: 3 })).toEqual(of(-6, -2, -1));
  expect(kept(snapshots, { monthly: 3 })).toEqual(of(1, 2, -1));
  expect(kept(snapshots, { yearly: 9 })).toEqual(of(0, 1, -1));
  expect(kept(snapshots, { olderThanMs: 10 * HOUR })).toEqual(of(-2, -1));
});

it('says why', () => {
  const snapshots = [some(NOW - 3 * HOUR), some(NOW - 1, { holds: ['backup'] }), some(NOW)];
  expect(retain(snapshots, { last: 1, hourly: 5 }, NOW).map(({ reasons }) => reasons)).toEqual([
    ['hourly 2 of 5'],
    ['held by backup'],
    ['last 1 of 1', 'hourly 1 of 5'],
  ]);
  expect(retain(snapshots, { last: 1 }, NOW)[0]).toMatchObject({
    keep: false,
    reasons: ['no rule keeps it'],
  });
});

it('keeps what is held, in doubt, a bookmark or from a time to come, whatever the grid', () => {
  const snapshots = [
    some(1, { holds: ['x'] }),
    some(2, { bookmark: true }),
    some(3, { prepared: true }),
    some(NOW + HOUR),
    some(5),
    some(6),
  ];
  expect(kept(snapshots, { last: 1 })).toEqual(['1', '2', '3', String(NOW + HOUR), '6']);
});

const snapshots = fc
  .array(
    fc.record({
      // The clock may go in any direction.
      createdAtMs: fc.integer({ min: NOW - 900 * 24 * HOUR, max: NOW + HOUR }),
      isHeld: fc.integer({ min: 0, max: 9 }).map((die) => die === 0),
    }),
    { maxLength: 60 },
  )
  .map((all) =>
    all.map(({ createdAtMs, isHeld }, index) => ({
      ...some(createdAtMs, { holds: isHeld ? ['x'] : [] }),
      id: String(index),
    })),
  );
const number = fc.integer({ min: 0, max: 8 });
const grid = fc.record(
  { last: number, hourly: number, daily: number, weekly: number, monthly: number, yearly: number },
  { requiredKeys: [] },
) as fc.Arbitrary<RetentionGrid>;

it('pruning again drops nothing, and no rule keeps more than its number', () => {
  fc.assert(
    fc.property(snapshots, grid, (all, keep) => {
      const verdicts = retain(all, keep, NOW);
      expect(verdicts.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
      const left = all.filter((_, index) => verdicts[index]!.keep);
      expect(retain(left, keep, NOW).every((verdict) => verdict.keep)).toBe(true);
      for (const rule of RULES) {
        const count = verdicts.filter(({ reasons }) => reasons.some((reason) => reason.startsWith(rule)));
        expect(count.length).toBeLessThanOrEqual(keep[rule] ?? 0);
      }
    }),
  );
});

it('a wider grid keeps all that a narrower one keeps, and the newest stays while a rule keeps any', () => {
  fc.assert(
    fc.property(snapshots, grid, grid, (all, one, other) => {
      const most = Object.fromEntries(
        RULES.map((rule) => [rule, Math.max(one[rule] ?? 0, other[rule] ?? 0)]),
      );
      const wide = new Set(retain(all, most, NOW).flatMap(({ id, keep }) => (keep ? [id] : [])));
      for (const { id, keep } of retain(all, one, NOW)) if (keep) expect(wide.has(id)).toBe(true);
      if (RULES.some((rule) => (one[rule] ?? 0) > 0))
        expect(retain(all, one, NOW).at(-1)?.keep ?? true).toBe(true);
    }),
  );
});
