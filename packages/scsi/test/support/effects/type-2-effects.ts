import { expect } from 'vitest';
import {
  READ_32,
  VERIFY_32,
  WRITE_32,
  WRITE_AND_VERIFY_32,
  WRITE_ATOMIC_32,
  type CdbDefinition,
  type Write32Cdb,
} from '../../../src/index.ts';
import { pattern, sameBytes } from '../harness.ts';
import { withTags } from '../protected.ts';
import { effect, STORED, type CommandEffect } from './command-effect.ts';

const LBA = 3;
const protection = 2;
const tags = {
  EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG: 0xffff_ffff,
  EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG: 0x1234,
};

/** What the 32-byte commands that write have in common. */
type Writing = Pick<
  Write32Cdb,
  'WRPROTECT' | 'LOGICAL_BLOCK_ADDRESS' | 'TRANSFER_LENGTH' | keyof typeof tags
>;

function writes(command: CdbDefinition<Writing>, blockCount: number, ...log: string[]): CommandEffect {
  const data = pattern(blockCount * 512, 99);
  const dataOut = withTags(data, 512, (index) => ({ application: 0x1234, reference: 0xffff_ffff + index }));
  const fields = { WRPROTECT: 1, LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: blockCount, ...tags };
  const check: CommandEffect['check'] = async ({ device, initiator }) => {
    expect(device.log).toEqual(log);
    expect(sameBytes(device.blocks(LBA, blockCount), data)).toBe(true);
    const cdb = READ_32.encode({ ...fields, RDPROTECT: 1 });
    expect(sameBytes((await initiator.send(cdb)).data, dataOut)).toBe(true);
  };
  return effect(command, fields, check, { dataOut, protection });
}

/** What each command does that is there with type 2 protection only. */
export const TYPE_2_EFFECTS: readonly CommandEffect[] = [
  effect(
    READ_32,
    { RDPROTECT: 1, LOGICAL_BLOCK_ADDRESS: LBA, TRANSFER_LENGTH: 1, ...tags },
    (_scene, { data }) => {
      const stored = STORED.subarray(LBA * 512, (LBA + 1) * 512);
      expect(sameBytes(data, Buffer.concat([stored, Buffer.alloc(8, 0xff)]))).toBe(true);
    },
    { protection },
  ),
  effect(
    VERIFY_32,
    { VRPROTECT: 1, LOGICAL_BLOCK_ADDRESS: LBA, VERIFICATION_LENGTH: 2 },
    ({ device }) => expect(device.log).toEqual(['read']),
    { protection },
  ),
  writes(WRITE_32, 2, 'write'),
  writes(WRITE_AND_VERIFY_32, 2, 'write-fua', 'read'),
  writes(WRITE_ATOMIC_32, 1, 'write'),
];
