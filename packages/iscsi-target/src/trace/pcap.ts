import { parseAddress } from '../auth/ip-address.ts';
import type { Endpoint } from '../transport.ts';
import type { Packet } from './packet-ring.ts';

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const FILE_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;
const SNAP_LENGTH = 262_144;
/** LINKTYPE_RAW: a packet begins with its IP header; the version nibble tells IPv4 from IPv6. */
const LINK_TYPE_RAW = 101;

const TCP_HEADER_LENGTH = 20;
const TCP = 6;
const PSH_ACK = 0x18;
const WINDOW = 0xffff;
const HOP_LIMIT = 64;
/** Payload of one packet: with both headers it stays below the 65,535 bytes that the IP length field can say. */
const MAX_PAYLOAD = 65_400;

/** The header of a pcap file of raw IP packets, little-endian. */
export function pcapFileHeader(): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAP_LENGTH, true);
  view.setUint32(20, LINK_TYPE_RAW, true);
  return bytes;
}

/** One piece of a stream as pcap records, with TCP and IP headers that were never on a wire. */
export function pcapRecords(packet: Packet, data: Uint8Array, epochMs: number): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += MAX_PAYLOAD) {
    const segment = tcpSegment(packet, packet.sequence + at, data.subarray(at, at + MAX_PAYLOAD));
    records.push(record(ipPacket(...ends(packet), segment), epochMs + packet.atMs));
  }
  return records;
}

/** Source and destination of a piece. */
function ends({ flow, outgoing }: Packet): [Endpoint, Endpoint] {
  return outgoing ? [flow.local, flow.remote] : [flow.remote, flow.local];
}

function record(packet: Uint8Array, timeMs: number): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEADER_LENGTH + packet.length);
  const view = new DataView(bytes.buffer);
  const microseconds = Math.round(timeMs * 1000);
  view.setUint32(0, Math.floor(microseconds / 1_000_000), true);
  view.setUint32(4, microseconds % 1_000_000, true);
  view.setUint32(8, packet.length, true);
  view.setUint32(12, packet.length, true);
  bytes.set(packet, RECORD_HEADER_LENGTH);
  return bytes;
}

/** A segment without its checksum (RFC 9293 §3.1). Both streams begin at sequence number 1. */
function tcpSegment(packet: Packet, sequence: number, data: Uint8Array): Uint8Array {
  const [source, destination] = ends(packet);
  const bytes = new Uint8Array(TCP_HEADER_LENGTH + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source.port);
  view.setUint16(2, destination.port);
  view.setUint32(4, (sequence + 1) % 2 ** 32);
  view.setUint32(8, (packet.acknowledged + 1) % 2 ** 32);
  bytes[12] = (TCP_HEADER_LENGTH / 4) << 4;
  bytes[13] = PSH_ACK;
  view.setUint16(14, WINDOW);
  bytes.set(data, TCP_HEADER_LENGTH);
  return bytes;
}

function ipPacket(source: Endpoint, destination: Endpoint, segment: Uint8Array): Uint8Array {
  const [from, to] = addresses(source, destination);
  const header = from.length === 16 ? ipv6Header(segment) : ipv4Header(segment);
  const addressesAt = header.length - from.length - to.length;
  header.set(from, addressesAt);
  header.set(to, addressesAt + from.length);
  const view = new DataView(header.buffer);
  if (from.length === 4) view.setUint16(10, checksum(header));
  const pseudo = Uint8Array.from([...from, ...to, 0, TCP, segment.length >> 8, segment.length & 0xff]);
  new DataView(segment.buffer).setUint16(16, checksum(pseudo, segment));
  const packet = new Uint8Array(header.length + segment.length);
  packet.set(header);
  packet.set(segment, header.length);
  return packet;
}

/** Both addresses in bytes; a transport that knows no IP addresses has 0.0.0.0 at both ends. */
function addresses(source: Endpoint, destination: Endpoint): [Uint8Array, Uint8Array] {
  const from = parseAddress(source.address);
  const to = parseAddress(destination.address);
  if (from === undefined || to?.length !== from.length) return [new Uint8Array(4), new Uint8Array(4)];
  return [from, to];
}

/** RFC 791 §3.1, addresses and checksum left out. */
function ipv4Header(segment: Uint8Array): Uint8Array {
  const header = new Uint8Array(20);
  header[0] = 0x45;
  new DataView(header.buffer).setUint16(2, header.length + segment.length);
  header[8] = HOP_LIMIT;
  header[9] = TCP;
  return header;
}

/** RFC 8200 §3, addresses left out. */
function ipv6Header(segment: Uint8Array): Uint8Array {
  const header = new Uint8Array(40);
  header[0] = 0x60;
  new DataView(header.buffer).setUint16(4, segment.length);
  header[6] = TCP;
  header[7] = HOP_LIMIT;
  return header;
}

/** The internet checksum (RFC 1071) over pieces that have an even length, but for the last. */
function checksum(...pieces: Uint8Array[]): number {
  let sum = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; at += 2) sum += (piece[at]! << 8) | (piece[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
