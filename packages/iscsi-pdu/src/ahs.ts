import { u16be, u32be } from 'buffer-layout';
import { bits, HeaderLayout, reserved } from './header-layout.ts';
import { PduError } from './pdu-error.ts';
import { WireBytes } from './wire-bytes.ts';

/** What the Additional Header Segments of a SCSI Command say (RFC 7143 §11.2.2). */
export interface AdditionalHeaders {
  /** The CDB from byte 16 on. */
  extendedCdb?: Uint8Array;
  bidirectionalReadLength?: number;
}

const AhsType = { EXTENDED_CDB: 1, BIDIRECTIONAL_READ: 2 } as const;

/** Bytes of AHSLength and AHSType, which AHSLength does not count (RFC 7143 §11.2.2.2). */
const UNCOUNTED = 3;

/** What both segments begin with; the bytes of an extended CDB follow (RFC 7143 §11.2.2.3). */
const prefix = new HeaderLayout([u16be('ahsLength'), bits(2, ['ahsType', 6]), reserved(1)]);
if (prefix.span !== 4) throw new Error(`an AHS prefix of ${prefix.span} bytes`);

/** RFC 7143 §11.2.2.4. */
const bidirectionalRead = new HeaderLayout([...prefix.parts, u32be('bidirectionalReadLength')]);
if (bidirectionalRead.span !== 8) throw new Error(`a bidirectional AHS of ${bidirectionalRead.span} bytes`);

/**
 * Takes the segments apart. `bytes` is all of them, a multiple of 4 bytes.
 *
 * @throws PduError `PDU_AHS` for a segment that runs past the end, is of an unassigned type, has a length
 * its type does not allow, or comes twice.
 */
export function decodeAhs(bytes: Uint8Array): AdditionalHeaders {
  const wire = WireBytes.over(bytes);
  const found: AdditionalHeaders = {};
  let offset = 0;
  while (offset < bytes.length) {
    const { ahsLength, ahsType } = prefix.decode(wire, offset) as { ahsLength: number; ahsType: number };
    const next = offset + ((ahsLength + UNCOUNTED + 3) & ~3);
    if (next > bytes.length) throw malformed(offset, 'runs past the end of the header');
    if (ahsType === AhsType.EXTENDED_CDB) {
      if (ahsLength < 2) throw malformed(offset, 'an extended CDB of less than 17 bytes');
      if (found.extendedCdb !== undefined) throw malformed(offset, 'a second extended CDB');
      found.extendedCdb = bytes.slice(offset + prefix.span, offset + UNCOUNTED + ahsLength);
    } else if (ahsType === AhsType.BIDIRECTIONAL_READ) {
      if (ahsLength !== 5) throw malformed(offset, `a bidirectional read length of ${ahsLength} bytes`);
      if (found.bidirectionalReadLength !== undefined)
        throw malformed(offset, 'a second bidirectional read length');
      found.bidirectionalReadLength = bidirectionalRead.decode(wire, offset)[
        'bidirectionalReadLength'
      ] as number;
    } else {
      throw malformed(offset, `type ${ahsType} is not assigned`);
    }
    offset = next;
  }
  return found;
}

/** Writes the segments, padded, extended CDB first; no bytes when there are none. */
export function encodeAhs(ahs: AdditionalHeaders): Uint8Array {
  const cdbLength = ahs.extendedCdb?.length ?? 0;
  const cdbSpan = cdbLength === 0 ? 0 : prefix.span + ((cdbLength + 3) & ~3);
  const bytes = new Uint8Array(
    cdbSpan + (ahs.bidirectionalReadLength === undefined ? 0 : bidirectionalRead.span),
  );
  const wire = WireBytes.over(bytes);
  if (ahs.extendedCdb !== undefined && cdbLength > 0) {
    prefix.encode({ ahsLength: cdbLength + 1, ahsType: AhsType.EXTENDED_CDB }, wire);
    bytes.set(ahs.extendedCdb, prefix.span);
  }
  if (ahs.bidirectionalReadLength !== undefined) {
    const { bidirectionalReadLength } = ahs;
    const fields = { ahsLength: 5, ahsType: AhsType.BIDIRECTIONAL_READ, bidirectionalReadLength };
    bidirectionalRead.encode(fields, wire, cdbSpan);
  }
  return bytes;
}

function malformed(offset: number, reason: string): PduError {
  return new PduError({ code: 'PDU_AHS', offset, reason });
}
