import { formatSize } from './size.ts';
import type { SnapEvent, SnapList, SnapPolicy, SnapRow } from './snap-desk.ts';

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** How long ago something was, in the largest unit that fits: `3 h`. */
export function formatAge(ageMs: number): string {
  const [unit, ms] = UNITS.find((each) => ageMs >= each[1]) ?? ['s', 1000];
  return `${Math.max(0, Math.floor(ageMs / ms))} ${unit}`;
}

/** What `snap ls` prints: a table, oldest first, and a restore that goes on. */
export function listLines({ disk, restoring, snapshots }: SnapList, nowMs: number): string[] {
  if (snapshots.length === 0) return [`${disk} has no snapshots`];
  const rows = [
    ['NAME', 'AGE', 'SIZE', 'EXCLUSIVE', 'SHARED', 'LEVEL', ''],
    ...snapshots.map((row) => cellsOf(row, nowMs)),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  if (restoring === undefined) return lines;
  const from = snapshots.find(({ id }) => id === restoring.from)?.name ?? restoring.from;
  const done = `${formatSize(restoring.doneBytes)} of ${formatSize(restoring.totalBytes)}`;
  return [...lines, `a restore of ${from} goes on: ${done}`];
}

function cellsOf(row: SnapRow, nowMs: number): string[] {
  const { name, createdAtMs, sizeBytes, exclusiveBytes, sharedBytes, level, labels, holds, lun } = row;
  const notes = [
    ...(lun === undefined ? [] : [`LUN ${lun}`]),
    ...(row.method === 'reflink' ? ['reflink'] : []),
    ...(row.suspect === undefined ? [] : ['SUSPECT: the disk was changed around it']),
    ...(row.bookmark === undefined ? [] : ['bookmark']),
    ...groupNotes(row),
    ...holds.map((holder) => `held by ${holder}`),
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
  ];
  const sizes = [sizeBytes, exclusiveBytes, sharedBytes].map(formatSize);
  return [name, formatAge(nowMs - createdAtMs), ...sizes, level, notes.join(', ')];
}

function groupNotes({ group, prepared }: SnapRow): string[] {
  if (group === undefined) return [];
  const others = `with ${group.members.length - 1} more of group ${group.id.slice(0, 8)}`;
  return prepared ? [`IN DOUBT: the first disk of its group is not there`, others] : [others];
}

/** What is done when there is no room, on one line. */
export function policyLine({ limitBytes, whenFull, method }: SnapPolicy): string {
  const limit = limitBytes === undefined ? 'as much as there is' : formatSize(limitBytes);
  const then = whenFull === 'refuse' ? 'writes are refused' : 'the oldest that nobody holds is deleted';
  const by = method === undefined ? '' : `; they are taken by the method ${method}`;
  return `snapshots may take ${limit}; then ${then}${by}`;
}

/** What has been done, on one line. */
export function eventLine({ event, snapshot: { name, group } }: SnapEvent): string {
  const left = group === undefined ? 0 : group.members.length - 1;
  const others = left === 1 ? 'the other one of its group is' : `the ${left} others of its group are`;
  return `snapshot ${name} is ${event}${event === 'deleted' && left > 0 ? `; ${others} left alone` : ''}`;
}
