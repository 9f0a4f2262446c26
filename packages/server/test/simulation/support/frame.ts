import {
  BHS_LENGTH,
  crc32c,
  decodePdu,
  Opcode,
  readDataIn,
  readDataOut,
  readDigest,
  type DataInHeader,
  type DataInPdu,
  type DataOutHeader,
  type DataOutPdu,
  type Pdu,
} from '@lunbox/iscsi-pdu';

const DIGEST_LENGTH = 4;
const OPCODE_MASK = 0x3f;

/** Which digests a connection has in full feature phase. */
export interface Digests {
  readonly header: boolean;
  readonly data: boolean;
}

/** One PDU among bytes that travel; offsets count from the start of those bytes. */
export interface Frame {
  readonly pdu: Pdu;
  readonly start: number;
  /** End of the header with its digest. */
  readonly dataStart: number;
  /** End of data, padding and digest. */
  readonly end: number;
  /** Digests that cover it. */
  readonly digests: Digests;
  /** The network has damaged it. */
  damaged: 'header' | 'data' | undefined;
}

/** Data has the LUN of its command, if any (T-K6); nobody looks at it here. */
const NO_LUN = new Uint8Array(8);
const NO_DIGESTS: Digests = { header: false, data: false };

/**
 * Cuts whole PDUs apart, by the lengths in their headers and nothing else (RFC 7143 §11.2), and checks their
 * digests. `digests` is asked for each: the end of a login may be followed by the first PDU that has them. `complain`
 * hears of what is wrong.
 */
export function* framesOf(
  bytes: Uint8Array,
  digests: () => Digests,
  complain: (what: string) => void,
): Generator<Frame, void> {
  for (let at = 0; at < bytes.length;) {
    const opcode = (bytes[at] as number) & OPCODE_MASK;
    const login = opcode === Opcode.LOGIN_REQUEST || opcode === Opcode.LOGIN_RESPONSE;
    const frame = bytes.length - at < BHS_LENGTH ? undefined : frameAt(bytes, at, login, digests());
    if (frame === undefined || frame.end > bytes.length) {
      return complain(`a PDU is cut off after ${bytes.length - at} bytes`);
    }
    checkDigests(bytes, frame, complain);
    yield frame;
    at = frame.end;
  }
}

function frameAt(bytes: Uint8Array, start: number, login: boolean, agreed: Digests): Frame {
  const digests = login ? NO_DIGESTS : agreed;
  const headerEnd = start + BHS_LENGTH + 4 * (bytes[start + 4] as number);
  const dataLength = ((bytes[start + 5]! << 16) | (bytes[start + 6]! << 8) | bytes[start + 7]!) >>> 0;
  const dataStart = headerEnd + (digests.header ? DIGEST_LENGTH : 0);
  const padded = dataStart + ((dataLength + 3) & ~3);
  const end = padded + (digests.data && dataLength > 0 ? DIGEST_LENGTH : 0);
  const data = bytes.subarray(dataStart, dataStart + dataLength);
  const pdu = quickly(bytes, start, data) ?? decoded(bytes.slice(start, headerEnd), data, login);
  return { pdu, start, dataStart, end, digests, damaged: undefined };
}

function checkDigests(bytes: Uint8Array, frame: Frame, complain: (what: string) => void): void {
  const { start, dataStart, end, digests, pdu } = frame;
  if (digests.header) {
    const headerEnd = dataStart - DIGEST_LENGTH;
    if (crc32c(bytes.subarray(start, headerEnd)) !== readDigest(bytes, headerEnd)) {
      complain(`${pdu.type} with a wrong header digest`);
    }
  }
  if (digests.data && end > dataStart) {
    const dataEnd = end - DIGEST_LENGTH;
    if (crc32c(bytes.subarray(dataStart, dataEnd)) !== readDigest(bytes, dataEnd)) {
      complain(`${pdu.type} with a wrong data digest`);
    }
  }
}

/** The bytes change on their way, and what a header says is wanted later: it is decoded from a copy. */
function decoded(header: Uint8Array, data: Uint8Array, login: boolean): Pdu {
  return decodePdu(header, login ? data.slice() : data);
}

/** The PDUs that there are many of; a property test proves that both ways of decoding agree. */
function quickly(bytes: Uint8Array, start: number, data: Uint8Array): Pdu | undefined {
  const opcode = (bytes[start] as number) & OPCODE_MASK;
  if (opcode === Opcode.DATA_IN) {
    const pdu = { type: 'data-in', lun: NO_LUN, data } as DataInHeader & DataInPdu;
    readDataIn(bytes, start, pdu);
    return pdu;
  }
  if (opcode !== Opcode.DATA_OUT) return undefined;
  const pdu = { type: 'data-out', lun: NO_LUN, data } as DataOutHeader & DataOutPdu;
  readDataOut(bytes, start, pdu);
  return pdu;
}
