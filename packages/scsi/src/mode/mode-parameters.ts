import { nu64be, u16be, u24be, u32be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** Which commands a mode parameter list belongs to: the header of the 6-byte ones is shorter. */
export type ModeHeaderSize = 6 | 10;

/** DEVICE-SPECIFIC PARAMETER of a direct access block device (SBC-3 6.5.1). */
export const DeviceSpecific = { WP: 0x80, DPOFUA: 0x10 } as const;

interface ModeHeader {
  MODE_DATA_LENGTH: number;
  MEDIUM_TYPE: number;
  DEVICE_SPECIFIC_PARAMETER: number;
  LONGLBA: number;
  BLOCK_DESCRIPTOR_LENGTH: number;
}

/** Mode parameter header of the 6-byte commands (SPC-4 table 452). */
const modeHeader6: Structure<ModeHeader> = structure(4, [
  u8('MODE_DATA_LENGTH'),
  u8('MEDIUM_TYPE'),
  u8('DEVICE_SPECIFIC_PARAMETER'),
  u8('BLOCK_DESCRIPTOR_LENGTH'),
]);

/** Mode parameter header of the 10-byte commands (SPC-4 table 453). */
const modeHeader10: Structure<ModeHeader> = structure(8, [
  u16be('MODE_DATA_LENGTH'),
  u8('MEDIUM_TYPE'),
  u8('DEVICE_SPECIFIC_PARAMETER'),
  flags('RESERVED:7', 'LONGLBA'),
  bytes(1),
  u16be('BLOCK_DESCRIPTOR_LENGTH'),
]);

/** What a block descriptor says. */
export interface ModeBlockDescriptor {
  NUMBER_OF_LOGICAL_BLOCKS: number;
  LOGICAL_BLOCK_LENGTH: number;
}

/** Short LBA mode parameter block descriptor (SBC-3 table 183). */
const shortBlockDescriptor: Structure<ModeBlockDescriptor> = structure(8, [
  u32be('NUMBER_OF_LOGICAL_BLOCKS'),
  bytes(1),
  u24be('LOGICAL_BLOCK_LENGTH'),
]);

/** Long LBA mode parameter block descriptor (SBC-3 table 184). */
const longBlockDescriptor: Structure<ModeBlockDescriptor> = structure(16, [
  nu64be('NUMBER_OF_LOGICAL_BLOCKS'),
  bytes(4),
  u32be('LOGICAL_BLOCK_LENGTH'),
]);

/** A mode parameter list. */
export interface ModeParameters {
  /** See {@link DeviceSpecific}. */
  readonly deviceSpecific: number;
  /** True when block descriptors have the long form of 16 bytes. */
  readonly longLba: boolean;
  readonly blockDescriptor?: ModeBlockDescriptor;
  /** Whole mode pages, each with its own header. */
  readonly pages: readonly Uint8Array[];
}

/** The most that MODE DATA LENGTH of each size can count, and the field itself. */
const MAX_LIST_BYTES: Readonly<Record<ModeHeaderSize, number>> = { 6: 0x100, 10: 0x1_0001 };

/**
 * The bytes of a mode parameter list, MODE DATA LENGTH included. Pages that its 8 bits cannot count any more are left
 * out of a list of size 6.
 */
export function buildModeParameters(
  size: ModeHeaderSize,
  parameters: ModeParameters,
): Uint8Array<ArrayBuffer> {
  const header = size === 6 ? modeHeader6 : modeHeader10;
  const descriptor = encodeBlockDescriptor(parameters);
  let freeBytes = MAX_LIST_BYTES[size] - header.spanBytes - descriptor.length;
  const fitting = parameters.pages.filter((page) => (freeBytes -= page.length) >= 0);
  const body = concatBytes([descriptor, ...fitting]);
  const lengthFieldBytes = size === 6 ? 1 : 2;
  const fields = header.encode({
    MODE_DATA_LENGTH: header.spanBytes - lengthFieldBytes + body.length,
    DEVICE_SPECIFIC_PARAMETER: parameters.deviceSpecific,
    LONGLBA: parameters.longLba ? 1 : 0,
    BLOCK_DESCRIPTOR_LENGTH: descriptor.length,
  });
  return concatBytes([fields, body]);
}

/** A mode page as it lies in a parameter list. */
export interface ModePage {
  readonly pageCode: number;
  /** 0 for a page in page_0 format. */
  readonly subpageCode: number;
  /** Offset of the page in the parameter list. */
  readonly offset: number;
  /** The page with its header; shorter than it says when the list ends early. */
  readonly bytes: Uint8Array;
  /** True when the list ends before the page does. */
  readonly truncated: boolean;
}

/** A mode parameter list that was read. */
export interface ParsedModeParameters {
  /** MEDIUM TYPE: 00h for a block device. */
  readonly mediumType: number;
  readonly deviceSpecific: number;
  readonly blockDescriptorOffset: number;
  readonly blockDescriptorBytes: number;
  readonly longLba: boolean;
  /** Present when one descriptor of the length that LONGLBA asks for is there. */
  readonly blockDescriptor?: ModeBlockDescriptor;
  readonly pages: readonly ModePage[];
  /** True when the list ends before its header or its block descriptors do. */
  readonly truncated: boolean;
}

/** Reads a mode parameter list of either size, of MODE SENSE or MODE SELECT. */
export function parseModeParameters(size: ModeHeaderSize, list: Uint8Array): ParsedModeParameters {
  const layout = size === 6 ? modeHeader6 : modeHeader10;
  const header = layout.decode(list);
  const longLba = header.LONGLBA === 1;
  const descriptor = longLba ? longBlockDescriptor : shortBlockDescriptor;
  const start = layout.spanBytes;
  const pagesStart = start + header.BLOCK_DESCRIPTOR_LENGTH;
  const described = header.BLOCK_DESCRIPTOR_LENGTH === descriptor.spanBytes && pagesStart <= list.length;
  return {
    mediumType: header.MEDIUM_TYPE,
    deviceSpecific: header.DEVICE_SPECIFIC_PARAMETER,
    blockDescriptorOffset: start,
    blockDescriptorBytes: header.BLOCK_DESCRIPTOR_LENGTH,
    longLba,
    ...(described ? { blockDescriptor: descriptor.decode(list, start) } : {}),
    pages: parsePages(list, pagesStart),
    truncated: pagesStart > list.length,
  };
}

function encodeBlockDescriptor(parameters: ModeParameters): Uint8Array {
  const { blockDescriptor, longLba } = parameters;
  if (blockDescriptor === undefined) return new Uint8Array(0);
  if (longLba) return longBlockDescriptor.encode(blockDescriptor);
  const blocks = Math.min(blockDescriptor.NUMBER_OF_LOGICAL_BLOCKS, 0xffff_ffff);
  return shortBlockDescriptor.encode({ ...blockDescriptor, NUMBER_OF_LOGICAL_BLOCKS: blocks });
}

/**
 * SPC-4 7.5.4: page_0 format has a one-byte length at byte 1, sub_page format (SPF) a two-byte length at byte
 * 2.
 */
function parsePages(list: Uint8Array, start: number): ModePage[] {
  const pages: ModePage[] = [];
  for (let offset = start; offset < list.length;) {
    const first = list[offset]!;
    const subpage = (first & 0x40) !== 0;
    const second = list[offset + 1] ?? 0;
    const bodyBytes = subpage ? ((list[offset + 2] ?? 0) << 8) | (list[offset + 3] ?? 0) : second;
    const end = offset + (subpage ? 4 : 2) + bodyBytes;
    pages.push({
      pageCode: first & 0x3f,
      subpageCode: subpage ? second : 0,
      offset,
      bytes: list.subarray(offset, end),
      truncated: end > list.length,
    });
    offset = end;
  }
  return pages;
}
