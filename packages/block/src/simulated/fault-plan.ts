import { DiskError } from '../disk-error.ts';

/** Every call of a {@link Disk} and its files that can be made to fail. */
export const DISK_CALLS = [
  'open',
  'read',
  'write',
  'sync',
  'truncate',
  'status',
  'availableBytes',
  'setModifiedTime',
  'punchHole',
  'zeroRange',
  'allocate',
  'copyRange',
  'cloneRange',
  'makeReadOnly',
  'rename',
  'link',
  'unlink',
  'mkdir',
  'readdir',
  'syncDirectory',
  'rmdir',
] as const;

/** One of {@link DISK_CALLS}. */
export type DiskCall = (typeof DISK_CALLS)[number];

/** Calls that change what a crash could leave behind; {@link FaultPlan.haltAfter} counts these. */
const CHANGES: ReadonlySet<DiskCall> = new Set([
  'write',
  'sync',
  'truncate',
  'setModifiedTime',
  'punchHole',
  'zeroRange',
  'allocate',
  'copyRange',
  'cloneRange',
  'makeReadOnly',
  'rename',
  'link',
  'unlink',
  'mkdir',
  'syncDirectory',
  'rmdir',
]);

interface Fault {
  readonly call: DiskCall;
  readonly code: string;
  left: number;
}

/** Which calls of a simulated disk fail, and when the power goes. */
export class FaultPlan {
  #faults: Fault[] = [];
  #changes = 0;
  #haltAt = Infinity;
  #failed = 0;

  /** Calls that have failed as planned. */
  get failed(): number {
    return this.#failed;
  }

  /** Changes (see {@link FaultPlan.haltAfter}) that were done since the disk was made. */
  get changes(): number {
    return this.#changes;
  }

  /** True when the power is off: every call fails with `EHALTED` until the disk crashes and starts again. */
  get halted(): boolean {
    return this.#changes >= this.#haltAt;
  }

  /** The `nth` call of this kind from now on (1 is the next) fails, once, with `code`, such as `EIO`. */
  fail(call: DiskCall, nth: number, code: string): void {
    this.#faults.push({ call, code, left: nth });
  }

  /**
   * The power goes after so many more changes: writes, syncs, truncates, holes, and changes of names. Run a
   * scenario once to count them, then once for each number, to see it crash at every step.
   */
  haltAfter(changes: number): void {
    this.#haltAt = this.#changes + changes;
  }

  /** Forgets all faults to come, and gives the power back. */
  clear(): void {
    this.#faults = [];
    this.#haltAt = Infinity;
  }

  /** Counts a call. Throws what the plan has for it. */
  enter(call: DiskCall): void {
    if (this.halted) throw new DiskError('EHALTED', call, 'the simulated machine is off');
    for (const fault of this.#faults) if (fault.call === call) fault.left--;
    const due = this.#faults.find((fault) => fault.left === 0);
    if (due !== undefined) {
      this.#faults = this.#faults.filter((fault) => fault !== due);
      this.#failed++;
      throw new DiskError(due.code, call, 'simulated failure');
    }
    if (CHANGES.has(call)) this.#changes++;
  }
}
