import { nu64be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** PROVISIONING STATUS (SBC-3 5.6.2.2). */
export const ProvisioningStatus = { MAPPED: 0, DEALLOCATED: 1, ANCHORED: 2 } as const;

/** The state of a run of blocks. */
export interface LbaStatus {
  readonly lba: number;
  readonly blockCount: number;
  /** One of `ProvisioningStatus`. */
  readonly status: number;
}

interface LbaStatusHeader {
  PARAMETER_DATA_LENGTH: number;
}

/** GET LBA STATUS parameter data header (SBC-3 table 46). */
const lbaStatusHeader: Structure<LbaStatusHeader> = structure(8, [u32be('PARAMETER_DATA_LENGTH'), bytes(4)]);

interface LbaStatusDescriptor {
  LBA_STATUS_LOGICAL_BLOCK_ADDRESS: number;
  NUMBER_OF_LOGICAL_BLOCKS: number;
  PROVISIONING_STATUS: number;
}

/** LBA status descriptor (SBC-3 table 47). */
const lbaStatusDescriptor: Structure<LbaStatusDescriptor> = structure(16, [
  nu64be('LBA_STATUS_LOGICAL_BLOCK_ADDRESS'),
  u32be('NUMBER_OF_LOGICAL_BLOCKS'),
  flags('RESERVED:4', 'PROVISIONING_STATUS:4'),
  bytes(3),
]);

/** Length of the header. */
export const LBA_STATUS_HEADER_BYTES = 8;

/** Length of one descriptor. */
export const LBA_STATUS_DESCRIPTOR_BYTES = 16;

/** GET LBA STATUS parameter data; PARAMETER DATA LENGTH counts the bytes after itself. */
export function buildLbaStatus(runs: readonly LbaStatus[]): Uint8Array<ArrayBuffer> {
  const descriptors = runs.map((run) =>
    lbaStatusDescriptor.encode({
      LBA_STATUS_LOGICAL_BLOCK_ADDRESS: run.lba,
      NUMBER_OF_LOGICAL_BLOCKS: run.blockCount,
      PROVISIONING_STATUS: run.status,
    }),
  );
  const body = concatBytes(descriptors);
  return concatBytes([lbaStatusHeader.encode({ PARAMETER_DATA_LENGTH: body.length + 4 }), body]);
}

/** Reads GET LBA STATUS parameter data; a descriptor that was cut off is left out. */
export function parseLbaStatus(data: Uint8Array): LbaStatus[] {
  const declared = lbaStatusHeader.decode(data).PARAMETER_DATA_LENGTH + 4;
  const end = Math.min(declared, data.length);
  const runs: LbaStatus[] = [];
  for (
    let at = LBA_STATUS_HEADER_BYTES;
    at + LBA_STATUS_DESCRIPTOR_BYTES <= end;
    at += LBA_STATUS_DESCRIPTOR_BYTES
  ) {
    const fields = lbaStatusDescriptor.decode(data, at);
    runs.push({
      lba: fields.LBA_STATUS_LOGICAL_BLOCK_ADDRESS,
      blockCount: fields.NUMBER_OF_LOGICAL_BLOCKS,
      status: fields.PROVISIONING_STATUS,
    });
  }
  return runs;
}
