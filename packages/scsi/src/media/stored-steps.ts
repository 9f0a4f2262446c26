import { mapMaybe, yieldTurn, type Extent, type MaybePromise } from '@lunbox/block';
import type { ScsiCommand } from '../execution.ts';
import { ProtectedDevice } from '../protection/protected-device.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import { inSteps, STEP_BYTES, TaskAbortedError } from './in-steps.ts';
import type { Medium } from './medium.ts';

/** What becomes of the pieces of a range. */
export interface StoredVisitor {
  /** Is given what is stored, in pieces of 1 MiB at most, with a buffer of that length to read them into. */
  readonly stored: (offset: number, into: Uint8Array) => MaybePromise<void>;
  /** Is given what reads as zeroes because it takes no space, in pieces of any length. */
  readonly hole: (offset: number, length: number) => void;
}

/**
 * The first of the extents of whole blocks. With protection information all is stored: a block without space is
 * checked like any other.
 */
export function firstExtent(medium: Medium, offset: number, length: number): MaybePromise<Extent> {
  const { device } = medium;
  const all: Extent = { offset, length, state: 'mapped' };
  if (device instanceof ProtectedDevice && device.type !== 0) return all;
  return mapMaybe(medium.extents(offset, length, { limit: 1 }), ([first = all]) => first);
}

/**
 * Visits whole blocks, which are to be read or to be known as zeroes: in steps as {@link inSteps} does it, with one
 * buffer for all of them. A range of one piece is not asked for holes, as reading it costs as little.
 */
export function inStoredSteps(
  itl: ItlNexus,
  command: ScsiCommand,
  range: { readonly offset: number; readonly length: number },
  visitor: StoredVisitor,
): MaybePromise<void> {
  const buffer = new Uint8Array(Math.min(STEP_BYTES, range.length));
  const visitStored = (offset: number, length: number): MaybePromise<void> =>
    visitor.stored(offset, buffer.subarray(0, length));
  if (range.length <= STEP_BYTES) return inSteps(command, range, STEP_BYTES, visitStored);
  return manyExtents(itl, command, range, (extent) => {
    if (extent.state === 'mapped') return inSteps(command, extent, STEP_BYTES, visitStored);
    visitor.hole(extent.offset, extent.length);
  });
}

async function manyExtents(
  itl: ItlNexus,
  command: ScsiCommand,
  range: { readonly offset: number; readonly length: number },
  visit: (extent: Extent) => MaybePromise<void>,
): Promise<void> {
  const { medium } = itl.unit;
  const end = range.offset + range.length;
  for (let offset = range.offset; offset < end;) {
    const extent = await itl.guarded('read', offset, () => firstExtent(medium, offset, end - offset));
    await visit(extent);
    offset = extent.offset + extent.length;
    await yieldTurn();
    if (command.aborted) throw new TaskAbortedError();
  }
}
