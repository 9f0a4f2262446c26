/** Greatest LUN that the single-level addressing methods can name (SAM-5 4.7.7.3: 14 bits). */
export const MAX_LUN = 16_383;

/** What {@link decodeLun} returns for the REPORT LUNS well-known logical unit, C101h (SPC-4 8.2). */
export const REPORT_LUNS_WELL_KNOWN = -1;

/**
 * The 8 bytes of a single-level LUN: peripheral device addressing below 256, flat space addressing above
 * (SAM-5 4.7.7.2, 4.7.7.3). Throws a RangeError outside 0 to {@link MAX_LUN}.
 */
export function encodeLun(lun: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(lun) || lun < 0 || lun > MAX_LUN)
    throw new RangeError(`LUN ${lun} is not 0 to ${MAX_LUN}`);
  const bytes = new Uint8Array(8);
  bytes[0] = lun < 256 ? 0 : 0x40 | (lun >> 8);
  bytes[1] = lun & 0xff;
  return bytes;
}

/**
 * The number behind an 8-byte LUN. Both addressing methods are taken for any number, because initiators
 * differ in which they use below 256. Returns {@link REPORT_LUNS_WELL_KNOWN} for C101h, and undefined for a
 * LUN of several levels or of another method: no such unit exists here.
 */
export function decodeLun(bytes: Uint8Array): number | undefined {
  if ((bytes[2]! | bytes[3]! | bytes[4]! | bytes[5]! | bytes[6]! | bytes[7]!) !== 0) return undefined;
  const first = bytes[0]!;
  const second = bytes[1]!;
  if (first === 0) return second;
  if (first >> 6 === 0b01) return ((first & 0x3f) << 8) | second;
  return first === 0xc1 && second === 0x01 ? REPORT_LUNS_WELL_KNOWN : undefined;
}
