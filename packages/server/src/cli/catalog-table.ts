import type { SnapshotInfo } from '@lunbox/snapshot';
import type { Finding } from '@lunbox/storage-object';
import type { ListedCatalog, ListedObject } from './catalog-snapshots.ts';
import { layoutTree } from './layout-tree.ts';
import { formatSize } from './size.ts';

/** A catalog for people: a line for each object, and lines below it for what somebody should know of it. */
export function catalogTable(content: ListedCatalog): string[] {
  const { objects, unusable, parts, gone, drafts } = content;
  const width = Math.max(0, ...objects.map(({ path }) => path.length));
  return [
    ...objects.flatMap((object) => [
      `${object.path.padEnd(width)}  ${rowOf(object).join('  ')}`,
      ...(object.layout === undefined ? [] : layoutTree(object.layout).map((line) => `  ${line}`)),
      ...object.snapshots.map((snapshot) => `  ${snapshotLine(snapshot)}`),
      ...object.findings.map((finding) => `  ${told(finding)}`),
    ]),
    ...drafts.flatMap(({ findings }) => findings.map(told)),
    ...parts.map(({ path, partOf }) => `part: ${path} is a part of the disk ${partOf}`),
    ...unusable.map(({ code, message }) => `unusable: ${message} (${code})`),
    ...gone.map((path) => `gone: ${path} was here when somebody last looked`),
  ];
}

const told = ({ severity, code, message }: Finding): string => `${severity}: ${message} (${code})`;

function snapshotLine({ id, name, createdAtMs, holds, bookmark, suspect }: SnapshotInfo): string {
  return [
    `snapshot: ${name}`,
    id,
    new Date(createdAtMs).toISOString(),
    ...(bookmark === undefined ? [] : ['bookmark']),
    ...(suspect === undefined ? [] : ['suspect']),
    ...(holds.length === 0 ? [] : [`held by ${holds.join(', ')}`]),
  ].join('  ');
}

function rowOf({ identity, capacityBytes, usedBytes, lun, holder, title, served }: ListedObject): string[] {
  const sizes = `${formatSize(capacityBytes)}, ${formatSize(usedBytes)} used`;
  const held = holder === undefined ? [] : [`served by process ${holder.pid} on ${holder.host}`];
  return [
    identity,
    sizes,
    ...(lun === undefined ? [] : [`LUN ${lun}`]),
    ...(served === undefined ? held : ['served here']),
    ...(title === undefined ? [] : [JSON.stringify(title)]),
  ];
}
