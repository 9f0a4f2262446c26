/** Length of a block of user data on a CD or DVD. */
export const CD_BLOCK_BYTES = 2048;

/** Current profile of a drive (MMC-6 table 113). */
export const DiscProfile = { NONE: 0x0000, CD_ROM: 0x0008, DVD_ROM: 0x0010 } as const;

const FRAMES_PER_SECOND = 75;
const FRAMES_PER_MINUTE = 60 * FRAMES_PER_SECOND;
/** Addresses in minutes, seconds and frames begin two seconds before the first block. */
const PREGAP_FRAMES = 2 * FRAMES_PER_SECOND;

/** The longest CD that is common; what is larger is a DVD. */
export const MAX_CD_BLOCKS: number = 80 * FRAMES_PER_MINUTE;

/** What can be told at most: 255 minutes, 59 seconds, 74 frames. */
const MAX_FRAMES = 256 * FRAMES_PER_MINUTE - 1;

/** What a disc of so many blocks is; {@link DiscProfile.NONE} for 0. */
export function discProfile(blockCount: number): number {
  if (blockCount === 0) return DiscProfile.NONE;
  return blockCount <= MAX_CD_BLOCKS ? DiscProfile.CD_ROM : DiscProfile.DVD_ROM;
}

/** Minute, second and frame of a block; the last that there are for one that is further away, as on a DVD. */
export function minuteSecondFrame(lba: number): readonly [minute: number, second: number, frame: number] {
  const frames = Math.min(MAX_FRAMES, lba + PREGAP_FRAMES);
  const second = Math.floor(frames / FRAMES_PER_SECOND);
  return [Math.floor(second / 60), second % 60, frames % FRAMES_PER_SECOND];
}

/** The four bytes of an address: an LBA, or a zero byte with minute, second and frame. */
export function discAddress(lba: number, msf: boolean): Uint8Array {
  if (msf) return Uint8Array.of(0, ...minuteSecondFrame(lba));
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, lba);
  return bytes;
}
