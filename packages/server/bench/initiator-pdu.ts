/**
 * The PDU headers that the load generator needs (RFC 7143 §11), written and read by hand. It shares no code with
 * the codec of this repository on purpose: a judge that used the codec under test would share its mistakes.
 */

/** Length of a basic header segment. */
export const bhsLength = 48;
/** Length of a header or data digest. */
export const digestLength = 4;
/** The reserved tag of unsolicited PDUs. */
export const noTag = 0xffffffff;

/** Opcodes (RFC 7143 §11.2.1.2). Requests carry bit 0x40 when immediate. */
export const opcode = {
  nopOut: 0x00,
  command: 0x01,
  loginRequest: 0x03,
  dataOut: 0x05,
  logoutRequest: 0x06,
  nopIn: 0x20,
  response: 0x21,
  loginResponse: 0x23,
  dataIn: 0x25,
  logoutResponse: 0x26,
  r2t: 0x31,
  asyncMessage: 0x32,
  reject: 0x3f,
} as const;

const immediate = 0x40;
const final = 0x80;

/** The counters that every request carries. */
export interface RequestNumbers {
  readonly cmdSn: number;
  readonly expStatSn: number;
}

function begin(into: Buffer, at: number, firstByte: number, flags: number, dataLength: number): void {
  into.fill(0, at, at + bhsLength);
  into[at] = firstByte;
  into[at + 1] = flags;
  into.writeUIntBE(dataLength, at + 5, 3);
}

function number(into: Buffer, at: number, numbers: RequestNumbers): void {
  into.writeUInt32BE(numbers.cmdSn, at + 24);
  into.writeUInt32BE(numbers.expStatSn, at + 28);
}

/** SCSI Command (§11.3). Direction and final bits are in `flags`; the task attribute is SIMPLE. */
export function writeCommand(
  into: Buffer,
  at: number,
  fields: {
    readonly flags: number;
    readonly immediateLength: number;
    readonly lun: number;
    readonly itt: number;
    /** Expected data transfer length. */
    readonly lengthBytes: number;
    readonly cdb: Buffer;
  },
  numbers: RequestNumbers,
): void {
  begin(into, at, opcode.command, fields.flags | 1, fields.immediateLength);
  into[at + 9] = fields.lun;
  into.writeUInt32BE(fields.itt, at + 16);
  into.writeUInt32BE(fields.lengthBytes, at + 20);
  number(into, at, numbers);
  fields.cdb.copy(into, at + 32, 0, 16);
}

/** SCSI Data-Out (§11.7). */
export function writeDataOut(
  into: Buffer,
  at: number,
  fields: {
    readonly isFinal: boolean;
    readonly length: number;
    readonly lun: number;
    readonly itt: number;
    readonly ttt: number;
    readonly dataSn: number;
    readonly offset: number;
  },
  expStatSn: number,
): void {
  begin(into, at, opcode.dataOut, fields.isFinal ? final : 0, fields.length);
  into[at + 9] = fields.lun;
  into.writeUInt32BE(fields.itt, at + 16);
  into.writeUInt32BE(fields.ttt, at + 20);
  into.writeUInt32BE(expStatSn, at + 28);
  into.writeUInt32BE(fields.dataSn, at + 36);
  into.writeUInt32BE(fields.offset, at + 40);
}

/** NOP-Out (§11.18), immediate: a ping when `ttt` is reserved, else the answer to the target's ping. */
export function writeNopOut(
  into: Buffer,
  at: number,
  fields: { readonly lun: number; readonly itt: number; readonly ttt: number },
  numbers: RequestNumbers,
): void {
  begin(into, at, opcode.nopOut | immediate, final, 0);
  into[at + 9] = fields.lun;
  into.writeUInt32BE(fields.itt, at + 16);
  into.writeUInt32BE(fields.ttt, at + 20);
  number(into, at, numbers);
}

/** Logout Request (§11.14), immediate, closing the session. */
export function writeLogout(into: Buffer, at: number, itt: number, numbers: RequestNumbers): void {
  begin(into, at, opcode.logoutRequest | immediate, final, 0);
  into.writeUInt32BE(itt, at + 16);
  number(into, at, numbers);
}

/** What login settled, as far as sending data depends on it. */
export interface Negotiated {
  /** CRC32C of headers and data, in both directions. */
  readonly digests: boolean;
  readonly initialR2t: boolean;
  readonly immediateData: boolean;
  readonly firstBurstLength: number;
  /** The target's MaxRecvDataSegmentLength. */
  readonly sendSegmentLength: number;
}

/** The keys that libiscsi offers; with digests both, and nothing else, are offered. */
export function loginKeys(
  initiatorName: string,
  targetName: string,
  digests: boolean,
): Record<string, string> {
  const digest = digests ? 'CRC32C' : 'None';
  return {
    InitiatorName: initiatorName,
    TargetName: targetName,
    SessionType: 'Normal',
    HeaderDigest: digest,
    DataDigest: digest,
    InitialR2T: 'No',
    ImmediateData: 'Yes',
    MaxRecvDataSegmentLength: '262144',
    MaxBurstLength: '262144',
    FirstBurstLength: '262144',
    MaxOutstandingR2T: '1',
    MaxConnections: '1',
    DefaultTime2Wait: '2',
    DefaultTime2Retain: '0',
    DataPDUInOrder: 'Yes',
    DataSequenceInOrder: 'Yes',
    ErrorRecoveryLevel: '0',
  };
}

/** A whole Login Request (§11.12) that goes from operational negotiation to the full feature phase. */
export function loginRequest(
  isid: number,
  keys: Readonly<Record<string, string>>,
  numbers: RequestNumbers,
): Buffer {
  const text = Object.entries(keys)
    .map(([key, value]) => `${key}=${value}\0`)
    .join('');
  const pdu = Buffer.alloc(bhsLength + ((text.length + 3) & ~3));
  const operationalToFullFeature = (1 << 2) | 3;
  begin(pdu, 0, opcode.loginRequest | immediate, final | operationalToFullFeature, text.length);
  // An ISID of type 10b is "random" (§11.12.5); the number tells the sessions of one process apart.
  pdu[8] = 0x80;
  pdu.writeUIntBE(isid, 9, 3);
  number(pdu, 0, numbers);
  pdu.write(text, bhsLength, 'latin1');
  return pdu;
}

/** Reads a Login Response (§11.13): what was settled, or why the login is of no use. */
export function readLogin(header: Buffer, data: Buffer): Negotiated | Error {
  if (header.readUInt16BE(36) !== 0)
    return new Error(`login refused with status ${header.toString('hex', 36, 38)}`);
  if ((header.readUInt8(1) & 0x83) !== 0x83)
    return new Error('login did not reach the full feature phase at once');
  const pairs = new Map<string, string>();
  for (const pair of data.toString('latin1').split('\0')) {
    const equals = pair.indexOf('=');
    if (equals > 0) pairs.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  return {
    digests: pairs.get('HeaderDigest') === 'CRC32C' && pairs.get('DataDigest') === 'CRC32C',
    initialR2t: pairs.get('InitialR2T') !== 'No',
    immediateData: pairs.get('ImmediateData') !== 'No',
    firstBurstLength: Number(pairs.get('FirstBurstLength') ?? 65536),
    sendSegmentLength: Number(pairs.get('MaxRecvDataSegmentLength') ?? 8192),
  };
}
