import { u16be, u32be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, flags, structure, type Structure } from '../structure.ts';
import { buildVpdPage, VpdPage } from './vpd-page.ts';

/** SERVICE TYPE of a management network address (SPC-4 table 619). */
export const ManagementService = {
  UNSPECIFIED: 0x0,
  STORAGE_CONFIGURATION: 0x1,
  DIAGNOSTICS: 0x2,
  STATUS: 0x3,
  LOGGING: 0x4,
  CODE_DOWNLOAD: 0x5,
  COPY_SERVICE: 0x6,
  ADMINISTRATIVE_CONFIGURATION: 0x7,
} as const;

/** Where a unit is managed, as VPD page 85h tells it. */
export interface ManagementAddress {
  /** One of {@link ManagementService}. */
  readonly service: number;
  /** A URL (RFC 3986), up to {@link MAX_MANAGEMENT_URL_BYTES} bytes of UTF-8 without a null. */
  readonly url: string;
}

/** Longest URL of a {@link ManagementAddress}, in bytes. */
export const MAX_MANAGEMENT_URL_BYTES = 1023;

/** Most addresses of a unit: the page has 16 bits for its length. */
export const MAX_MANAGEMENT_ADDRESSES = 16;

interface AddressHeader {
  ASSOCIATION: number;
  SERVICE_TYPE: number;
  NETWORK_ADDRESS_LENGTH: number;
}

/** Network services descriptor without its address (SPC-4 table 618). */
const addressHeader: Structure<AddressHeader> = structure(4, [
  flags('RESERVED', 'ASSOCIATION:2', 'SERVICE_TYPE:5'),
  bytes(1),
  u16be('NETWORK_ADDRESS_LENGTH'),
]);

/** VPD page 85h, Management Network Addresses (SPC-4 7.8.9), of the logical unit, by ascending service. */
export function buildManagementAddresses(addresses: readonly ManagementAddress[]): Uint8Array<ArrayBuffer> {
  const sorted = [...addresses].sort((a, b) => a.service - b.service);
  const descriptors = sorted.flatMap(({ service, url }) => {
    const utf8 = Buffer.from(url, 'utf8');
    // Null-terminated and padded to whole words.
    const padded = new Uint8Array(Math.ceil((utf8.length + 1) / 4) * 4);
    padded.set(utf8);
    return [addressHeader.encode({ SERVICE_TYPE: service, NETWORK_ADDRESS_LENGTH: padded.length }), padded];
  });
  return buildVpdPage(VpdPage.MANAGEMENT_NETWORK_ADDRESSES, concatBytes(descriptors));
}

/** The addresses in the body of VPD page 85h; one that was cut off is left out. */
export function parseManagementAddresses(body: Uint8Array): ManagementAddress[] {
  const addresses: ManagementAddress[] = [];
  for (let at = 0; at + addressHeader.spanBytes <= body.length;) {
    const { SERVICE_TYPE: service, NETWORK_ADDRESS_LENGTH: length } = addressHeader.decode(body, at);
    const start = at + addressHeader.spanBytes;
    at = start + length;
    if (at > body.length) break;
    const [url = ''] = Buffer.from(body.subarray(start, at)).toString('utf8').split('\0', 1);
    addresses.push({ service, url });
  }
  return addresses;
}

/** Throws a RangeError for addresses that VPD page 85h cannot tell. */
export function checkManagementAddresses(addresses: readonly ManagementAddress[]): void {
  if (addresses.length > MAX_MANAGEMENT_ADDRESSES) {
    throw new RangeError(`more than ${MAX_MANAGEMENT_ADDRESSES} management addresses`);
  }
  for (const { service, url } of addresses) {
    const known: boolean = Object.values<number>(ManagementService).includes(service);
    const lengthBytes = Buffer.byteLength(url);
    if (known && lengthBytes > 0 && lengthBytes <= MAX_MANAGEMENT_URL_BYTES && !url.includes('\0')) continue;
    throw new RangeError(`management address ${url} of service ${service}`);
  }
}

/** Body of VPD page B3h, Referrals (SBC-3 6.5.8). */
export interface Referrals {
  /** Blocks of a user data segment; 0 where the segments have no common size. */
  USER_DATA_SEGMENT_SIZE: number;
  /** Segments after which the same target port groups come again. */
  USER_DATA_SEGMENT_MULTIPLIER: number;
}

const referrals: Structure<Referrals> = structure(12, [
  bytes(4),
  u32be('USER_DATA_SEGMENT_SIZE'),
  u32be('USER_DATA_SEGMENT_MULTIPLIER'),
]);

/** VPD page B3h. */
export function buildReferralsPage(fields: Partial<Referrals>): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.REFERRALS, referrals.encode(fields));
}

/** Reads the body of VPD page B3h. */
export function parseReferralsPage(body: Uint8Array): Referrals {
  return referrals.decode(body);
}

/** Body of VPD page B7h, Block Limits Extension (SBC-4 6.6.5); 0 stands for what is not supported. */
export interface BlockLimitsExtension {
  /** 1: reduced stream control. */
  RSCS: number;
  MAXIMUM_NUMBER_OF_STREAMS: number;
  OPTIMAL_STREAM_WRITE_SIZE: number;
  STREAM_GRANULARITY_SIZE: number;
  MAXIMUM_SCATTERED_LBA_RANGE_TRANSFER_LENGTH: number;
  MAXIMUM_SCATTERED_LBA_RANGE_DESCRIPTOR_COUNT: number;
  MAXIMUM_SCATTERED_TRANSFER_LENGTH: number;
}

const blockLimitsExtension: Structure<BlockLimitsExtension> = structure(60, [
  bytes(1),
  flags('RESERVED:7', 'RSCS'),
  u16be('MAXIMUM_NUMBER_OF_STREAMS'),
  u16be('OPTIMAL_STREAM_WRITE_SIZE'),
  u32be('STREAM_GRANULARITY_SIZE'),
  bytes(2),
  u32be('MAXIMUM_SCATTERED_LBA_RANGE_TRANSFER_LENGTH'),
  bytes(2),
  u16be('MAXIMUM_SCATTERED_LBA_RANGE_DESCRIPTOR_COUNT'),
  u32be('MAXIMUM_SCATTERED_TRANSFER_LENGTH'),
  bytes(36),
]);

/** VPD page B7h. */
export function buildBlockLimitsExtension(fields: Partial<BlockLimitsExtension>): Uint8Array<ArrayBuffer> {
  return buildVpdPage(VpdPage.BLOCK_LIMITS_EXTENSION, blockLimitsExtension.encode(fields));
}

/** Reads the body of VPD page B7h; the fields that a short, older page lacks are zero. */
export function parseBlockLimitsExtension(body: Uint8Array): BlockLimitsExtension {
  return blockLimitsExtension.decode(body);
}
