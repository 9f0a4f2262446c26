import { nu64be, u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';

interface ReferralsHeader {
  USER_DATA_SEGMENT_REFERRAL_DESCRIPTOR_LENGTH: number;
}

/** The start of REPORT REFERRALS data (SBC-3 table 76). */
const referralsHeader: Structure<ReferralsHeader> = structure(4, [
  bytes(2),
  u16be('USER_DATA_SEGMENT_REFERRAL_DESCRIPTOR_LENGTH'),
]);

interface SegmentDescriptor {
  NUMBER_OF_TARGET_PORT_GROUP_DESCRIPTORS: number;
  FIRST_USER_DATA_SEGMENT_LBA: number;
  LAST_USER_DATA_SEGMENT_LBA: number;
}

/** User data segment referral descriptor without its groups (SBC-3 table 31). */
const segmentDescriptor: Structure<SegmentDescriptor> = structure(20, [
  bytes(3),
  u8('NUMBER_OF_TARGET_PORT_GROUP_DESCRIPTORS'),
  nu64be('FIRST_USER_DATA_SEGMENT_LBA'),
  nu64be('LAST_USER_DATA_SEGMENT_LBA'),
]);

/** Through which target port group a segment is reached, and how well (SBC-3 table 32). */
export interface SegmentPortGroup {
  ASYMMETRIC_ACCESS_STATE: number;
  TARGET_PORT_GROUP: number;
}

const segmentPortGroup: Structure<SegmentPortGroup> = structure(4, [
  flags('RESERVED:4', 'ASYMMETRIC_ACCESS_STATE:4'),
  bytes(1),
  u16be('TARGET_PORT_GROUP'),
]);

/** A run of blocks that are all reached in the same way. */
export interface ReferralSegment {
  readonly firstLba: number;
  readonly lastLba: number;
  readonly groups: readonly SegmentPortGroup[];
}

/** REPORT REFERRALS data. */
export function buildReferrals(segments: readonly ReferralSegment[]): Uint8Array<ArrayBuffer> {
  const body = concatBytes(
    segments.flatMap(({ firstLba, lastLba, groups }) => [
      segmentDescriptor.encode({
        NUMBER_OF_TARGET_PORT_GROUP_DESCRIPTORS: groups.length,
        FIRST_USER_DATA_SEGMENT_LBA: firstLba,
        LAST_USER_DATA_SEGMENT_LBA: lastLba,
      }),
      ...groups.map((group) => segmentPortGroup.encode(group)),
    ]),
  );
  const header = { USER_DATA_SEGMENT_REFERRAL_DESCRIPTOR_LENGTH: body.length };
  return concatBytes([referralsHeader.encode(header), body]);
}

/** Reads REPORT REFERRALS data; a segment that was cut off is left out. */
export function parseReferrals(data: Uint8Array): ReferralSegment[] {
  const start = referralsHeader.spanBytes;
  const length = referralsHeader.decode(data).USER_DATA_SEGMENT_REFERRAL_DESCRIPTOR_LENGTH;
  const end = Math.min(data.length, start + length);
  const segments: ReferralSegment[] = [];
  for (let at = start; at + segmentDescriptor.spanBytes <= end;) {
    const fields = segmentDescriptor.decode(data, at);
    const first = at + segmentDescriptor.spanBytes;
    at = first + fields.NUMBER_OF_TARGET_PORT_GROUP_DESCRIPTORS * segmentPortGroup.spanBytes;
    if (at > end) break;
    segments.push({
      firstLba: fields.FIRST_USER_DATA_SEGMENT_LBA,
      lastLba: fields.LAST_USER_DATA_SEGMENT_LBA,
      groups: decodeList(segmentPortGroup, data, first, at),
    });
  }
  return segments;
}
