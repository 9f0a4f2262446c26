import { SeededRandom, SimulatedDisk } from '@lunbox/block';
import {
  AdditionalSenseCode,
  buildUnmapList,
  encodeLun,
  LogicalUnit,
  parseSense,
  ScsiTarget,
  Status,
  SYNCHRONIZE_CACHE_10,
  TEST_UNIT_READY,
  UNMAP,
  WRITE_10,
  type Execution,
  type Nexus,
} from '@lunbox/scsi';
import { StorageObject, type UserAttribute } from '@lunbox/storage-object';
import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { objectUnit } from '../../src/object-unit.ts';

/** What a simulated file allocates at once; a real one takes less. */
const CHUNK = 65_536;
const CHUNK_BLOCKS = CHUNK / 512;
const CHUNKS = 12;
const NAMES = ['alice', 'bob', 'carol'];
const PATH = '/disk.lun';

const step = fc.record({
  user: fc.nat(NAMES.length - 1),
  chunk: fc.nat(CHUNKS - 1),
  count: fc.integer({ min: 1, max: 3 }),
  kind: fc.constantFrom('write', 'write', 'write', 'write', 'unmap', 'quota', 'flush'),
});

/** Sends a command, and moves its data in two pieces. */
async function send(nexus: Nexus, cdb: Uint8Array, dataOut = new Uint8Array(0)): Promise<Execution> {
  const padded = new Uint8Array(16);
  padded.set(cdb);
  const execution = await nexus.execute(encodeLun(0), { cdb: padded, attribute: 'simple', aborted: false });
  if (execution.kind !== 'data-out') return execution;
  const half = dataOut.length > 8192 ? dataOut.length / 2 : dataOut.length;
  await execution.write([dataOut.subarray(0, half)], 0);
  if (half < dataOut.length) await execution.write([dataOut.subarray(half)], half);
  const finished = await execution.finish(dataOut.length);
  execution.end?.();
  return finished;
}

const isGood = (answer: Execution): boolean => answer.kind === 'finished' && answer.status === Status.GOOD;

/** An object with users, and a nexus of each of them. */
async function scene(quotas: readonly number[]) {
  const disk = new SimulatedDisk();
  const users = NAMES.map((name, index): UserAttribute => ({
    name,
    permission: 'write',
    quotaBytes: quotas[index]!,
  }));
  const object = await StorageObject.create(PATH, { disk, sizeBytes: CHUNKS * CHUNK, attributes: { users } });
  const target = new ScsiTarget();
  target.addUnit(0, new LogicalUnit(objectUnit(object, object.device)), (user) => object.rightsOf(user));
  const nexuses: Nexus[] = [];
  for (const user of NAMES) {
    const port = { targetName: 'iqn.2026-11.com.example:quota', relativePort: 1, portalGroupTag: 1 };
    const nexus = target.openNexus({
      ...port,
      initiatorPort: `${user},i,0x1`,
      user,
      onTasksAborted: () => undefined,
    });
    while (!isGood(await send(nexus, TEST_UNIT_READY.encode())));
    nexuses.push(nexus);
  }
  const setQuota = async (index: number, quotaBytes: number): Promise<void> => {
    users[index] = { ...users[index]!, quotaBytes };
    await object.updateAttributes({ users });
    target.rightsChanged(0);
  };
  return { disk, object, nexuses, users, setQuota };
}

async function contentOf(object: StorageObject): Promise<number[]> {
  const chunks: number[] = [];
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const bytes = new Uint8Array(CHUNK);
    await object.device.read([bytes], chunk * CHUNK);
    expect(Buffer.compare(bytes, Buffer.alloc(CHUNK, bytes[0]))).toBe(0);
    chunks.push(bytes[0]!);
  }
  return chunks;
}

test.prop(
  [
    fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
    fc.array(fc.nat(CHUNKS + 6), { minLength: 3, maxLength: 3 }),
    fc.nat(),
  ],
  { numRuns: 40 },
)(
  'users keep to their quotas, and what was acknowledged and flushed is there after a crash',
  async (rounds, chunks, seed) => {
    const { disk, object, nexuses, users, setQuota } = await scene(chunks.map((count) => count * CHUNK));
    const model = new Array<number>(CHUNKS).fill(0);
    let value = 0;
    for (const round of rounds) {
      const before = (await object.space()).usedBytes;
      const writes = round.filter(({ kind }) => kind === 'write');
      const touched = new Set<number>();
      const admitted: number[] = [];
      await Promise.all(
        writes.map(async ({ user, chunk, count }) => {
          const places = Array.from({ length: Math.min(count, CHUNKS - chunk) }, (_, index) => chunk + index);
          // Overlapping writes have no defined order: one of them is enough here.
          if (places.some((place) => touched.has(place))) return;
          for (const place of places) touched.add(place);
          const byte = (value = (value % 255) + 1);
          const TRANSFER_LENGTH = places.length * CHUNK_BLOCKS;
          const cdb = WRITE_10.encode({ LOGICAL_BLOCK_ADDRESS: chunk * CHUNK_BLOCKS, TRANSFER_LENGTH });
          const answer = await send(nexuses[user]!, cdb, new Uint8Array(places.length * CHUNK).fill(byte));
          if (isGood(answer)) {
            for (const place of places) model[place] = byte;
            admitted.push(users[user]!.quotaBytes!);
            return;
          }
          expect(answer.kind === 'finished' && parseSense(answer.sense!)).toMatchObject(
            AdditionalSenseCode.SPACE_ALLOCATION_FAILED_WRITE_PROTECT,
          );
        }),
      );
      // The data area begins at a multiple of the chunk, so that whole chunks take what the ledger foresees.
      expect((await object.space()).usedBytes).toBeLessThanOrEqual(Math.max(before, ...admitted));
      for (const { user, chunk, count, kind } of round) {
        if (kind === 'quota') await setQuota(user, (chunk + count) * CHUNK);
        if (kind === 'flush')
          expect(isGood(await send(nexuses[user]!, SYNCHRONIZE_CACHE_10.encode()))).toBe(true);
        if (kind !== 'unmap') continue;
        const list = buildUnmapList([{ lba: chunk * CHUNK_BLOCKS, blockCount: CHUNK_BLOCKS }]);
        const cdb = UNMAP.encode({ PARAMETER_LIST_LENGTH: list.length });
        expect(isGood(await send(nexuses[user]!, cdb, list))).toBe(true);
        model[chunk] = 0;
      }
      expect(await contentOf(object)).toEqual(model);
    }
    expect(isGood(await send(nexuses[0]!, SYNCHRONIZE_CACHE_10.encode()))).toBe(true);
    disk.crash(seed);
    const again = await StorageObject.open(PATH, { disk, random: new SeededRandom(seed) });
    expect(await contentOf(again)).toEqual(model);
    expect(again.attributes.users).toEqual(users);
    await again.close();
  },
  60_000,
);
