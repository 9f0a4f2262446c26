import { BlockError } from '@lunbox/block';
import { expect } from 'vitest';
import {
  buildFormatList,
  buildOverwriteList,
  buildUnmapList,
  COMPARE_AND_WRITE,
  FORMAT_UNIT,
  GET_LBA_STATUS,
  ORWRITE_16,
  parseLbaStatus,
  parseReadCapacity10,
  parseReadCapacity16,
  PRE_FETCH_10,
  PRE_FETCH_16,
  ProvisioningStatus,
  READ_10,
  READ_12,
  READ_16,
  READ_6,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  REZERO_UNIT,
  SANITIZE_BLOCK_ERASE,
  SANITIZE_EXIT_FAILURE_MODE,
  SANITIZE_OVERWRITE,
  SEEK_10,
  SEEK_6,
  SYNCHRONIZE_CACHE_10,
  SYNCHRONIZE_CACHE_16,
  UNMAP,
  VERIFY_10,
  VERIFY_12,
  VERIFY_16,
  WRITE_10,
  WRITE_12,
  WRITE_16,
  WRITE_6,
  WRITE_AND_VERIFY_10,
  WRITE_AND_VERIFY_12,
  WRITE_AND_VERIFY_16,
  WRITE_ATOMIC_16,
  WRITE_SAME_10,
  WRITE_SAME_16,
  WRITE_SAME_32,
  type CdbDefinition,
  type Transfer6Cdb,
} from '../../../src/index.ts';
import { Expected } from '../expected-sense.ts';
import { pattern, sameBytes, type Answer } from '../harness.ts';
import {
  effect,
  SCENE_BLOCKS,
  STORED,
  type CommandEffect,
  type Scene,
  type WitnessDevice,
} from './command-effect.ts';

const LBA = 3;
const COUNT = 2;
const NEW = pattern(COUNT * 512, 99);
const stored = STORED.slice(LBA * 512, (LBA + COUNT) * 512);
const transfer = { LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: COUNT };
const range = { LOGICAL_BLOCK_ADDRESS: LBA, NUMBER_OF_LOGICAL_BLOCKS: COUNT };

function reads(command: CdbDefinition<Transfer6Cdb>): CommandEffect {
  return effect(command, transfer, (_scene: Scene, { data }: Answer) => {
    expect(sameBytes(data, stored)).toBe(true);
  });
}

/** The medium holds the data, what lies around it is as it was, and the operations were these. */
function writes(command: CdbDefinition<Transfer6Cdb>, ...log: string[]): CommandEffect {
  const check = ({ device }: Scene) => {
    expect(device.log).toEqual(log);
    const expected = Uint8Array.from(STORED);
    expected.set(NEW, LBA * 512);
    expect(sameBytes(device.blocks(0, SCENE_BLOCKS / 2), expected)).toBe(true);
  };
  return effect(command, transfer, check, { dataOut: NEW });
}

function holds(device: WitnessDevice, expected: Uint8Array): boolean {
  return sameBytes(device.blocks(LBA, COUNT), expected);
}

function logs(...operations: string[]): CommandEffect['check'] {
  return ({ device }) => expect(device.log).toEqual(operations);
}

const orWritten = Uint8Array.from(NEW, (byte, index) => byte | stored[index]!);
const block = pattern(512, 5);
const unmapList = buildUnmapList([{ lba: 0, blockCount: SCENE_BLOCKS }]);

const overwriteList = buildOverwriteList({ invert: true, test: 0, count: 2, pattern: block });
const formatList = buildFormatList({
  formatOptionsValid: true,
  initialization: { secure: false, type: 1, pattern: block },
});

const everyBlock = ({ device }: Scene, expected: Uint8Array) => {
  for (let lba = 0; lba < SCENE_BLOCKS; lba++) expect(sameBytes(device.blocks(lba, 1), expected)).toBe(true);
};

/** A SANITIZE that fails. */
async function failSanitize({ initiator, device }: Scene): Promise<void> {
  device.unmap = () => Promise.reject(new BlockError('BLOCK_IO', 'injected'));
  await initiator.send(SANITIZE_BLOCK_ERASE.encode({ AUSE: 1 }));
}

