/** Bounds of {@link LockOut}. */
export interface LockOutLimits {
  /** Wrong answers of one initiator name from one address before it has to wait. */
  readonly authFailures: number;
  /** The first wait; each further failure doubles it. */
  readonly lockOutMs: number;
  /** The longest wait; who has not failed for as long is forgotten. */
  readonly lockOutMaxMs: number;
  /** Offenders remembered; the one that failed longest ago makes room. */
  readonly maxOffenders: number;
}

/** An address may try this many times as often as one name, so that inventing names does not help to guess. */
const NAMES_PER_ADDRESS = 8;

interface Offender {
  failures: number;
  lastMs: number;
  lockedUntilMs: number;
}

/** Makes who fails to authenticate wait, longer each time, by name and address and by address alone. */
export class LockOut {
  readonly #limits: LockOutLimits;
  /** In the order of their last failures. */
  readonly #offenders = new Map<string, Offender>();

  constructor(limits: LockOutLimits) {
    this.#limits = limits;
  }

  /** Offenders remembered now. */
  get size(): number {
    return this.#offenders.size;
  }

  /** True while the name or the address has to wait. */
  isLocked(name: string, address: string, nowMs: number): boolean {
    return [address, keyOf(name, address)].some((key) => {
      const offender = this.#offenders.get(key);
      return offender !== undefined && nowMs < offender.lockedUntilMs;
    });
  }

  /** The name has failed to authenticate from the address. */
  failed(name: string, address: string, nowMs: number): void {
    const { authFailures } = this.#limits;
    this.#count(address, authFailures * NAMES_PER_ADDRESS, nowMs);
    this.#count(keyOf(name, address), authFailures, nowMs);
  }

  /** The name has authenticated: its failures are forgotten, those of the address are not. */
  succeeded(name: string, address: string): void {
    this.#offenders.delete(keyOf(name, address));
  }

  #count(key: string, allowed: number, nowMs: number): void {
    const { lockOutMs, lockOutMaxMs, maxOffenders } = this.#limits;
    const known = this.#offenders.get(key);
    const recent = known !== undefined && nowMs - known.lastMs < lockOutMaxMs ? known : undefined;
    const offender = recent ?? { failures: 0, lastMs: nowMs, lockedUntilMs: 0 };
    offender.failures++;
    offender.lastMs = nowMs;
    if (offender.failures >= allowed) {
      const waitMs = Math.min(lockOutMaxMs, lockOutMs * 2 ** (offender.failures - allowed));
      offender.lockedUntilMs = nowMs + waitMs;
    }
    this.#offenders.delete(key);
    if (this.#offenders.size >= maxOffenders) {
      const [oldest] = this.#offenders.keys();
      this.#offenders.delete(oldest as string);
    }
    this.#offenders.set(key, offender);
  }
}

function keyOf(name: string, address: string): string {
  return `${address} ${name}`;
}
