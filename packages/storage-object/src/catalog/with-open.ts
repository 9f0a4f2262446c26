import { basename, resolve } from 'node:path';
import { finding, type FindingCode } from '../check/finding.ts';
import type { CatalogContent, CatalogObject } from './catalog.ts';

/** What an entry says of its name, which counts no more once it is found by another one. */
const OF_NAME: ReadonlySet<FindingCode> = new Set(['FILE_GONE', 'FILE_REPLACED']);

/**
 * What a scan has found, with the objects that this process has open as they are now: they take the place of what was
 * read of their files. One whose file has another name by now is told by that.
 */
export function withOpenObjects<T extends CatalogObject>(
  content: CatalogContent,
  open: readonly T[],
): CatalogContent<CatalogObject | T> {
  const byFile = new Map<string, CatalogObject[]>();
  for (const object of content.objects) byFile.set(object.file, [...(byFile.get(object.file) ?? []), object]);
  const replaced = new Set<CatalogObject>();
  const present = open.map((object): T => {
    const names = byFile.get(object.file) ?? [];
    const here = names.find(({ path }) => resolve(path) === resolve(object.path));
    const scanned = here ?? names[0];
    if (scanned === undefined) return object;
    replaced.add(scanned);
    const renamed = scanned.findings.filter(({ code }) => code === 'RENAMED');
    if (here !== undefined) return { ...object, findings: [...object.findings, ...renamed] };
    const message = `it was called ${object.path} when it was opened`;
    const others = object.findings.filter(({ code }) => !OF_NAME.has(code));
    const { path } = scanned;
    return { ...object, path, name: basename(path), findings: [...others, finding('RENAMED', message)] };
  });
  const objects: (CatalogObject | T)[] = [
    ...content.objects.filter((object) => !replaced.has(object)),
    ...present,
  ];
  objects.sort((left, right) => (left.path < right.path ? -1 : 1));
  return { ...content, objects };
}
