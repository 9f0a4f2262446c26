import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { flags, structure, type Structure } from '../structure.ts';

/** Codes of the vital product data pages that this package builds and reads. */
export const VpdPage = {
  SUPPORTED_VPD_PAGES: 0x00,
  UNIT_SERIAL_NUMBER: 0x80,
  DEVICE_IDENTIFICATION: 0x83,
  MANAGEMENT_NETWORK_ADDRESSES: 0x85,
  EXTENDED_INQUIRY_DATA: 0x86,
  MODE_PAGE_POLICY: 0x87,
  SCSI_PORTS: 0x88,
  THIRD_PARTY_COPY: 0x8f,
  BLOCK_LIMITS: 0xb0,
  BLOCK_DEVICE_CHARACTERISTICS: 0xb1,
  LOGICAL_BLOCK_PROVISIONING: 0xb2,
  REFERRALS: 0xb3,
  BLOCK_LIMITS_EXTENSION: 0xb7,
} as const;

interface VpdHeader {
  PERIPHERAL_QUALIFIER: number;
  PERIPHERAL_DEVICE_TYPE: number;
  PAGE_CODE: number;
  PAGE_LENGTH: number;
}

/** The first bytes of every VPD page (SPC-4 7.8.1). */
export const vpdHeader: Structure<VpdHeader> = structure(4, [
  flags('PERIPHERAL_QUALIFIER:3', 'PERIPHERAL_DEVICE_TYPE:5'),
  u8('PAGE_CODE'),
  u16be('PAGE_LENGTH'),
]);

/** A VPD page of a direct access block device. */
export function buildVpdPage(pageCode: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([vpdHeader.encode({ PAGE_CODE: pageCode, PAGE_LENGTH: body.length }), body]);
}

/** VPD page 00h: the codes of the pages there are, which must be in ascending order (SPC-4 7.8.15). */
export function buildSupportedPages(pageCodes: readonly number[]): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.SUPPORTED_VPD_PAGES, Uint8Array.from(pageCodes));
}

/** The page codes in the body of VPD page 00h. */
export function parseSupportedPages(body: Uint8Array): number[] {
  return [...body];
}

/** The serial number in the body of VPD page 80h, without the spaces and nulls around it. */
export function parseUnitSerialNumber(body: Uint8Array): string {
  return Buffer.from(body).toString('latin1').replaceAll('\0', ' ').trim();
}

/** VPD page 80h (SPC-4 7.8.16). */
export function buildUnitSerialNumber(serialNumber: string): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.UNIT_SERIAL_NUMBER, Buffer.from(serialNumber, 'latin1'));
}

/** A VPD page that was read. */
export interface ParsedVpdPage {
  readonly pageCode: number;
  /** What follows the header. */
  readonly body: Uint8Array;
  /** True when the data ends before the page does. */
  readonly truncated: boolean;
}

/**
 * Page code and body of a VPD page; a body cut off by the allocation length is as long as there are bytes.
 */
export function parseVpdPage(data: Uint8Array): ParsedVpdPage {
  const header = vpdHeader.decode(data);
  const start = vpdHeader.spanBytes;
  const end = start + header.PAGE_LENGTH;
  return { pageCode: header.PAGE_CODE, body: data.subarray(start, end), truncated: end > data.length };
}
