import { fc, test } from '@fast-check/vitest';
import { MemoryDevice } from '@lunbox/block';
import { expect } from 'vitest';
import { READ_10, READ_12, READ_16, READ_6, WRITE_10, WRITE_12, WRITE_16, WRITE_6 } from '../../src/index.ts';
import { Harness } from '../support/harness.ts';

const transfers = [READ_6, READ_10, READ_12, READ_16, WRITE_6, WRITE_10, WRITE_12, WRITE_16];

/** Remembers where it was accessed. */
class RecordingDevice extends MemoryDevice {
  offset = -1;

  override read(into: readonly Uint8Array[], offset: number) {
    this.offset = offset;
    return super.read(into, offset);
  }

  override write(from: readonly Uint8Array[], offset: number) {
    this.offset = offset;
    return super.write(from, offset);
  }
}

const device = new RecordingDevice({ size: 2 ** 50 });
const { initiator } = new Harness(device);

test.prop([
  fc.constantFrom(...transfers),
  fc.record({ lba: fc.nat(2 ** 41 - 2 ** 16), blocks: fc.nat(2 ** 15), flags: fc.nat(0x1f) }),
])('what is read by hand from a READ or WRITE CDB is what its layout says', async (definition, fields) => {
  await initiator.settle();
  const shortLba = definition.lengthBytes === 6 ? 2 ** 21 : definition.lengthBytes === 16 ? 2 ** 41 : 2 ** 32;
  const cdb = definition.encode({
    LOGICAL_BLOCK_ADDRESS: fields.lba % shortLba,
    TRANSFER_LENGTH: fields.blocks % (definition.lengthBytes === 6 ? 256 : 2 ** 16),
  });
  if (definition.lengthBytes > 6) cdb[1]! |= fields.flags;
  const said = definition.decode(cdb);
  const blocks = said.TRANSFER_LENGTH || (definition.lengthBytes === 6 ? 256 : 0);
  const execution = await initiator.nexus.execute(new Uint8Array(8), initiator.command(cdb));
  if (execution.kind === 'finished') {
    expect(execution.status).toBe(0);
    expect(blocks).toBe(0);
    return;
  }
  expect(execution.lengthBytes).toBe(blocks * 512);
  if (execution.kind === 'data-in') await execution.read([new Uint8Array(512)], 0);
  else await execution.write([new Uint8Array(512)], 0);
  execution.end?.();
  expect(device.offset).toBe(said.LOGICAL_BLOCK_ADDRESS * 512);
});
