import type { OpenHandle } from './open-handle.ts';
import { NbsRefusal } from './service.ts';

/** Who writes to an object. */
interface Lease {
  epoch: number;
  readonly writers: Set<OpenHandle>;
}

/**
 * Who may write to which object. A writer has the object for itself unless all of them share it; who takes it for
 * itself although others write begins a new epoch, and what those send from then on is refused (`FENCED`).
 */
export class Leases {
  readonly #leases = new Map<string, Lease>();

  /**
   * Lets a handle write, and gives it its epoch. Answers the handles that are fenced off by that.
   *
   * @throws NbsRefusal `BUSY` while somebody else writes
   */
  enter(handle: OpenHandle, { shared, exclusive }: { shared: boolean; exclusive: boolean }): OpenHandle[] {
    const lease = this.#leaseOf(handle.uuid);
    const others = [...lease.writers];
    if (!exclusive && others.some((other) => !(shared && other.shared)))
      throw new NbsRefusal(
        'BUSY',
        'another client writes to the object; open it for reading, or take it over',
      );
    const fenced = exclusive ? others : [];
    for (const other of fenced) {
      other.fenced = true;
      lease.writers.delete(other);
    }
    if (!shared || lease.writers.size === 0) lease.epoch = (lease.epoch % 0xffff_ffff) + 1;
    handle.epoch = lease.epoch;
    lease.writers.add(handle);
    return fenced;
  }

  /** A handle is closed. */
  leave(handle: OpenHandle): void {
    this.#leases.get(handle.uuid)?.writers.delete(handle);
  }

  #leaseOf(uuid: string): Lease {
    let lease = this.#leases.get(uuid);
    if (lease === undefined) this.#leases.set(uuid, (lease = { epoch: 0, writers: new Set() }));
    return lease;
  }
}
