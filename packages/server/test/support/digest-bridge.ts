import { crc32c, readDigest, writeDigest } from '@lunbox/iscsi-pdu';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const bhsLength = 48;
const digestLength = 4;
const opcode = { loginRequest: 0x03, loginResponse: 0x23 } as const;
/** T and NSG=3 of a Login Response: full feature phase follows (RFC 7143 §11.13.1). */
const toFullFeature = 0x83;

/** What went through a {@link DigestBridge} so far. */
export interface DigestCounts {
  /** Connections that agreed on both digests. */
  logins: number;
  /** PDUs in full feature phase, either way; every one has a header digest. */
  pdus: number;
  /** Data digests that were added to PDUs for the target, and checked in PDUs from it. */
  added: number;
  checked: number;
  /** Connections cut because a digest of the target was wrong, or not agreed to. */
  wrong: number;
}

/** A relay that is listening. */
export interface DigestBridge {
  readonly host: string;
  readonly port: number;
  readonly counts: Readonly<DigestCounts>;
  close(): Promise<void>;
}

/**
 * Lets an initiator without data digests, which libiscsi is, speak to a target with both: offers `CRC32C` alone for
 * each digest in the initiator's login, adds data digests on the way to the target, checks them on the way back.
 * Header digests are the initiator's own: it has to offer them. PDUs are otherwise passed on as they are, one by one.
 */
export async function startDigestBridge(target: {
  readonly host: string;
  readonly port: number;
}): Promise<DigestBridge> {
  const counts: DigestCounts = { logins: 0, pdus: 0, added: 0, checked: 0, wrong: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (front) => {
    const behind = connect({ ...target, noDelay: true });
    relay(front, behind, counts);
    for (const socket of [front, behind]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, counts, close };
}

/** The digests of one connection; both begin with full feature phase. */
interface Digests {
  header: boolean;
  data: boolean;
}

function relay(front: Socket, behind: Socket, counts: DigestCounts): void {
  const agreed: Digests = { header: false, data: false };
  const active: Digests = { header: false, data: false };
  const toTarget = new PduCutter(
    () => ({ header: active.header, data: false }),
    (pdu) => {
      if (pdu.opcode === opcode.loginRequest) behind.write(withText(pdu, offerDigests));
      else behind.write(active.data ? addDataDigest(pdu, counts) : pdu.bytes);
    },
  );
  const toInitiator = new PduCutter(
    () => active,
    (pdu) => {
      if (pdu.opcode === opcode.loginResponse)
        front.write(withText(pdu, (text) => noteAnswers(text, agreed)));
      else front.write(active.data ? takeDataDigest(pdu, counts) : pdu.bytes);
      if (pdu.opcode !== opcode.loginResponse || !endsLogin(pdu)) return;
      if (!agreed.header || !agreed.data) throw new Error('the target did not agree to both digests');
      Object.assign(active, agreed);
      counts.logins++;
    },
  );
  for (const [from, to, cutter] of [
    [front, behind, toTarget] as const,
    [behind, front, toInitiator] as const,
  ]) {
    from.on('data', (chunk: Buffer) => {
      try {
        cutter.push(chunk);
      } catch {
        counts.wrong++;
        from.destroy();
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

/** One PDU as it came. */
interface Pdu {
  readonly bytes: Buffer;
  readonly opcode: number;
  /** Where the data segment starts: after BHS, AHS and header digest. */
  readonly dataAt: number;
  readonly dataLength: number;
}

/** Cuts one direction of a connection into PDUs. */
class PduCutter {
  readonly #digests: () => Digests;
  readonly #onPdu: (pdu: Pdu) => void;
  #pending: Buffer = Buffer.alloc(0);

  constructor(digests: () => Digests, onPdu: (pdu: Pdu) => void) {
    this.#digests = digests;
    this.#onPdu = onPdu;
  }

  push(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= bhsLength) {
      // Asked for each PDU: a login that ends switches digests on for the next one.
      const { header, data } = this.#digests();
      const dataLength = this.#pending.readUIntBE(5, 3);
      const dataAt = bhsLength + this.#pending.readUInt8(4) * 4 + (header ? digestLength : 0);
      const end = dataAt + padTo4(dataLength) + (data && dataLength > 0 ? digestLength : 0);
      if (this.#pending.length < end) return;
      const bytes = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end);
      this.#onPdu({ bytes, opcode: bytes.readUInt8(0) & 0x3f, dataAt, dataLength });
    }
  }
}

function addDataDigest({ bytes, dataAt, dataLength }: Pdu, counts: DigestCounts): Buffer {
  counts.pdus++;
  if (dataLength === 0) return bytes;
  counts.added++;
  const digest = Buffer.alloc(digestLength);
  writeDigest(digest, 0, crc32c(bytes.subarray(dataAt)));
  return Buffer.concat([bytes, digest]);
}

function takeDataDigest({ bytes, dataAt, dataLength }: Pdu, counts: DigestCounts): Buffer {
  counts.pdus++;
  if (dataLength === 0) return bytes;
  counts.checked++;
  const digestAt = bytes.length - digestLength;
  if (crc32c(bytes.subarray(dataAt, digestAt)) !== readDigest(bytes, digestAt)) {
    throw new Error('a data digest of the target is wrong');
  }
  return bytes.subarray(0, digestAt);
}

/** A login PDU with its text changed; its header, but for the length, stays. */
function withText({ bytes, dataAt, dataLength }: Pdu, change: (text: string) => string): Buffer {
  const text = Buffer.from(change(bytes.toString('latin1', dataAt, dataAt + dataLength)), 'latin1');
  const header = Buffer.from(bytes.subarray(0, dataAt));
  header.writeUIntBE(text.length, 5, 3);
  return Buffer.concat([header, text, Buffer.alloc(padTo4(text.length) - text.length)]);
}

/** `HeaderDigest` only where the initiator can do without `None`; data digests are this bridge's own. */
function offerDigests(text: string): string {
  return text
    .replace(/HeaderDigest=[^\0]*CRC32C[^\0]*/, 'HeaderDigest=CRC32C')
    .replace(/DataDigest=[^\0]*/, 'DataDigest=CRC32C');
}

function noteAnswers(text: string, agreed: Digests): string {
  agreed.header ||= /(^|\0)HeaderDigest=CRC32C\0/.test(text);
  agreed.data ||= /(^|\0)DataDigest=CRC32C\0/.test(text);
  return text.replace(/DataDigest=[^\0]*/, 'DataDigest=None');
}

function endsLogin({ bytes }: Pdu): boolean {
  return bytes.readUInt16BE(36) === 0 && (bytes.readUInt8(1) & toFullFeature) === toFullFeature;
}

function padTo4(length: number): number {
  return (length + 3) & ~3;
}
