import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';
import { discAddress, minuteSecondFrame } from './disc-address.ts';

/** FORMAT of READ TOC/PMA/ATIP (MMC-6 table 487). */
export const TocFormat = { TOC: 0b0000, SESSION_INFORMATION: 0b0001, FULL_TOC: 0b0010 } as const;

/** Track number of the lead-out. */
export const LEAD_OUT_TRACK = 0xaa;

/** ADR: the entry tells a position. CONTROL: a data track that was recorded in one go. */
const DATA_TRACK = { ADR: 1, CONTROL: 4 };

interface TocHeader {
  TOC_DATA_LENGTH: number;
  FIRST_TRACK_OR_SESSION: number;
  LAST_TRACK_OR_SESSION: number;
}

const tocHeader: Structure<TocHeader> = structure(4, [
  u16be('TOC_DATA_LENGTH'),
  u8('FIRST_TRACK_OR_SESSION'),
  u8('LAST_TRACK_OR_SESSION'),
]);

/** A track descriptor of formats 0 and 1 (MMC-6 tables 490, 491). */
export interface TocTrack {
  ADR: number;
  CONTROL: number;
  TRACK_NUMBER: number;
  /** Four bytes: an LBA, or a zero byte with minute, second and frame. */
  START_ADDRESS: Uint8Array;
}

const tocTrack: Structure<TocTrack> = structure(8, [
  bytes(1),
  flags('ADR:4', 'CONTROL:4'),
  u8('TRACK_NUMBER'),
  bytes(1),
  bytes(4, 'START_ADDRESS'),
]);

/** A TOC track descriptor of format 2 (MMC-6 table 492). */
export interface FullTocEntry {
  SESSION_NUMBER: number;
  ADR: number;
  CONTROL: number;
  POINT: number;
  PMIN: number;
  PSEC: number;
  PFRAME: number;
}

const fullTocEntry: Structure<FullTocEntry> = structure(11, [
  u8('SESSION_NUMBER'),
  flags('ADR:4', 'CONTROL:4'),
  u8('TNO'),
  u8('POINT'),
  bytes(4),
  u8('PMIN'),
  u8('PSEC'),
  u8('PFRAME'),
]);

/** POINT of the entries that are no track: first track, last track, start of the lead-out. */
const Point = { FIRST_TRACK: 0xa0, LAST_TRACK: 0xa1, LEAD_OUT: 0xa2 } as const;

/** A disc with one session of one track, which begins at block 0. */
export interface DiscLayout {
  readonly blockCount: number;
  /** Addresses as minute, second and frame. */
  readonly msf: boolean;
}

/** The TOC (format 0) from a track on: 0 or 1 for all of it, {@link LEAD_OUT_TRACK} for the lead-out alone. */
export function buildToc({ blockCount, msf }: DiscLayout, fromTrack: number): Uint8Array<ArrayBuffer> {
  const lead = { ...DATA_TRACK, TRACK_NUMBER: LEAD_OUT_TRACK, START_ADDRESS: discAddress(blockCount, msf) };
  const tracks = [tocTrack.encode(lead)];
  if (fromTrack !== LEAD_OUT_TRACK) tracks.unshift(firstTrack(msf));
  return withHeader(tracks);
}

/** Session information (format 1): the first track of the last session. */
export function buildSessionInformation({ msf }: Pick<DiscLayout, 'msf'>): Uint8Array<ArrayBuffer> {
  return withHeader([firstTrack(msf)]);
}

/** The full TOC (format 2), whose addresses are always minute, second and frame. */
export function buildFullToc({ blockCount }: Pick<DiscLayout, 'blockCount'>): Uint8Array<ArrayBuffer> {
  const entry = (POINT: number, [PMIN, PSEC, PFRAME]: readonly [number, number, number]): Uint8Array =>
    fullTocEntry.encode({ ...DATA_TRACK, SESSION_NUMBER: 1, POINT, PMIN, PSEC, PFRAME });
  return withHeader([
    entry(Point.FIRST_TRACK, [1, 0, 0]),
    entry(Point.LAST_TRACK, [1, 0, 0]),
    entry(Point.LEAD_OUT, minuteSecondFrame(blockCount)),
    entry(1, minuteSecondFrame(0)),
  ]);
}

/** Reads the tracks of a TOC of format 0 or 1; one that was cut off is left out. */
export function parseToc(data: Uint8Array): TocTrack[] {
  return entriesOf(tocTrack, data);
}

/** Reads the entries of a full TOC; one that was cut off is left out. */
export function parseFullToc(data: Uint8Array): FullTocEntry[] {
  return entriesOf(fullTocEntry, data);
}

function entriesOf<T>(entry: Structure<T>, data: Uint8Array): T[] {
  return decodeList(entry, data, tocHeader.spanBytes, 2 + tocHeader.decode(data).TOC_DATA_LENGTH);
}

function firstTrack(msf: boolean): Uint8Array<ArrayBuffer> {
  return tocTrack.encode({ ...DATA_TRACK, TRACK_NUMBER: 1, START_ADDRESS: discAddress(0, msf) });
}

function withHeader(entries: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concatBytes(entries);
  const header = tocHeader.encode({
    TOC_DATA_LENGTH: body.length + 2,
    FIRST_TRACK_OR_SESSION: 1,
    LAST_TRACK_OR_SESSION: 1,
  });
  return concatBytes([header, body]);
}
