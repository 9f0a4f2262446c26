import { closeSync, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ServerError } from '../server-error.ts';

/** Permission bits of a file for others than its owner. */
const OTHERS = 0o077;

/** Files that settings come from. Remembers what they were like before they were read, to tell when they change. */
export class SourceFiles {
  readonly #seen = new Map<string, string>();

  /** True when a file is not what it was. Asks without holding up what else the program does. */
  async haveChanged(): Promise<boolean> {
    const looks = [...this.#seen].map(async ([path, before]) => (await fingerprintNow(path)) !== before);
    return (await Promise.all(looks)).includes(true);
  }

  /** All of these files, those among them that were read again as they were then. */
  updatedBy(later: SourceFiles): SourceFiles {
    const both = new SourceFiles();
    for (const [path, fingerprint] of [...this.#seen, ...later.#seen]) both.#seen.set(path, fingerprint);
    return both;
  }

  /** The text of a file. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` that names `what` it was to hold. */
  read(path: string, what: string): string {
    return this.#take(path, what).text;
  }

  /** The same of a file that nobody else should read; warns when others may. */
  readPrivate(path: string, what: string): string {
    const { text, mode } = this.#take(path, what);
    if ((mode & OTHERS) !== 0 && process.platform !== 'win32') {
      console.error(`lunbox: warning: other users may read or change ${path}; chmod 600 it`);
    }
    return text;
  }

  #take(path: string, what: string): { text: string; mode: number } {
    this.#seen.set(path, fingerprintAtOnce(path));
    try {
      return readWithMode(path);
    } catch (error) {
      const message = `cannot read ${what} in ${path}: ${codeOf(error)}`;
      throw new ServerError('SERVER_BAD_OPTIONS', message, { cause: error });
    }
  }
}

/** Text and permissions of one and the same file, whatever takes its name meanwhile. */
function readWithMode(path: string): { text: string; mode: number } {
  const file = openSync(path, 'r');
  try {
    return { text: readFileSync(file, 'utf8'), mode: fstatSync(file).mode };
  } finally {
    closeSync(file);
  }
}

/** A file that cannot be looked at is told by the reason. */
async function fingerprintNow(path: string): Promise<string> {
  return stat(path).then(describe, codeOf);
}

function fingerprintAtOnce(path: string): string {
  try {
    return describe(statSync(path));
  } catch (error) {
    return codeOf(error);
  }
}

function describe({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [ino, size, mtimeMs, ctimeMs].join(' ');
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
