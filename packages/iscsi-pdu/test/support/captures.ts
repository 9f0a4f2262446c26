import { readFileSync } from 'node:fs';

/** One PDU as tshark reads it: its field names less `iscsi.`, flags as 0 and 1. */
export type OraclePdu = Record<string, number | string[]>;

/** One direction of one captured TCP connection. */
export interface CapturedStream {
  name: string;
  from: 'initiator' | 'target';
  headerDigestFrom: number | null;
  bytes: Uint8Array;
  pdus: OraclePdu[];
}

const NAMES = ['open-iscsi', 'open-iscsi-chap-digests', 'libiscsi-tools', 'qemu', 'qemu-header-digest'];

function readStreams(name: string): CapturedStream[] {
  const text = readFileSync(new URL(`../fixtures/${name}.ndjson`, import.meta.url), 'utf8');
  const streams: CapturedStream[] = [];
  for (const line of text.trim().split('\n')) {
    const value = JSON.parse(line);
    if ('connection' in value) {
      const { connection, from, headerDigestFrom } = value;
      const bytes = new Uint8Array(Buffer.from(value.bytes, 'base64'));
      streams.push({ name: `${name} #${connection} ${from}`, from, headerDigestFrom, bytes, pdus: [] });
    } else {
      streams.at(-1)!.pdus.push(value);
    }
  }
  return streams;
}

/** Every stream of every capture under `test/fixtures`. */
export const capturedStreams: CapturedStream[] = NAMES.flatMap(readStreams);
