import { BlockError, DISK_CALLS, type SimulatedDisk } from '@lunbox/block';
import { ContainerError, findDrafts, repairDrafts } from '@lunbox/storage-object';
import { expect, it } from 'vitest';
import { cloneSnapshot, publishSnapshot, SnapshotError, type SnapshotManifest } from '../../src/index.ts';
import { copyDisk, diskOf, fileOf, makeObject, sha256, snapshotContent } from '../support/copies.ts';
import { GRAIN } from '../support/model.ts';

const COPY = '/export/copy.lun';
const MANIFEST = '/export/copy.json';

interface Scene {
  readonly disk: SimulatedDisk;
  readonly before: Buffer;
  /** Makes the copy, and has the disk change meanwhile. */
  readonly copy: () => Promise<void>;
}

type MakeScene = () => Promise<Scene>;

async function scene(
  clones: boolean,
  kind: 'publish' | 'clone',
  method: 'log' | 'reflink' = 'log',
): Promise<Scene> {
  const disk = await copyDisk(clones);
  const { set, seams, image } = await makeObject(disk);
  await set.create({ name: 's', method });
  await set.device.write([Buffer.alloc(3 * GRAIN, 9)], 3 * GRAIN);
  await set.device.flush();
  const before = await snapshotContent(set, 's');
  const copy = async (): Promise<void> => {
    const made =
      kind === 'publish'
        ? publishSnapshot(set, 's', { ...seams, directory: '/export', name: 'copy' })
        : cloneSnapshot(set, 's', COPY, { ...seams, image });
    const changed = Promise.resolve(set.device.write([Buffer.alloc(GRAIN, 8)], 9 * GRAIN));
    const [result] = await Promise.allSettled([made, changed]);
    if (result.status === 'rejected') throw result.reason as Error;
  };
  return { disk, before, copy };
}

const SCENES: [string, MakeScene][] = [
  ['publishing', () => scene(false, 'publish')],
  ['cloning by copying', () => scene(false, 'clone')],
  ['cloning by sharing', () => scene(true, 'clone')],
  ['cloning an image', () => scene(true, 'clone', 'reflink')],
];

/** There is all of a copy, or none; a manifest tells the truth; what is left over is known as a draft. */
async function judge(disk: SimulatedDisk, before: Buffer, isDone: boolean): Promise<void> {
  const names = await disk.readdir('/export');
  if (isDone) expect(names).toContain('copy.lun');
  if (names.includes('copy.lun')) expect((await diskOf(disk, COPY)).equals(before)).toBe(true);
  if (names.includes('copy.json')) {
    const manifest = JSON.parse((await fileOf(disk, MANIFEST)).toString()) as SnapshotManifest;
    expect(manifest.sha256).toEqual({ disk: sha256(before), file: sha256(await fileOf(disk, COPY)) });
  }
  await repairDrafts('/export', { disk, apply: true });
  expect(await findDrafts('/export', { disk })).toEqual([]);
  for (const name of await disk.readdir('/export')) expect(['copy.lun', 'copy.json']).toContain(name);
}

it.each(SCENES)(
  '%s: a crash at every change leaves all of the copy or none',
  async (_name, make) => {
    let crashes = 0;
    for (let changes = 1; ; changes++) {
      for (const seed of [1, 2, 3]) {
        const { disk, before, copy } = await make();
        disk.faults.haltAfter(changes);
        const isDone = await copy().then(
          () => true,
          () => false,
        );
        const wasHalted = disk.faults.halted;
        disk.crash(changes * 8 + seed);
        await judge(disk, before, isDone);
        crashes++;
        if (isDone && !wasHalted && seed === 3) {
          expect(crashes).toBeGreaterThan(20);
          return;
        }
      }
    }
  },
  300_000,
);

it.each(SCENES)(
  '%s: ends in a typed error, or does without, when a call of the disk fails',
  async (_name, make) => {
    for (const call of DISK_CALLS)
      for (const errno of ['EIO', 'ENOSPC'])
        for (let nth = 1; ; nth++) {
          const { disk, before, copy } = await make();
          disk.faults.fail(call, nth, errno);
          const error: unknown = await copy().then(
            () => undefined,
            (reason: unknown) => reason,
          );
          const wasMade = disk.faults.failed > 0;
          disk.faults.clear();
          if (error !== undefined && !isTyped(error)) throw error as Error;
          await judge(disk, before, error === undefined);
          if (!wasMade) break;
        }
  },
  300_000,
);

function isTyped(error: unknown): boolean {
  return [SnapshotError, ContainerError, BlockError].some((kind) => error instanceof kind);
}
