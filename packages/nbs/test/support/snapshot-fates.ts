import { NbsClientError } from '../../src/index.ts';
import type { MemoryService } from './memory-service.ts';

/** What must have become of a snapshot that was asked for. */
export type Fate = 'taken' | 'none' | 'unknown';

/** What the client knows of each snapshot that it has asked for, under names that are not used twice. */
export class SnapshotFates {
  readonly #fates = new Map<string, Fate>();

  /** A name that nobody has used; it is not known yet what becomes of it. */
  ask(prefix: string): string {
    const name = `${prefix}${this.#fates.size}`;
    this.#fates.set(name, 'unknown');
    return name;
  }

  /** The server has said what became of it. */
  know(name: string, fate: Fate): void {
    this.#fates.set(name, fate);
  }

  /** Compares that with what the service has. Throws when something was done twice, not at all, or all the same. */
  check(service: MemoryService): void {
    for (const [name, fate] of this.#fates) {
      const count = service.taken.get(name) ?? 0;
      const isRight = count <= 1 && (fate === 'unknown' || count === (fate === 'taken' ? 1 : 0));
      if (!isRight) throw new Error(`snapshot ${name} (${fate}) was taken ${count} times`);
    }
    if (service.undecided.size > 0)
      throw new Error(`nobody has decided about ${[...service.undecided].join()}`);
  }
}

/** Whether it was done is not known: the server does not know the session any more. */
export function isLost(error: unknown): boolean {
  const cause = error instanceof NbsClientError ? error : (error as Error).cause;
  return cause instanceof NbsClientError && cause.code === 'NBS_SESSION_LOST';
}

/** The server has refused, with this status. */
export function isRefused(error: unknown, status: NbsClientError['status']): boolean {
  return error instanceof NbsClientError && error.status === status;
}
