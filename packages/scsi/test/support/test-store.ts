import type { StoredUnitState, UnitState, UnitStateStore } from '../../src/index.ts';

/** Keeps the state of a unit as JSON, as a file would. */
export class TestStore implements UnitStateStore {
  kept: Readonly<Record<string, unknown>>;
  /** What was given to `save`, in order. */
  readonly saves: UnitState[] = [];
  failure: Error | undefined = undefined;
  /** Saving waits for this. */
  gate: Promise<void> | undefined = undefined;

  constructor(kept: StoredUnitState = {}) {
    this.kept = { ...kept };
  }

  load(): StoredUnitState {
    return JSON.parse(JSON.stringify(this.kept)) as StoredUnitState;
  }

  save(change: UnitState): void | Promise<void> {
    this.saves.push(change);
    if (this.failure !== undefined) throw this.failure;
    const keep = (): void => {
      this.kept = { ...this.kept, ...(JSON.parse(JSON.stringify(change)) as UnitState) };
    };
    return this.gate === undefined ? keep() : this.gate.then(keep);
  }
}

/** Holds this, and can save nothing. */
export function readOnlyStore(kept: StoredUnitState): UnitStateStore {
  return { load: () => kept };
}
