import { scanCatalog, type CatalogObject, type FindingCode, type Severity } from '@lunbox/storage-object';
import { statSync } from 'node:fs';
import { ServerError } from '../server-error.ts';

/**
 * The files that `lunbox serve` is to serve: those named, or all disks of the one directory that is named. Throws a
 * {@link ServerError} `SERVER_BAD_OPTIONS` when it cannot serve a directory as it is.
 */
export async function filesToServe(paths: readonly string[]): Promise<readonly string[]> {
  const directory = paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  if (directory === undefined) return paths;
  if (paths.length > 1) throw bad('a directory is served alone; name its files instead');
  const { objects, unusable, gone, drafts } = await scanCatalog([directory]);
  // Without it the disks behind it would get other LUNs than they had.
  const [fault] = unusable;
  if (fault) throw bad(`${fault.message}; repair it, or move it out of ${directory}`);
  if (objects.length === 0) throw bad(`there is no disk (*.lun) in ${directory}`);
  for (const { path, findings } of objects) {
    for (const { severity, code, message } of findings)
      if (!TOLD_WHEN_SERVED.has(code)) tell(severity, `${path}: ${message} (${code})`);
  }
  for (const { severity, code, message } of drafts.flatMap(({ findings }) => findings))
    tell(severity, `${message} (${code})`);
  for (const path of gone) tell('warning', `${path} was here when somebody last looked, and is gone`);
  return inOrderOfLuns(objects).map(({ path }) => path);
}

/** Whoever opens a disk says this of it, and what becomes of it. */
const TOLD_WHEN_SERVED: ReadonlySet<FindingCode> = new Set(['UNCLEAN', 'MODIFIED', 'FOREIGN']);

const tell = (severity: Severity, text: string): void => console.error(`lunbox: ${severity}: ${text}`);

/** Disks whose attributes tell a LUN get it; the others get those that are left, by their names. */
function inOrderOfLuns(objects: readonly CatalogObject[]): CatalogObject[] {
  const placed = new Map<number, CatalogObject>();
  const others: CatalogObject[] = [];
  for (const object of objects) {
    if (object.lun === undefined) others.push(object);
    else if (placed.has(object.lun))
      throw bad(`${object.path} wants LUN ${object.lun}, and so does another disk`);
    else placed.set(object.lun, object);
  }
  return objects.map((_object, lun) => {
    const object = placed.get(lun) ?? others.shift();
    if (object !== undefined) return object;
    throw bad(`no disk is left for LUN ${lun}, and LUNs have no gaps: change the LUN of one behind it`);
  });
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
