import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

const PAGE_BYTES = 4096;
/** Assumed where the kernel does not tell. */
const DEFAULT_ROOM_BYTES = 8 << 20;
/** A control group has dirty limits of its own, in proportion to its memory. */
const MEMORY_SHARE = 64;

/**
 * How many bytes may still become dirty before the kernel makes writers wait for the medium
 * (balance_dirty_pages): halfway between its two thresholds, as `/proc/vmstat` tells them. Costs some 50 µs.
 */
export function dirtyRoomBytes(): number {
  const constrained = process.constrainedMemory();
  const memoryBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.min(memoryBytes / MEMORY_SHARE, freeRunBytes(readVmstat()) ?? DEFAULT_ROOM_BYTES);
}

/** The room that the text of `/proc/vmstat` leaves, or undefined when it does not tell. */
export function freeRunBytes(vmstat: string): number | undefined {
  const pages = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(vmstat)?.[1]);
  const ceiling = (pages('nr_dirty_threshold') + pages('nr_dirty_background_threshold')) / 2;
  const room = (ceiling - pages('nr_dirty') - pages('nr_writeback')) * PAGE_BYTES;
  return Number.isNaN(room) ? undefined : Math.max(0, room);
}

function readVmstat(): string {
  try {
    return readFileSync('/proc/vmstat', 'latin1');
  } catch {
    return '';
  }
}
