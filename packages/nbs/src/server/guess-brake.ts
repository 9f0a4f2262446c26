/** How guessing is slowed down. */
export interface GuessLimits {
  /** Wrong proofs for one name from one address before that has to wait. */
  readonly authFailures: number;
  /** How long it waits first; twice as long after each further one. */
  readonly lockOutMs: number;
  /** How long it waits at most; after so long without a wrong proof all is forgotten. */
  readonly lockOutMaxMs: number;
  /** Names and addresses that are remembered; the oldest are forgotten. */
  readonly maxOffenders: number;
}

/** What one name, or an address with all its names, has done. */
interface Offender {
  failures: number;
  lastMs: number;
  lockedUntilMs: number;
}

/** Wrong proofs from one address, for whatever names, that are as bad as those for one name. */
const NAMES_PER_ADDRESS = 8;

/** Makes who guesses passwords wait, by address and claimed name, whether there is such a user or not. */
export class GuessBrake {
  readonly #limits: GuessLimits;
  /** In the order of their last wrong proofs. */
  readonly #offenders = new Map<string, Offender>();

  constructor(limits: GuessLimits) {
    this.#limits = limits;
  }

  /** How long the name has to wait at this address; 0 when it need not. */
  waitMs(address: string, name: string, nowMs: number): number {
    const waits = [address, keyOf(address, name)].map((key) => {
      const offender = this.#offenders.get(key);
      return offender === undefined ? 0 : offender.lockedUntilMs - nowMs;
    });
    return Math.ceil(Math.max(0, ...waits));
  }

  /** A proof was wrong. */
  failed(address: string, name: string, nowMs: number): void {
    const { authFailures } = this.#limits;
    this.#count(address, authFailures * NAMES_PER_ADDRESS, nowMs);
    this.#count(keyOf(address, name), authFailures, nowMs);
  }

  /** A proof was right: what the name did is forgotten, what the address did is not. */
  succeeded(address: string, name: string): void {
    this.#offenders.delete(keyOf(address, name));
  }

  #count(key: string, allowed: number, nowMs: number): void {
    const { lockOutMs, lockOutMaxMs, maxOffenders } = this.#limits;
    const known = this.#offenders.get(key);
    const recent = known !== undefined && nowMs - known.lastMs < lockOutMaxMs ? known : undefined;
    const offender = recent ?? { failures: 0, lastMs: nowMs, lockedUntilMs: 0 };
    offender.failures++;
    offender.lastMs = nowMs;
    if (offender.failures >= allowed)
      offender.lockedUntilMs = nowMs + Math.min(lockOutMaxMs, lockOutMs * 2 ** (offender.failures - allowed));
    this.#offenders.delete(key);
    const [oldest] = this.#offenders.keys();
    if (this.#offenders.size >= maxOffenders && oldest !== undefined) this.#offenders.delete(oldest);
    this.#offenders.set(key, offender);
  }
}

function keyOf(address: string, name: string): string {
  return `${address} ${name}`;
}
