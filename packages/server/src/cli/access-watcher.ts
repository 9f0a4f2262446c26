import type { AccessEntry } from '@lunbox/iscsi-target';
import { ServerError } from '../server-error.ts';
import { loadAccess, type AccessFlags } from './access-flags.ts';
import { SourceFiles } from './source-files.ts';

/** Files are looked at this often: polling sees replaced files, mounted secrets and network file systems too. */
const INTERVAL_MS = 1000;

/**
 * Puts access lists and secrets into force as soon as a file that they come from has changed. A file that cannot be
 * used changes nothing: that is said, and what was in force stays.
 */
export class AccessWatcher {
  readonly #flags: AccessFlags;
  readonly #apply: (access: readonly AccessEntry[]) => void;
  readonly #timer: NodeJS.Timeout;
  #files: SourceFiles;

  /** @param files - what the access list in force was made from. */
  constructor(flags: AccessFlags, files: SourceFiles, apply: (access: readonly AccessEntry[]) => void) {
    this.#flags = flags;
    this.#files = files;
    this.#apply = apply;
    this.#timer = setInterval(() => this.check(), INTERVAL_MS).unref();
  }

  /** Looks at the files now. */
  check(): void {
    if (!this.#files.changed) return;
    const files = new SourceFiles();
    try {
      this.#apply(loadAccess(this.#flags, files));
      this.#files = files;
      console.error('lunbox: who may log in was read again');
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      this.#files = this.#files.updatedBy(files);
      console.error(`lunbox: warning: ${error.message}; who may log in is as before`);
    }
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer);
  }
}
