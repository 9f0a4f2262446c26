import { readFileSync, statSync } from 'node:fs';
import { ServerError } from '../server-error.ts';

/** Permission bits of a file for others than its owner. */
const OTHERS = 0o077;

/** Files that settings come from. Remembers what they were like before they were read, to tell when they change. */
export class SourceFiles {
  readonly #seen = new Map<string, string>();

  /** True when a file is not what it was. */
  get changed(): boolean {
    return [...this.#seen].some(([path, fingerprint]) => fingerprintOf(path) !== fingerprint);
  }

  /** All of these files, those among them that were read again as they were then. */
  updatedBy(later: SourceFiles): SourceFiles {
    const both = new SourceFiles();
    for (const [path, fingerprint] of [...this.#seen, ...later.#seen]) both.#seen.set(path, fingerprint);
    return both;
  }

  /** The text of a file. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` that names `what` it was to hold. */
  read(path: string, what: string): string {
    this.#seen.set(path, fingerprintOf(path));
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      throw new ServerError('SERVER_BAD_OPTIONS', `cannot read ${what} in ${path}: ${code}`, {
        cause: error,
      });
    }
  }

  /** The same of a file that nobody else should read; warns when others may. */
  readPrivate(path: string, what: string): string {
    const text = this.read(path, what);
    if ((statSync(path).mode & OTHERS) !== 0 && process.platform !== 'win32') {
      console.error(`lunbox: warning: other users may read or change ${path}; chmod 600 it`);
    }
    return text;
  }
}

function fingerprintOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'absent' : [stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs].join(' ');
}
