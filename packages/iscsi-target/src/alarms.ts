/** Things to do when some time has passed, unless they are called off before. */
export class Alarms {
  readonly #alarms = new Set<{ readonly atMs: number; readonly run: () => void }>();

  /** Calls `run` at the first tick from `atMs` on. Returns what calls it off. */
  set(atMs: number, run: () => void): () => void {
    const alarm = { atMs, run };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Time passes. */
  tick(nowMs: number): void {
    for (const alarm of [...this.#alarms]) {
      if (nowMs >= alarm.atMs && this.#alarms.delete(alarm)) alarm.run();
    }
  }
}
