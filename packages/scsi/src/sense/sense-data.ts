import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { additionalSenseName } from './additional-sense-names.ts';
import { SenseKey, senseKeyName } from './additional-sense.ts';
import {
  commandSpecificDescriptor,
  COMMAND_SPECIFIC_DESCRIPTOR,
  encodeCommandSpecific,
  encodeForwarded,
  FORWARDED_DESCRIPTOR,
  forwardedDescriptor,
  sourceOf,
  type ForwardedSense,
} from './copy-sense.ts';

/** The field that made a command an ILLEGAL REQUEST, or a copy COPY ABORTED (SPC-4 4.5.2.4.2, 4.5.2.4.5). */
export interface FieldPointer {
  /** True when the field is in the CDB, false when it is in the parameter list. */
  readonly inCdb: boolean;
  /** True when the offset counts from the start of the segment descriptor in hand; with COPY ABORTED only. */
  readonly inSegment?: boolean;
  /** Offset of the field's first byte. */
  readonly byteOffset: number;
  /** Most significant bit of the field in that byte, where it is not the whole byte. */
  readonly bit?: number;
}

/** Sense data, apart from its format. */
export interface SenseData {
  /** One of `SenseKey`. */
  readonly senseKey: number;
  readonly asc: number;
  readonly ascq: number;
  /** The INFORMATION field, when valid: for the block commands the LBA of the error. */
  readonly information?: number;
  /**
   * The COMMAND-SPECIFIC INFORMATION field. With COPY ABORTED it is the number of the segment that failed, with
   * COMPLETED the number of segments that were processed. Fixed format does not tell 0 from nothing.
   */
  readonly commandSpecific?: number;
  /** What a copy source or destination ended a command of the copy manager with. */
  readonly forwarded?: ForwardedSense;
  readonly fieldPointer?: FieldPointer;
  /** How far a background operation is, in 65 536ths; with NO SENSE and NOT READY (SPC-4 4.5.2.4.4). */
  readonly progress?: number;
  /** True when an earlier command, already answered with GOOD, failed (SPC-4 4.5.5). */
  readonly deferred?: boolean;
}

/** Fields of fixed format sense data. */
export interface FixedSense {
  VALID: number;
  RESPONSE_CODE: number;
  FILEMARK: number;
  EOM: number;
  ILI: number;
  SDAT_OVFL: number;
  SENSE_KEY: number;
  INFORMATION: number;
  ADDITIONAL_SENSE_LENGTH: number;
  COMMAND_SPECIFIC_INFORMATION: number;
  ADDITIONAL_SENSE_CODE: number;
  ADDITIONAL_SENSE_CODE_QUALIFIER: number;
  FIELD_REPLACEABLE_UNIT_CODE: number;
  SKSV: number;
  COMMAND_DATA: number;
  SD: number;
  BPV: number;
  BIT_POINTER: number;
  FIELD_POINTER: number;
}

/** Fixed format sense data (SPC-4 table 53). */
export const fixedSense: Structure<FixedSense> = structure(18, [
  flags('VALID', 'RESPONSE_CODE:7'),
  bytes(1),
  flags('FILEMARK', 'EOM', 'ILI', 'SDAT_OVFL', 'SENSE_KEY:4'),
  u32be('INFORMATION'),
  u8('ADDITIONAL_SENSE_LENGTH'),
  u32be('COMMAND_SPECIFIC_INFORMATION'),
  u8('ADDITIONAL_SENSE_CODE'),
  u8('ADDITIONAL_SENSE_CODE_QUALIFIER'),
  u8('FIELD_REPLACEABLE_UNIT_CODE'),
  flags('SKSV', 'COMMAND_DATA', 'SD', 'RESERVED', 'BPV', 'BIT_POINTER:3'),
  u16be('FIELD_POINTER'),
]);

/** Fields of the header of descriptor format sense data. */
export interface DescriptorSenseHeader {
  RESPONSE_CODE: number;
  SENSE_KEY: number;
  ADDITIONAL_SENSE_CODE: number;
  ADDITIONAL_SENSE_CODE_QUALIFIER: number;
  /** 1: sense data was left out. */
  SDAT_OVFL: number;
  ADDITIONAL_SENSE_LENGTH: number;
}

/** Descriptor format sense data header (SPC-4 table 28). */
export const descriptorSenseHeader: Structure<DescriptorSenseHeader> = structure(8, [
  flags('RESERVED', 'RESPONSE_CODE:7'),
  flags('RESERVED:4', 'SENSE_KEY:4'),
  u8('ADDITIONAL_SENSE_CODE'),
  u8('ADDITIONAL_SENSE_CODE_QUALIFIER'),
  flags('SDAT_OVFL', 'RESERVED:7'),
  bytes(2),
  u8('ADDITIONAL_SENSE_LENGTH'),
]);

