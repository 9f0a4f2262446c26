import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { ServerError } from '../server-error.ts';
import { formatSize } from './size.ts';
import type { DiffEnd } from './snap-diff.ts';

/** A line of a diff. */
type DiffLine =
  { readonly event?: 'diff' } | DiffEnd | { readonly event?: never; offset: number; length: number };

/**
 * Prints a diff as it comes: its lines as they are, or the extents and what they come to. Throws a {@link ServerError}
 * when it was cut off.
 */
export async function printDiff(chunks: AsyncIterable<Uint8Array>, asJson: boolean): Promise<void> {
  let end: DiffEnd | undefined;
  for await (const line of createInterface({ input: Readable.from(chunks), crlfDelay: Infinity })) {
    const value = JSON.parse(line) as DiffLine;
    if (value.event === 'end') end = value;
    const text = asJson ? line : textOf(value);
    if (text !== undefined && !process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
  }
  if (end === undefined)
    throw new ServerError('SERVER_CONTROL_UNAVAILABLE', 'the list of changes was cut off; ask again');
}

function textOf(line: DiffLine): string | undefined {
  if (line.event === 'diff') return undefined;
  if (line.event === 'end') return `${line.extents} extents, ${formatSize(line.changedBytes)} changed`;
  return 'offset' in line ? `${line.offset} ${line.length}` : undefined;
}
