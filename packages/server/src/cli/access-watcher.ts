import type { AccessEntry } from '@lunbox/iscsi-target';
import { ServerError } from '../server-error.ts';
import { SourceFiles } from './source-files.ts';

/** Files are looked at this often: polling sees replaced files, mounted secrets and network file systems too. */
const INTERVAL_MS = 1000;

/**
 * Puts access lists and secrets into force as soon as a file that they come from has changed. A file that cannot be
 * used changes nothing: that is said, and what was in force stays.
 */
export class AccessWatcher {
  #read: (files: SourceFiles) => AccessEntry[];
  readonly #apply: (access: readonly AccessEntry[]) => void;
  #timer: NodeJS.Timeout | undefined;
  #files: SourceFiles;
  #closed = false;

  /**
   * @param read - makes the list anew from its files; throws a {@link ServerError} when they cannot be used.
   * @param files - what the access list in force was made from.
   * @param apply - puts a list into force; throws a {@link ServerError} when it may not be.
   */
  constructor(
    read: (files: SourceFiles) => AccessEntry[],
    files: SourceFiles,
    apply: (access: readonly AccessEntry[]) => void,
  ) {
    this.#read = read;
    this.#files = files;
    this.#apply = apply;
    this.#lookLater();
  }

  /** Looks at the files now. */
  async check(): Promise<void> {
    if (!(await this.#files.haveChanged()) || this.#closed) return;
    const files = new SourceFiles();
    try {
      this.#apply(this.#read(files));
      this.#files = files;
      console.error('lunbox: who may log in was read again');
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#files = this.#files.updatedBy(files);
      console.error(`lunbox: warning: ${error.message}; who may log in is as before`);
    }
  }

  /** Puts another list into force, and looks at its files from now on. Throws a {@link ServerError}. */
  replace(read: (files: SourceFiles) => AccessEntry[]): void {
    const files = new SourceFiles();
    this.#apply(read(files));
    this.#read = read;
    this.#files = files;
  }

  /** Looks no more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** The next look waits for the one before: a file system that hangs is asked once. */
  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.check().then(() => this.#lookLater()), INTERVAL_MS).unref();
  }
}
