import { fc, test } from '@fast-check/vitest';
import { MemoryDevice } from '@lunbox/block';
import { expect } from 'vitest';
import { CDB_DEFINITIONS, Status } from '../../src/index.ts';
import { Harness } from '../support/harness.ts';
import { protectedHarness } from '../support/protected.ts';

const known = fc.constantFrom(...CDB_DEFINITIONS);
const legalStatus: readonly number[] = Object.values(Status);

/** A CDB of a known command whose other bytes are anything, often zero so that it passes more checks. */
const cdb = fc
  .tuple(
    known,
    fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(255)), {
      minLength: 32,
      maxLength: 32,
    }),
  )
  .map(([definition, bytes]) => {
    const plain = definition.encode();
    const mixed = Uint8Array.from(bytes.slice(0, Math.max(16, plain.length)));
    mixed[0] = definition.operationCode;
    if (definition.serviceAction === undefined) return mixed;
    if (plain.length <= 16) mixed[1] = definition.serviceAction;
    else mixed.set(plain.subarray(7, 10), 7);
    return mixed;
  });

const anything = fc.uint8Array({ minLength: 16, maxLength: 40 });
const attribute = fc.constantFrom('simple', 'ordered', 'head-of-queue', 'aca' as const);
const command = fc.record({
  cdb: fc.oneof({ weight: 4, arbitrary: cdb }, anything),
  attribute,
  dataOut: fc.uint8Array({ maxLength: 2048 }),
  pieceBytes: fc.integer({ min: 1, max: 700 }),
  lun: fc.constantFrom(0, 0, 0, 1),
});

test.prop([fc.array(command, { minLength: 1, maxLength: 30 })], { numRuns: 300 })(
  'any command with any data ends with a legal status and leaves no task behind',
  async (commands) => {
    const harness = new Harness(new MemoryDevice({ size: 256 * 512 }));
    for (const { cdb: bytes, ...options } of commands) {
      const answer = await harness.initiator.send(bytes, { ...options, dataInBytes: 4096 });
      expect(legalStatus).toContain(answer.status);
      expect(answer.sense !== undefined).toBe(answer.status === Status.CHECK_CONDITION);
      expect(harness.unit.tasks.activeCount).toBe(0);
    }
    expect(harness.internalErrors).toEqual([]);
  },
  60_000,
);

test.prop([fc.constantFrom(1, 2, 3), fc.array(command, { minLength: 1, maxLength: 30 })], { numRuns: 100 })(
  'so it does on a unit with protection information',
  async (type, commands) => {
    const { harness } = await protectedHarness(type);
    for (const { cdb: bytes, ...options } of commands) {
      const answer = await harness.initiator.send(bytes, { ...options, dataInBytes: 4096 });
      expect(legalStatus).toContain(answer.status);
      expect(harness.unit.tasks.activeCount).toBe(0);
    }
    expect(harness.internalErrors).toEqual([]);
  },
  60_000,
);