/** Fields of an information sense data descriptor. */
export interface InformationDescriptor {
  DESCRIPTOR_TYPE: number;
  ADDITIONAL_LENGTH: number;
  VALID: number;
  INFORMATION: number;
}

/** Information sense data descriptor (SPC-4 table 31). */
export const informationDescriptor: Structure<InformationDescriptor> = structure(12, [
  u8('DESCRIPTOR_TYPE'),
  u8('ADDITIONAL_LENGTH'),
  flags('VALID', 'RESERVED:7'),
  bytes(1),
  nu64be('INFORMATION'),
]);

interface FieldPointerDescriptor {
  DESCRIPTOR_TYPE: number;
  ADDITIONAL_LENGTH: number;
  SKSV: number;
  COMMAND_DATA: number;
  SD: number;
  BPV: number;
  BIT_POINTER: number;
  FIELD_POINTER: number;
}

/** Sense key specific sense data descriptor with a field pointer (SPC-4 tables 33 and 35). */
const fieldPointerDescriptor: Structure<FieldPointerDescriptor> = structure(8, [
  u8('DESCRIPTOR_TYPE'),
  u8('ADDITIONAL_LENGTH'),
  bytes(2),
  flags('SKSV', 'COMMAND_DATA', 'SD', 'RESERVED', 'BPV', 'BIT_POINTER:3'),
  u16be('FIELD_POINTER'),
  bytes(1),
]);

/** DESCRIPTOR TYPE of the descriptors that are built and read here (SPC-4 table 30). */
export const INFORMATION_DESCRIPTOR = 0x00;
export const SENSE_KEY_SPECIFIC_DESCRIPTOR = 0x02;

const PROGRESS_KEYS: ReadonlySet<number> = new Set([SenseKey.NO_SENSE, SenseKey.NOT_READY]);

/** Progress is told in this many parts. */
const PROGRESS_PARTS = 0x1_0000;

/**
 * Sense data in fixed format: 18 bytes, and what a copy source or destination said. An `information` of more than 32
 * bits is left out (SPC-4 4.5.3).
 */
export function encodeFixedSense(sense: SenseData): Uint8Array<ArrayBuffer> {
  const { information, forwarded } = sense;
  const valid = information !== undefined && information <= 0xffff_ffff;
  const area =
    forwarded === undefined
      ? new Uint8Array(0)
      : concatBytes([
          Uint8Array.of(forwarded.status),
          forwarded.sense === undefined ? new Uint8Array(0) : encodeFixedSense(forwarded.sense),
        ]);
  const fixed = fixedSense.encode({
    VALID: valid ? 1 : 0,
    RESPONSE_CODE: sense.deferred === true ? 0x71 : 0x70,
    SENSE_KEY: sense.senseKey,
    INFORMATION: valid ? information : 0,
    ADDITIONAL_SENSE_LENGTH: fixedSense.spanBytes - 8 + area.length,
    COMMAND_SPECIFIC_INFORMATION: encodeCommandSpecific(
      sense.commandSpecific,
      forwarded,
      fixedSense.spanBytes,
    ),
    ADDITIONAL_SENSE_CODE: sense.asc,
    ADDITIONAL_SENSE_CODE_QUALIFIER: sense.ascq,
    ...senseKeySpecific(sense),
  });
  return concatBytes([fixed, area]);
}

