import { Catalog, CatalogScanner, type FindingCode, type Severity } from '@lunbox/storage-object';
import { statSync } from 'node:fs';
import { numberLuns, type LunWish } from '../lun-numbers.ts';
import { ServerError } from '../server-error.ts';
import { readLocations } from './disk-locations.ts';

/** What {@link disksToServe} goes by. */
interface PlaceFlags {
  /** Disks get numbers in their order, whatever LUN they say they have. */
  readonly ignoreLocation?: boolean;
}

/**
 * The disks that `lunbox serve` is to serve: those named, or all of the one directory that is named, in the order of
 * their LUNs. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` when it cannot serve a directory as it is.
 *
 * @param scanner finds what is in a directory, and knows it afterwards
 */
export async function disksToServe(
  paths: readonly string[],
  { ignoreLocation = false }: PlaceFlags = {},
  scanner: CatalogScanner = new CatalogScanner(),
): Promise<readonly LunWish[]> {
  const directory = paths.find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  if (directory !== undefined) return await disksIn(directory, paths, ignoreLocation, scanner);
  return ignoreLocation ? paths.map((name) => ({ name, lun: undefined })) : await readLocations(paths);
}

async function disksIn(
  directory: string,
  paths: readonly string[],
  ignoreLocation: boolean,
  scanner: CatalogScanner,
): Promise<readonly LunWish[]> {
  if (paths.length > 1) throw bad('a directory is served alone; name its files instead');
  const { objects, unusable, gone, drafts } = new Catalog(await scanner.scan([directory]));
  // Without it disks behind it could get other LUNs than they had.
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
  const wishes = objects.map(({ path, lun }) => ({ name: path, lun: ignoreLocation ? undefined : lun }));
  const numbers = numberLuns(wishes);
  // By default the target is named after the first one: that should not depend on the names of the others.
  return wishes
    .map(({ name }, index) => ({ name, lun: numbers[index]! }))
    .sort((left, right) => left.lun - right.lun);
}

/** Whoever opens a disk says this of it, and what becomes of it. */
const TOLD_WHEN_SERVED: ReadonlySet<FindingCode> = new Set(['UNCLEAN', 'MODIFIED', 'FOREIGN']);

const tell = (severity: Severity, text: string): void => console.error(`lunbox: ${severity}: ${text}`);

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
