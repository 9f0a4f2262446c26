import { SnapshotError, type ChangedExtent } from '@lunbox/snapshot';
import { findSnapshot } from '../snapshot-luns.ts';
import type { SnapDesk } from './snap-desk.ts';

/** Bytes that go out together. */
const CHUNK_BYTES = 65_536;

/** The line that ends a list of extents: without it the list was cut off. */
export interface DiffEnd {
  readonly event: 'end';
  readonly extents: number;
  readonly changedBytes: number;
}

/**
 * What has changed since a snapshot, until a later one or now, as lines of JSON: one that says what is compared, one
 * for each extent, and a {@link DiffEnd}. No more of it is in memory than is on its way. Throws a SnapshotError
 * `SNAPSHOT_NOT_FOUND` before anything else.
 */
export function diffLines(desk: SnapDesk, snapshot: string, until?: string): AsyncGenerator<Uint8Array> {
  const { disk, set } = desk;
  const from = findSnapshot(set, snapshot);
  const to = until === undefined ? undefined : findSnapshot(set, until);
  const order = set.list().map(({ id }) => id);
  if (to !== undefined && order.indexOf(to.id) < order.indexOf(from.id)) {
    const message = `${to.name} is older than ${from.name}; name the older one first`;
    throw new SnapshotError('SNAPSHOT_NOT_FOUND', message, { snapshot });
  }
  const header = { event: 'diff', disk, from, to: to ?? null, sizeBytes: to?.sizeBytes ?? set.device.size };
  return inChunks(header, set.diff(from.id, to?.id));
}

async function* inChunks(header: object, extents: AsyncIterable<ChangedExtent>): AsyncGenerator<Uint8Array> {
  let text = `${JSON.stringify(header)}\n`;
  const end = { extents: 0, changedBytes: 0 };
  for await (const { offset, length } of extents) {
    text += `{"offset":${offset},"length":${length}}\n`;
    end.extents += 1;
    end.changedBytes += length;
    if (text.length < CHUNK_BYTES) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(`${text}${JSON.stringify({ event: 'end', ...end } satisfies DiffEnd)}\n`);
}
