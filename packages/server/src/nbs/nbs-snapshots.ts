import {
  NbsRefusal,
  type ChangedRun,
  type Fields,
  type ObjectDescription,
  type ObjectSnapshots,
  type PruneWish,
  type SettingsWish,
  type SnapshotWish,
  type WorkWatch,
} from '@lunbox/nbs';
import {
  verifySnapshot,
  type ConsistencyLevel,
  type NewSnapshot,
  type SnapshotInfo,
  type SnapshotMethod,
  type SnapshotSet,
} from '@lunbox/snapshot';
import { pruneSnapshots } from '../prune-snapshots.ts';
import type { ServedSnapshots } from '../served-snapshots.ts';
import { usageIfThere } from '../snapshot-usage.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import { refusing } from './nbs-refusals.ts';
import { applySettings, pruneOptions, settingsFields, verdictFields } from './snapshot-settings.ts';

const LEVELS: readonly string[] = ['crash', 'filesystem', 'application'] satisfies ConsistencyLevel[];
const METHODS: readonly string[] = ['auto', 'log', 'reflink'] satisfies SnapshotMethod[];

/** A snapshot as clients are told of it. */
export function snapshotFields(info: SnapshotInfo): Fields {
  const { id, name, createdAtMs, sizeBytes, level, labels, holds, bookmark, group, method } = info;
  const label = Object.entries(labels).map(([key, value]) => ({ key, value }));
  return {
    name,
    uuid: id,
    createdMs: createdAtMs,
    sizeBytes,
    level,
    method,
    ...(label.length === 0 ? {} : { label }),
    ...(holds.length === 0 ? {} : { holder: holds }),
    ...(bookmark === true ? { bookmark } : {}),
    ...(group === undefined ? {} : { group: group.id }),
  };
}

/** How a snapshot is to be taken. Throws a NbsRefusal `INVAL`. */
export function newSnapshot({ name, level, label, method }: SnapshotWish): NewSnapshot {
  const badLevel = level !== undefined && !LEVELS.includes(level);
  if (badLevel || (method !== undefined && !METHODS.includes(method)))
    throw new NbsRefusal(
      'INVAL',
      `a level is one of ${LEVELS.join(', ')}, a method one of ${METHODS.join(', ')}`,
    );
  const labels = label?.map(({ key = '', value = '' }) => [key, value] as const);
  return {
    ...(name === undefined ? {} : { name }),
    ...(level === undefined ? {} : { level: level as ConsistencyLevel }),
    ...(labels === undefined ? {} : { labels: Object.fromEntries(labels) }),
    ...(method === undefined ? {} : { method: method as SnapshotMethod }),
  };
}

/** Makes disks and publications of snapshots. */
interface CopyMaker {
  clone(set: SnapshotSet, snapshot: string, name: string, watch: WorkWatch): Promise<ObjectDescription>;
  publish(
    set: SnapshotSet,
    snapshot: string,
    name: string | undefined,
    watch: WorkWatch,
  ): Promise<{ readonly fileName: string; readonly sha256: string }>;
}

/** The snapshots of a served disk, for a client. */
export class NbsSnapshots implements ObjectSnapshots {
  readonly set: SnapshotSet;
  readonly #served: ServedSnapshots;
  readonly #peer: string;
  readonly #maker: CopyMaker;
  readonly #targetName: string;

  /** @param peer what the disk of this client goes by: its own use does not keep it from a restore */
  constructor(served: ServedSnapshots, peer: string, targetName: string, maker: CopyMaker) {
    this.#targetName = targetName;
    this.#maker = maker;
    this.#served = served;
    this.#peer = peer;
    this.set = served.set;
  }

  async list(): Promise<readonly Fields[]> {
    return await refusing(async () => {
      const rows: Fields[] = [];
      for (const info of this.set.list()) {
        const usage = await usageIfThere(this.set, info.id);
        const lun = this.#served.lunOf(info.id);
        if (usage !== undefined)
          rows.push({ ...snapshotFields(info), ...usage, ...(lun === undefined ? {} : { lun }) });
      }
      return rows;
    });
  }