/** Sense data in descriptor format: 8 bytes and a descriptor for each thing known. */
export function encodeDescriptorSense(sense: SenseData): Uint8Array<ArrayBuffer> {
  const descriptors: Uint8Array[] = [];
  if (sense.information !== undefined) {
    const fields = { ADDITIONAL_LENGTH: 0x0a, VALID: 1, INFORMATION: sense.information };
    descriptors.push(informationDescriptor.encode({ DESCRIPTOR_TYPE: INFORMATION_DESCRIPTOR, ...fields }));
  }
  if (sense.commandSpecific !== undefined) {
    const fields = { ADDITIONAL_LENGTH: 0x0a, COMMAND_SPECIFIC_INFORMATION: sense.commandSpecific };
    descriptors.push(
      commandSpecificDescriptor.encode({ DESCRIPTOR_TYPE: COMMAND_SPECIFIC_DESCRIPTOR, ...fields }),
    );
  }
  const specific = senseKeySpecific(sense);
  if (specific.SKSV === 1) {
    const fields = { ADDITIONAL_LENGTH: 0x06, ...specific };
    descriptors.push(
      fieldPointerDescriptor.encode({ DESCRIPTOR_TYPE: SENSE_KEY_SPECIFIC_DESCRIPTOR, ...fields }),
    );
  }
  if (sense.forwarded !== undefined)
    descriptors.push(encodeForwarded(sense.forwarded, encodeDescriptorSense));
  const body = concatBytes(descriptors);
  const header = descriptorSenseHeader.encode({
    RESPONSE_CODE: sense.deferred === true ? 0x73 : 0x72,
    SENSE_KEY: sense.senseKey,
    ADDITIONAL_SENSE_CODE: sense.asc,
    ADDITIONAL_SENSE_CODE_QUALIFIER: sense.ascq,
    ADDITIONAL_SENSE_LENGTH: body.length,
  });
  return concatBytes([header, body]);
}

/** Sense data in the format that the D_SENSE bit of the Control mode page asks for. */
export function encodeSense(sense: SenseData, descriptorFormat: boolean): Uint8Array<ArrayBuffer> {
  return descriptorFormat ? encodeDescriptorSense(sense) : encodeFixedSense(sense);
}

/**
 * Reads sense data of either format; bytes cut off by an allocation length read as zero. Returns undefined
 * when the response code is not one of 70h to 73h.
 */
export function parseSense(bytes: Uint8Array): SenseData | undefined {
  const responseCode = (bytes[0] ?? 0) & 0x7f;
  if (responseCode === 0x70 || responseCode === 0x71) return parseFixed(bytes);
  if (responseCode === 0x72 || responseCode === 0x73) return parseDescriptors(bytes);
  return undefined;
}

/** One line for people, e.g. `ILLEGAL REQUEST: INVALID FIELD IN CDB, CDB byte 1 bit 7`. */
export function describeSense(bytes: Uint8Array): string {
  const sense = parseSense(bytes);
  return sense === undefined ? 'no sense data' : describeSenseData(sense);
}

/** The same for sense data that has been read. */
export function describeSenseData(sense: SenseData): string {
  const parts = [`${senseKeyName(sense.senseKey)}: ${additionalSenseName(sense.asc, sense.ascq)}`];
  if (sense.information !== undefined) parts.push(`information ${sense.information}`);
  if (sense.commandSpecific !== undefined) {
    const what = sense.senseKey === SenseKey.COPY_ABORTED ? 'segment' : 'command-specific information';
    parts.push(`${what} ${sense.commandSpecific}`);
  }
  if (sense.fieldPointer !== undefined) parts.push(describePointer(sense.fieldPointer));
  if (sense.progress !== undefined) {
    parts.push(`${Math.floor((sense.progress * 100) / PROGRESS_PARTS)} % done`);
  }
  if (sense.deferred === true) parts.push('deferred');
  if (sense.forwarded !== undefined) {
    const { from, status, sense: said } = sense.forwarded;
    const what = said === undefined ? `status ${status.toString(16)}h` : describeSenseData(said);
    parts.push(`the copy ${from} said ${what}`);
  }
  return parts.join(', ');
}

function describePointer({ inCdb, inSegment, byteOffset, bit }: FieldPointer): string {
  const inList = inSegment === true ? 'segment descriptor' : 'parameter list';
  return `${inCdb ? 'CDB' : inList} byte ${byteOffset}${bit === undefined ? '' : ` bit ${bit}`}`;
}

/** A progress indication lies where the field pointer would (SPC-4 tables 35 and 37). */
function senseKeySpecific({ fieldPointer: pointer, progress }: SenseData): Partial<FixedSense> {
  if (progress !== undefined) return { SKSV: 1, FIELD_POINTER: progress };
  if (pointer === undefined) return {};
  return {
    SKSV: 1,
    COMMAND_DATA: pointer.inCdb ? 1 : 0,
    SD: pointer.inSegment === true ? 1 : 0,
    BPV: pointer.bit === undefined ? 0 : 1,
    BIT_POINTER: pointer.bit ?? 0,
    FIELD_POINTER: pointer.byteOffset,
  };
}

/** What the sense-key specific bytes say, which depends on the sense key. */
function specificOf(
  senseKey: number,
  fields: Omit<FieldPointerDescriptor, 'DESCRIPTOR_TYPE' | 'ADDITIONAL_LENGTH'>,
): Partial<SenseData> {
  if (fields.SKSV !== 1) return {};
  if (senseKey === SenseKey.ILLEGAL_REQUEST || senseKey === SenseKey.COPY_ABORTED) {
    return { fieldPointer: fieldPointerOf(fields) };
  }
  return PROGRESS_KEYS.has(senseKey) ? { progress: fields.FIELD_POINTER } : {};
}

