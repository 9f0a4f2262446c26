import { ioError } from '../io-error.ts';
import { writeNextHeader } from '../twin-headers.ts';
import type { LayoutPart } from './layout.ts';
import type { OpenPart } from './part.ts';

/**
 * Cuts the file of a part to what `leaf` has of it. The headers come first: one that told of more than the file has
 * would be taken for a damaged file.
 */
export async function shrinkPart(part: OpenPart, leaf: LayoutPart, nowMs: number): Promise<OpenPart> {
  const { path, file, current } = part;
  try {
    const change = { capacityBytes: leaf.sizeBytes, updatedAtMs: nowMs };
    const smaller = await writeNextHeader(file, current, change);
    // Its twin, too: it stands in when this one is damaged.
    const both = await writeNextHeader(file, smaller, {});
    await file.truncate(both.header.dataOffset + leaf.sizeBytes);
    await file.sync();
    return { ...part, leaf, current: both };
  } catch (error) {
    throw ioError('resize', path, error);
  }
}
