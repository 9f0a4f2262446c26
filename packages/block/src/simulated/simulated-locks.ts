import type { LockOutcome, LockRange } from '../disk.ts';

interface Held extends LockRange {
  readonly owner: object;
  readonly file: object;
}

/** Locks that belong to open files, as Linux has them (F_OFD_SETLK of fcntl(2)). */
export class SimulatedLocks {
  #held: Held[] = [];

  /** Whether `owner` would be granted a lock on `file`. */
  test(owner: object, file: object, range: LockRange): LockOutcome {
    const conflict = this.#held.some(
      (held) =>
        held.file === file &&
        held.owner !== owner &&
        (held.exclusive || range.exclusive) &&
        held.offset < range.offset + range.length &&
        range.offset < held.offset + held.length,
    );
    return conflict ? 'held' : 'granted';
  }

  lock(owner: object, file: object, range: LockRange): LockOutcome {
    const outcome = this.test(owner, file, range);
    if (outcome === 'granted') {
      this.unlock(owner, range.offset, range.length);
      this.#held.push({ ...range, owner, file });
    }
    return outcome;
  }

  /** A lock that is only partly inside the range keeps its parts outside. */
  unlock(owner: object, offset: number, length: number): void {
    const end = offset + length;
    this.#held = this.#held.flatMap((held) => {
      if (held.owner !== owner) return [held];
      const heldEnd = held.offset + held.length;
      const before = { ...held, length: Math.min(heldEnd, offset) - held.offset };
      const after = {
        ...held,
        offset: Math.max(held.offset, end),
        length: heldEnd - Math.max(held.offset, end),
      };
      return [before, after].filter((part) => part.length > 0);
    });
  }
}
