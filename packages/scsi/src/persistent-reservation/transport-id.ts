import { u16be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

interface TransportIdHeader {
  FORMAT_CODE: number;
  PROTOCOL_IDENTIFIER: number;
  ADDITIONAL_LENGTH: number;
}

/** The start of an iSCSI TransportID (SPC-4 tables 505 and 506). */
const transportIdHeader: Structure<TransportIdHeader> = structure(4, [
  flags('FORMAT_CODE:2', 'RESERVED:2', 'PROTOCOL_IDENTIFIER:4'),
  bytes(1),
  u16be('ADDITIONAL_LENGTH'),
]);

const HEADER_BYTES = 4;
const ISCSI = 0x5;
const FORMAT = { DEVICE: 0b00, PORT: 0b01 } as const;

/** SPC-4 7.6.4.6: ADDITIONAL LENGTH is at least 20, and a multiple of four. */
const MIN_ADDITIONAL_BYTES = 20;

/** iSCSI name of up to 223 bytes, separator, ISID of 12 digits, null, rounded up to a multiple of four. */
const MAX_ADDITIONAL_BYTES = 244;

/** The name of an iSCSI initiator port: iSCSI name, separator, ISID (RFC 7143 §2.4.1.1). */
const PORT_NAME = /^(.{1,223},i,0x)([0-9a-f]{1,12})$/;

const ISID_DIGITS = 12;

/**
 * The TransportID of an initiator port: format 01b for `iqn.…,i,0x<ISID>`, and 00b for a name without an
 * ISID. Throws a RangeError for a name longer than an iSCSI port name can be.
 */
export function buildTransportId(initiatorPort: string): Uint8Array<ArrayBuffer> {
  const name = Buffer.from(initiatorPort, 'utf8');
  const additionalBytes = Math.max(MIN_ADDITIONAL_BYTES, Math.ceil((name.length + 1) / 4) * 4);
  if (additionalBytes > MAX_ADDITIONAL_BYTES)
    throw new RangeError(`initiator port name of ${name.length} bytes`);
  const header = transportIdHeader.encode({
    FORMAT_CODE: initiatorPort.includes(',i,0x') ? FORMAT.PORT : FORMAT.DEVICE,
    PROTOCOL_IDENTIFIER: ISCSI,
    ADDITIONAL_LENGTH: additionalBytes,
  });
  return concatBytes([header, name, new Uint8Array(additionalBytes - name.length)]);
}

/**
 * Length in bytes of the iSCSI TransportID at `offset`, from its own length field; it may go beyond the end.
 */
export function transportIdBytes(list: Uint8Array, offset: number): number {
  return HEADER_BYTES + transportIdHeader.decode(list, offset).ADDITIONAL_LENGTH;
}

/**
 * The initiator port name in an iSCSI TransportID of format 01b, in lower case and with all 12 digits of the
 * ISID; undefined for anything else. Format 00b, which stands for all ports of an initiator, may be refused
 * (SPC-4 7.6.4.6).
 */
export function parseTransportId(transportId: Uint8Array): string | undefined {
  const header = transportIdHeader.decode(transportId);
  const { ADDITIONAL_LENGTH: additionalBytes } = header;
  if (header.PROTOCOL_IDENTIFIER !== ISCSI || header.FORMAT_CODE !== FORMAT.PORT) return undefined;
  if (additionalBytes < MIN_ADDITIONAL_BYTES || additionalBytes > MAX_ADDITIONAL_BYTES) return undefined;
  if (additionalBytes % 4 !== 0 || transportId.length < HEADER_BYTES + additionalBytes) return undefined;
  const padded = Buffer.from(transportId.subarray(HEADER_BYTES, HEADER_BYTES + additionalBytes));
  const [name = ''] = padded.toString('utf8').split('\0', 1);
  const [, start, isid] = PORT_NAME.exec(name.toLowerCase()) ?? [];
  return start === undefined || isid === undefined ? undefined : start + isid.padStart(ISID_DIGITS, '0');
}
