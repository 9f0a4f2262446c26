import { LogoutReason, Opcode, readU32, type FrameHeader } from '@lunbox/iscsi-pdu';

/** Every PDU of an initiator has its ExpStatSN here. */
const EXP_STAT_SN_OFFSET = 28;

/** The CID of a Logout Request (RFC 7143 §11.14.3). */
const CID_OFFSET = 20;

/**
 * What a PDU acknowledges on the connection `cid` that it came by. Undefined for a logout of another connection: its
 * ExpStatSN is that of the connection which it names (RFC 7143 §11.14.4).
 */
export function expStatSnOf({ opcode, bytes, offset }: FrameHeader, cid: number): number | undefined {
  const ofOther =
    opcode === Opcode.LOGOUT_REQUEST &&
    (bytes[offset + 1]! & 0x7f) !== LogoutReason.CLOSE_SESSION &&
    ((bytes[offset + CID_OFFSET]! << 8) | bytes[offset + CID_OFFSET + 1]!) !== cid;
  return ofOther ? undefined : readU32(bytes, offset + EXP_STAT_SN_OFFSET);
}
