import { connectLun } from '@lunbox/iscsi-initiator';
import { StorageObject } from '@lunbox/storage-object';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ControlRequest } from '../../src/cli/control-request.ts';
import { askControl } from '../support/ask-control.ts';
import { requiresTools } from '../support/requires.ts';
import { canMountImage, mountSmall, type SmallFileSystem } from '../support/small-file-system.ts';
import { startLunbox } from '../support/start-lunbox.ts';
import type { TargetUnderTest } from '../support/target-under-test.ts';
import { makeTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

// Many processes are started, on a machine that may have other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

const MIB = 1 << 20;
const SIZE_MIB = 24;
type SnapRequest = Readonly<Record<string, unknown>> & { readonly verb: ControlRequest['verb'] };

/** The disk has known content up to here; behind it a writer goes on all the time. */
const KNOWN_MIB = 16;
const KINDS = [
  ['xfs', 'reflink'],
  ['btrfs', 'reflink'],
] as const;
const hasTools = requiresTools('mkfs.xfs', 'mkfs.btrfs');
const mountable = new Map<string, boolean>();
for (const [kind] of KINDS) mountable.set(kind, hasTools && (await canMountImage(kind)));

describe.each(KINDS)('snapshots of a disk on a real %s', (kind, sharing) => {
  let directory: TempDirectory;
  let fileSystem: SmallFileSystem;
  let target: TargetUnderTest | undefined;
  const file = (name: string): string => join(fileSystem.path, name);

  beforeEach(async ({ skip }) => {
    skip(mountable.get(kind) !== true);
    directory = makeTempDirectory('images');
    fileSystem = await mountSmall(kind, directory.path, 320);
  });

  afterEach(async () => {
    if (mountable.get(kind) !== true) return;
    await target?.stop();
    await fileSystem.unmount();
    directory.remove();
  });

  const contentOf = async (path: string): Promise<Buffer> => {
    const object = await StorageObject.open(path, { readOnly: true });
    const bytes = Buffer.alloc(KNOWN_MIB * MIB);
    await object.device.read([bytes], 0);
    await object.close();
    return bytes;
  };

  it(`are taken by ${sharing} under writes, mixed with logs, deleted in the middle and restored`, async () => {
    const socket = directory.file('control.sock');
    target = await startLunbox({
      directory: fileSystem.path,
      sizeBytes: SIZE_MIB * MIB,
      serveFlags: ['--control', socket],
    });
    const snap = async (request: SnapRequest): Promise<Record<string, unknown>> =>
      (await askControl(socket, { ...request, lun: 0 } as ControlRequest)) as Record<string, unknown>;
    const disk = await connectLun(target.url);
    const content = randomBytes(KNOWN_MIB * MIB).fill(0, 4 * MIB, 6 * MIB);
    for (let at = 0; at < KNOWN_MIB; at++)
      if (at < 4 || at >= 6) await disk.write([content.subarray(at * MIB, (at + 1) * MIB)], at * MIB);
    let writing = true;
    const writer = (async () => {
      for (let at = 0; writing; at = (at + 13) % 512)
        await disk.write([randomBytes(4096)], KNOWN_MIB * MIB + at * 16_384);
    })();
    const contents = new Map<string, Buffer>();
    for (const [index, method] of (['auto', 'log', 'auto', 'log', 'auto'] as const).entries()) {
      const { snapshot } = await snap({ verb: 'snap-create', name: `s${index}`, method });
      expect(snapshot).toMatchObject({ method: method === 'auto' ? sharing : 'log' });
      contents.set(`s${index}`, Buffer.from(content));
      // Pieces of grains, a hole that is filled, and a piece that becomes a hole.
      for (const at of [7, 131 + index, 5 * 256, 1000 + 300 * index]) {
        const piece = randomBytes(4096);
        piece.copy(content, at * 4096);
        await disk.write([piece], at * 4096);
      }
      await disk.unmap((9 + index) * MIB, 256 * 512);
      content.fill(0, (9 + index) * MIB, (9 + index) * MIB + 256 * 512);
    }
    await snap({ verb: 'snap-rm', snapshot: 's1' });
    await snap({ verb: 'snap-rm', snapshot: 's2' });
    writing = false;
    await writer;
    await disk.close();
    for (const name of ['s0', 's3', 's4']) {
      await snap({ verb: 'snap-clone', snapshot: name, target: file(`${name}.lun`) });
      expect((await contentOf(file(`${name}.lun`))).equals(contents.get(name)!), name).toBe(true);
    }
    for (const name of ['s0', 's3']) {
      const { safety } = await snap({ verb: 'snap-restore', snapshot: name, force: true });
      expect(safety).toMatchObject({ method: sharing });
      const again = await connectLun(target.url);
      const bytes = Buffer.alloc(MIB);
      for (let at = 0; at < KNOWN_MIB; at++) {
        await again.read([bytes], at * MIB);
        expect(bytes.equals(contents.get(name)!.subarray(at * MIB, (at + 1) * MIB)), `MiB ${at}`).toBe(true);
      }
      await again.close();
    }
  });
});
