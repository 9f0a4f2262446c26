import type { BlockDevice } from '@lunbox/block';

/** Default size of a grain: what is copied on a first write, whatever the write's own size. */
export const DEFAULT_GRAIN_BYTES = 65_536;

/** The content of a grain. Where the device ends within it, zeroes follow. */
export async function readGrain(device: BlockDevice, grain: number, grainBytes: number): Promise<Uint8Array> {
  const content = new Uint8Array(grainBytes);
  await readGrainInto(content, device, grain);
  return content;
}

/** Fills `content`, which is as long as a grain. Where the device ends within it, zeroes follow. */
export async function readGrainInto(content: Uint8Array, device: BlockDevice, grain: number): Promise<void> {
  const offset = grain * content.length;
  const length = Math.max(0, Math.min(content.length, device.size - offset));
  content.fill(0, length);
  if (length > 0) await device.read([content.subarray(0, length)], offset);
}