/** What each command for blocks does. */
export const BLOCK_EFFECTS: readonly CommandEffect[] = [
  ...[READ_6, READ_10, READ_12, READ_16].map(reads),
  ...[WRITE_6, WRITE_10, WRITE_12, WRITE_16].map((command) => writes(command, 'write')),
  ...[WRITE_AND_VERIFY_10, WRITE_AND_VERIFY_12, WRITE_AND_VERIFY_16].map((command) =>
    writes(command, 'write-fua', 'read'),
  ),
  effect(
    ORWRITE_16,
    transfer,
    ({ device }) => {
      expect(holds(device, orWritten)).toBe(true);
    },
    { dataOut: NEW },
  ),
  effect(
    COMPARE_AND_WRITE,
    range,
    ({ device }) => {
      expect(holds(device, NEW)).toBe(true);
    },
    { dataOut: Buffer.concat([stored, NEW]) },
  ),
  effect(
    WRITE_ATOMIC_16,
    { LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: 1, FUA: 1 },
    ({ device }) => {
      expect(device.log).toEqual(['write-fua']);
      expect(sameBytes(device.blocks(LBA, 1), block)).toBe(true);
    },
    { dataOut: block },
  ),
  ...[VERIFY_10, VERIFY_12, VERIFY_16].map((command) =>
    effect(command, { LOGICAL_BLOCK_ADDRESS: LBA, VERIFICATION_LENGTH: COUNT }, logs('read')),
  ),
  ...[PRE_FETCH_10, PRE_FETCH_16].map((command) =>
    effect(command, { LOGICAL_BLOCK_ADDRESS: LBA, PREFETCH_LENGTH: COUNT }, logs('read')),
  ),
  ...[SYNCHRONIZE_CACHE_10, SYNCHRONIZE_CACHE_16].map((command) => effect(command, range, logs('flush'))),
  ...[WRITE_SAME_10, WRITE_SAME_16, WRITE_SAME_32].map((command) =>
    effect(
      command,
      range,
      ({ device }) => {
        expect(holds(device, Buffer.concat([block, block]))).toBe(true);
      },
      { dataOut: block },
    ),
  ),
  effect(
    UNMAP,
    { PARAMETER_LIST_LENGTH: unmapList.length },
    ({ device }) => {
      expect(device.allocatedBytes).toBe(0);
    },
    { dataOut: unmapList },
  ),
  effect(FORMAT_UNIT, { FMTDATA: 1 }, (scene) => everyBlock(scene, block), { dataOut: formatList }),
  effect(
    SANITIZE_OVERWRITE,
    { PARAMETER_LIST_LENGTH: overwriteList.length },
    (scene) =>
      everyBlock(
        scene,
        block.map((byte) => ~byte),
      ),
    { dataOut: overwriteList },
  ),
  effect(SANITIZE_BLOCK_ERASE, {}, ({ device }) => {
    expect(device.log).toEqual(['write', 'flush', 'flush']);
    expect(device.allocatedBytes).toBe(0);
  }),
  effect(
    SANITIZE_EXIT_FAILURE_MODE,
    {},
    async ({ initiator }) => {
      expect(await initiator.send(READ_10.encode({ TRANSFER_LENGTH: 1 }))).toMatchObject(Expected.GOOD);
    },
    { prepare: failSanitize },
  ),
  effect(REZERO_UNIT, {}, logs()),
  ...[SEEK_6, SEEK_10].map((command) =>
    effect(command, { LOGICAL_BLOCK_ADDRESS: LBA }, async ({ initiator, device }) => {
      expect(device.log).toEqual([]);
      const beyond = command.encode({ LOGICAL_BLOCK_ADDRESS: SCENE_BLOCKS });
      expect(await initiator.send(beyond)).toMatchObject(Expected.LBA_OUT_OF_RANGE);
    }),
  ),
  effect(GET_LBA_STATUS, { ALLOCATION_LENGTH: 64 }, (_scene, { data }) => {
    expect(parseLbaStatus(data)[0]).toMatchObject({ lba: 0, status: ProvisioningStatus.MAPPED });
  }),
  effect(READ_CAPACITY_10, {}, (_scene, { data }) => {
    expect(parseReadCapacity10(data).RETURNED_LOGICAL_BLOCK_ADDRESS).toBe(SCENE_BLOCKS - 1);
  }),
  effect(READ_CAPACITY_16, { ALLOCATION_LENGTH: 32 }, (_scene, { data }) => {
    expect(parseReadCapacity16(data).RETURNED_LOGICAL_BLOCK_ADDRESS).toBe(SCENE_BLOCKS - 1);
  }),
];