function fieldPointerOf(
  fields: Omit<FieldPointerDescriptor, 'DESCRIPTOR_TYPE' | 'ADDITIONAL_LENGTH'>,
): FieldPointer {
  const pointer = {
    inCdb: fields.COMMAND_DATA === 1,
    ...(fields.SD === 1 ? { inSegment: true } : {}),
    byteOffset: fields.FIELD_POINTER,
  };
  return fields.BPV === 1 ? { ...pointer, bit: fields.BIT_POINTER } : pointer;
}

function parseFixed(bytes: Uint8Array): SenseData {
  const fields = fixedSense.decode(bytes);
  return {
    senseKey: fields.SENSE_KEY,
    asc: fields.ADDITIONAL_SENSE_CODE,
    ascq: fields.ADDITIONAL_SENSE_CODE_QUALIFIER,
    ...(fields.VALID === 1 ? { information: fields.INFORMATION } : {}),
    ...commandSpecificOf(fields, bytes),
    ...specificOf(fields.SENSE_KEY, fields),
    ...(fields.RESPONSE_CODE === 0x71 ? { deferred: true } : {}),
  };
}

/** With COPY ABORTED the first two bytes of the field tell where the status and sense data of a copy party are. */
function commandSpecificOf(fields: FixedSense, bytes: Uint8Array): Partial<SenseData> {
  const value = fields.COMMAND_SPECIFIC_INFORMATION;
  const copy = fields.SENSE_KEY === SenseKey.COPY_ABORTED;
  const commandSpecific = copy ? value & 0xffff : value;
  const at = copy ? value >>> 24 || (value >>> 16) & 0xff : 0;
  const end = Math.min(bytes.length, 8 + fields.ADDITIONAL_SENSE_LENGTH);
  return {
    ...(commandSpecific === 0 ? {} : { commandSpecific }),
    ...(at >= fixedSense.spanBytes && at < end
      ? { forwarded: forwardedOf(value >>> 24 === 0 ? 'destination' : 'source', bytes.subarray(at, end)) }
      : {}),
  };
}

/** A status byte, and sense data if there is any. */
function forwardedOf(from: ForwardedSense['from'], area: Uint8Array): ForwardedSense {
  const sense = parseSense(area.subarray(1));
  return { from, status: area[0]!, ...(sense === undefined ? {} : { sense }) };
}

function parseDescriptors(bytes: Uint8Array): SenseData {
  const header = descriptorSenseHeader.decode(bytes);
  const end = Math.min(bytes.length, descriptorSenseHeader.spanBytes + header.ADDITIONAL_SENSE_LENGTH);
  let found: Partial<SenseData> = {};
  for (let at = descriptorSenseHeader.spanBytes; at + 2 <= end; at += 2 + bytes[at + 1]!) {
    if (bytes[at] === INFORMATION_DESCRIPTOR) {
      const descriptor = informationDescriptor.decode(bytes, at);
      if (descriptor.VALID === 1) found = { ...found, information: descriptor.INFORMATION };
    }
    if (bytes[at] === COMMAND_SPECIFIC_DESCRIPTOR) {
      const { COMMAND_SPECIFIC_INFORMATION } = commandSpecificDescriptor.decode(bytes, at);
      found = { ...found, commandSpecific: COMMAND_SPECIFIC_INFORMATION };
    }
    if (bytes[at] === FORWARDED_DESCRIPTOR && at + 4 <= end) {
      const { SOURCE } = forwardedDescriptor.decode(bytes, at);
      const area = bytes.subarray(at + 3, Math.min(end, at + 2 + bytes[at + 1]!));
      found = { ...found, forwarded: forwardedOf(sourceOf(SOURCE), area) };
    }
    if (bytes[at] === SENSE_KEY_SPECIFIC_DESCRIPTOR) {
      const descriptor = fieldPointerDescriptor.decode(bytes, at);
      found = { ...found, ...specificOf(header.SENSE_KEY, descriptor) };
    }
  }
  return {
    senseKey: header.SENSE_KEY,
    asc: header.ADDITIONAL_SENSE_CODE,
    ascq: header.ADDITIONAL_SENSE_CODE_QUALIFIER,
    ...found,
    ...(header.RESPONSE_CODE === 0x73 ? { deferred: true } : {}),
  };
}
