/**
 * Every way in which bytes from a peer, or a PDU to be sent, can be wrong, with the facts of the case.
 * `code` is stable; match on it.
 *
 * - `PDU_HEADER_LENGTH`: the header is not 48 bytes plus the AHS length that it declares.
 * - `PDU_OPCODE`: the opcode is not one of RFC 7143 §11.2.1.2.
 * - `PDU_AHS`: an Additional Header Segment is malformed, unknown, repeated or not allowed in this PDU.
 * - `PDU_AHS_TOO_LONG`: the declared AHS length is above the framer's limit.
 * - `PDU_DATA_LENGTH`: the data segment is not as long as the header declares, or the PDU must not have
 *   one.
 * - `PDU_DATA_SEGMENT_TOO_LONG`: the declared DataSegmentLength is above the receiver's limit.
 * - `PDU_HEADER_DIGEST`: the header digest does not match (RFC 7143 §7.8).
 * - `PDU_FIELD`: a field of a PDU to be encoded does not fit its place.
 * - `PDU_TEXT_MALFORMED`: key=value text breaks RFC 7143 §6.1.
 * - `PDU_TEXT_TOO_LONG`: continued key=value text is longer than the assembler's limit.
 */
export type PduErrorDetail =
  | { readonly code: 'PDU_HEADER_LENGTH'; readonly declared: number; readonly actual: number }
  | { readonly code: 'PDU_OPCODE'; readonly opcode: number }
  | { readonly code: 'PDU_AHS'; readonly offset: number; readonly reason: string }
  | { readonly code: 'PDU_AHS_TOO_LONG'; readonly length: number; readonly limit: number }
  | { readonly code: 'PDU_DATA_LENGTH'; readonly declared: number; readonly actual: number }
  | { readonly code: 'PDU_DATA_SEGMENT_TOO_LONG'; readonly length: number; readonly limit: number }
  | { readonly code: 'PDU_HEADER_DIGEST'; readonly expected: number; readonly received: number }
  | { readonly code: 'PDU_FIELD'; readonly field: string; readonly value: number }
  | { readonly code: 'PDU_TEXT_MALFORMED'; readonly offset: number; readonly reason: string }
  | { readonly code: 'PDU_TEXT_TOO_LONG'; readonly length: number; readonly limit: number };

/** The stable codes of {@link PduError}. */
export type PduErrorCode = PduErrorDetail['code'];

/** The one error class of this package: {@link PduErrorDetail} says what was wrong. */
export class PduError extends Error {
  override readonly name = 'PduError';
  readonly code: PduErrorCode;
  readonly detail: PduErrorDetail;

  constructor(detail: PduErrorDetail) {
    super(messageOf(detail));
    this.code = detail.code;
    this.detail = detail;
  }
}

function messageOf(detail: PduErrorDetail): string {
  const { code, ...facts } = detail;
  const listed = Object.entries(facts).map(([name, value]) => `${name}=${value}`);
  return `${code}: ${listed.join(', ')}`;
}
