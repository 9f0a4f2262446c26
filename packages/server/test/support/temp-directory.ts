import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own for one test file. */
export interface TempDirectory {
  readonly path: string;
  /** A name inside the directory. */
  file(name: string): string;
  remove(): void;
}

/** Makes a temporary directory; the caller removes it. */
export function makeTempDirectory(purpose: string): TempDirectory {
  const path = mkdtempSync(join(tmpdir(), `lunbox-${purpose}-`));
  const remove = (): void => {
    process.off('exit', remove);
    rmSync(path, { recursive: true, force: true });
  };
  // A test whose set-up failed never gets to remove it.
  process.once('exit', remove);
  return { path, file: (name) => join(path, name), remove };
}