  create(wish: SnapshotWish): Promise<Fields> {
    return this.#tell(() => this.set.create(newSnapshot(wish)));
  }

  delete(snapshot: string): Promise<void> {
    return refusing(() => this.#served.delete(snapshot));
  }

  rename(snapshot: string, name: string): Promise<Fields> {
    return this.#tell(() => this.set.rename(snapshot, name));
  }

  hold(snapshot: string, holder: string): Promise<Fields> {
    return this.#tell(() => this.set.hold(snapshot, holder));
  }

  release(snapshot: string, holder: string): Promise<Fields> {
    return this.#tell(() => this.set.release(snapshot, holder));
  }

  bookmark(snapshot: string): Promise<Fields> {
    return this.#tell(() => this.set.bookmark(snapshot));
  }

  refresh(snapshot: string, wish: SnapshotWish): Promise<Fields> {
    return this.#tell(() => this.set.refresh(snapshot, newSnapshot(wish)));
  }

  restore(snapshot: string, options: { readonly force: boolean; readonly name?: string }): Promise<string> {
    return refusing(async () => {
      const { safety, done } = await this.#served.restore(snapshot, { ...options, user: this.#peer });
      // How it ends is told by the list of snapshots, and by the server to its operator.
      done.catch(() => undefined);
      return safety.name;
    });
  }

  clone(snapshot: string, name: string, watch: WorkWatch): Promise<ObjectDescription> {
    return this.#maker.clone(this.set, snapshot, name, watch);
  }

  publish(
    snapshot: string,
    name: string | undefined,
    watch: WorkWatch,
  ): Promise<{ readonly fileName: string; readonly sha256: string }> {
    return this.#maker.publish(this.set, snapshot, name, watch);
  }

  verify(
    snapshot: string,
    watch: WorkWatch,
  ): Promise<{ readonly sound: boolean; readonly badBytes: number }> {
    return refusing(() => verifySnapshot(this.set, findSnapshot(this.set, snapshot).id, watch));
  }

  settings(): Promise<Fields> {
    return refusing(() => settingsFields(this.set, Date.now()));
  }

  configure(wish: SettingsWish): Promise<Fields> {
    return refusing(async () => {
      await applySettings(this.set, wish);
      return settingsFields(this.set, Date.now());
    });
  }

  prune(wish: PruneWish): Promise<readonly Fields[]> {
    const disk = { set: this.set, delete: (snapshot: string) => this.#served.delete(snapshot) };
    return refusing(
      async () => (await pruneSnapshots(disk, pruneOptions(wish), Date.now())).map(verdictFields),
      'INVAL',
    );
  }

  present(snapshot: string, lun: number | undefined): Promise<{ lun: number; targetName: string }> {
    return refusing(() => ({
      lun: this.#served.open(snapshot, lun === undefined ? {} : { lun }),
      targetName: this.#targetName,
    }));
  }

  withdraw(snapshot: string): Promise<number> {
    return refusing(() => this.#served.close(snapshot));
  }

  onTaken(listener: (snapshot: Fields) => void): () => void {
    return this.set.onEvent((event) => {
      if (event.kind === 'taken') listener(snapshotFields(event.snapshot));
    });
  }

  async *changes(from: string, to: string | undefined): AsyncGenerator<ChangedRun> {
    const [first, last] = await refusing(() => [
      findSnapshot(this.set, from).id,
      to === undefined ? undefined : findSnapshot(this.set, to).id,
    ]);
    const runs = this.set.diff(first, last);
    for (;;) {
      const next = await refusing(() => runs.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  #tell(work: () => Promise<SnapshotInfo>): Promise<Fields> {
    return refusing(async () => snapshotFields(await work()));
  }
}
