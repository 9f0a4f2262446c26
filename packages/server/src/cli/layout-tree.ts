import type { LayoutStatus } from '@lunbox/storage-object';
import { formatSize } from './size.ts';

/** The parts of a disk as lines of a tree. */
export function layoutTree(status: LayoutStatus): string[] {
  const { parts = [] } = status;
  const below = parts.flatMap((part, index) => {
    const last = index === parts.length - 1;
    const [first = '', ...rest] = layoutTree(part);
    return [`${last ? '└─' : '├─'} ${first}`, ...rest.map((line) => `${last ? '  ' : '│ '} ${line}`)];
  });
  return [describe(status), ...below];
}

function describe(status: LayoutStatus): string {
  const { kind, sizeBytes, path, stripeBytes, offset, usedBytes, state, resync, problem } = status;
  const details = [
    formatSize(sizeBytes),
    ...(stripeBytes === undefined ? [] : [`units of ${formatSize(stripeBytes)}`]),
    ...(offset === undefined ? [] : [`from ${formatSize(offset)}`]),
    ...(usedBytes === undefined ? [] : [`${formatSize(usedBytes)} used`]),
    ...(state === undefined ? [] : [state]),
    ...(resync === undefined ? [] : [`resync ${Math.floor((100 * resync.doneBytes) / resync.totalBytes)} %`]),
    ...(problem === undefined ? [] : [problem]),
  ];
  return `${path === undefined ? kind : `${kind} ${path}`}: ${details.join(', ')}`;
}

/** Legs of mirrors that are not in sync, in words. */
export function sickLegs(status: LayoutStatus): string[] {
  const { parts = [], state } = status;
  const inner = parts.flatMap(sickLegs);
  if (state === undefined || state === 'in-sync') return inner;
  return [`the leg ${pathsOf(status).join(', ')} of a mirror is ${state}`, ...inner];
}

function pathsOf({ path, parts = [] }: LayoutStatus): string[] {
  return path === undefined ? parts.flatMap(pathsOf) : [path];
}
