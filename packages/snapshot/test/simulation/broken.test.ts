import { SimulatedDisk, type BlockDevice, type DiskFile, type OpenMode } from '@lunbox/block';
import { afterEach, expect, it, vi } from 'vitest';
import { RestoreOverlay } from '../../src/restore-overlay.ts';
import { SetState } from '../../src/set-state.ts';
import { playHistory } from '../support/history.ts';

vi.setConfig({ testTimeout: 120_000 });

const SEEDS = 2000;

/** A disk that does something wrong with some files. */
class BrokenDisk extends SimulatedDisk {
  readonly #breakFile: (file: DiskFile) => void;

  constructor(breakFile: (file: DiskFile) => void) {
    super({ clones: true });
    this.#breakFile = breakFile;
  }

  override async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const file = await super.open(path, mode);
    this.#breakFile(file);
    return file;
  }
}

/** A disk that does not remove what maps have. */
class KeepingDisk extends BrokenDisk {
  constructor() {
    super(() => undefined);
  }

  override async unlink(path: string): Promise<void> {
    if (!path.endsWith('.map') || !new Error().stack?.includes('startChanging')) await super.unlink(path);
  }
}

const never = (): Promise<void> => Promise.resolve();

/** Files of which a sync does nothing. */
function unsynced(suffix: string): (file: DiskFile) => void {
  return (file) => {
    if (file.path.includes(suffix)) file.sync = never;
  };
}

/** Writes the list over both of its slots at once. */
function bothSlots(file: DiskFile): void {
  if (!file.path.includes('/chain')) return;
  const write = file.write.bind(file);
  file.write = async (from, offset) => {
    await write(from, offset);
    await write(from, (offset + (1 << 20)) % (1 << 21));
  };
}

const withClones = (): SimulatedDisk => new SimulatedDisk({ clones: true });

/** A disk that answers a call without doing it when somebody certain is its caller. */
function without(method: 'flush' | 'write', caller: string): (production: BlockDevice) => BlockDevice {
  return (production) => {
    const call = production[method].bind(production) as (...args: unknown[]) => unknown;
    const isTheirs = (): boolean => new Error().stack?.includes(caller) === true;
    return Object.assign(production, {
      [method]: (...args: unknown[]) => (isTheirs() ? undefined : call(...args)),
    });
  };
}

/** Whether one of the histories notices, of which some take a crash at the right moment. */
async function isNoticed(
  disk: () => SimulatedDisk = withClones,
  wrap?: (production: BlockDevice) => BlockDevice,
): Promise<boolean> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const played = await playHistory(seed, 'snapshot-crashes', { disk, ...(wrap ? { wrap } : {}) });
    if (played.wrong !== undefined) return true;
  }
  return false;
}

afterEach(() => {
  vi.restoreAllMocks();
});

it('is told from a log that is not synced before the overwrite', async () => {
  expect(await isNoticed(() => new BrokenDisk(unsynced('.log')))).toBe(true);
});

it('is told from a disk that is not flushed when a snapshot is taken', async () => {
  // Only the flushes of a snapshot are left out: those of the disk's user are kept.
  expect(await isNoticed(withClones, without('flush', 'takeSnapshot'))).toBe(true);
});

it('is told from a restore that leaves a grain out', async () => {
  expect(await isNoticed(withClones, without('write', 'RestoringDevice.#restore'))).toBe(true);
});

it('is told from an image that is not synced before the list names it', async () => {
  expect(await isNoticed(() => new BrokenDisk(unsynced('.img')))).toBe(true);
});

it('is told from changes of an image that are written down and go on', async () => {
  // A map that is not removed before the disk is changed again.
  expect(await isNoticed(() => new KeepingDisk())).toBe(true);
});

it('is told from a list of which both copies are written at once', async () => {
  expect(await isNoticed(() => new BrokenDisk(bothSlots))).toBe(true);
});

it('is told from a list that is not synced', async () => {
  expect(await isNoticed(() => new BrokenDisk(unsynced('chain')))).toBe(true);
});

it('is told from a deletion that takes along what older snapshots need', async () => {
  vi.spyOn(SetState.prototype, 'dropUnnamed').mockImplementation(function (this: SetState, { logs }) {
    return this.drop(logs);
  });
  expect(await isNoticed()).toBe(true);
});

it('is told from space that is given back while an older snapshot reads it', async () => {
  vi.spyOn(SetState.prototype, 'areasReadBefore').mockReturnValue(undefined);
  expect(await isNoticed()).toBe(true);
});

it('is told from a restore that notes what is done before it is flushed', async () => {
  const { flush } = RestoreOverlay.prototype;
  vi.spyOn(RestoreOverlay.prototype, 'flush').mockImplementation(async function (this: RestoreOverlay, act) {
    await flush.call(this, never);
    await act();
  });
  expect(await isNoticed()).toBe(true);
});

it('is told from a restore that does not note what is written meanwhile', async () => {
  vi.spyOn(RestoreOverlay.prototype, 'markDone').mockReturnValue(undefined);
  expect(await isNoticed()).toBe(true);
});
