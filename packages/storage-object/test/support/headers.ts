import type { ContainerHeader } from '../../src/header.ts';

/** A header with a different value in every field, to be changed where a test needs it. */
export function sampleHeader(change: Partial<ContainerHeader> = {}): ContainerHeader {
  const filled = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
  return {
    sequence: 7,
    features: { incompatible: 0, compatible: 2, autoclear: 4 },
    role: 1,
    identity: filled(0x11),
    origin: filled(0x22),
    generation: filled(0x33),
    writeSession: filled(0x44),
    capacityBytes: 0x1_4000_0000,
    dataOffset: 0x90_0000,
    blockSize: 4096,
    openState: 'open',
    stamp: {
      sizeBytes: 0x1_4090_0000,
      modifiedAtNs: 1_795_345_493_699_000_001n,
      inode: 0xfedc_ba98_7654_3210n,
      bornAtNs: 3n,
    },
    updatedAtMs: 1_795_345_493_700,
    opener: { host: 'näme', bootId: '00010203-0405-0607-0809-0a0b0c0d0e0f', pid: 4711 },
    regions: [{ type: 2, flags: 0, offset: 0x10_0000, lengthBytes: 0x80_0000 }],
    attributes: { name: 'disk', 'x-later': [1, { a: null }] },
    raw: new Uint8Array(4096),
    ...change,
  };
}
