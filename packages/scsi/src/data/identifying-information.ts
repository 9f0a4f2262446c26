import { u16be } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { bytes, decodeList, flags, structure, type Structure } from '../structure.ts';

/** INFORMATION TYPE of REPORT and SET IDENTIFYING INFORMATION (SPC-4 tables 60, 280). */
export const InformationType = {
  PERIPHERAL_DEVICE: 0x00,
  /** UTF-8 that ends with a null. */
  PERIPHERAL_DEVICE_TEXT: 0x02,
  /** Only reported: the types that there are. */
  SUPPORTED: 0x7f,
} as const;

/** An information type that a unit has. */
export interface IdentifyingType {
  readonly informationType: number;
  /** Most bytes of information of that type. */
  readonly maxBytes: number;
}

interface InformationHeader {
  INFORMATION_LENGTH: number;
}

/** SPC-4 tables 281 and 282: the start of both kinds of parameter data. */
const informationHeader: Structure<InformationHeader> = structure(4, [bytes(2), u16be('INFORMATION_LENGTH')]);

interface TypeDescriptor {
  INFORMATION_TYPE: number;
  MAXIMUM_INFORMATION_LENGTH: number;
}

/** SPC-4 table 283. */
const typeDescriptor: Structure<TypeDescriptor> = structure(4, [
  flags('INFORMATION_TYPE:7', 'RESERVED'),
  bytes(1),
  u16be('MAXIMUM_INFORMATION_LENGTH'),
]);

/** REPORT IDENTIFYING INFORMATION parameter data. */
export function buildIdentifyingInformation(information: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes([informationHeader.encode({ INFORMATION_LENGTH: information.length }), information]);
}

/** The information in REPORT IDENTIFYING INFORMATION parameter data, as far as it is there. */
export function parseIdentifyingInformation(data: Uint8Array): Uint8Array {
  const { INFORMATION_LENGTH } = informationHeader.decode(data);
  return data.subarray(informationHeader.spanBytes, informationHeader.spanBytes + INFORMATION_LENGTH);
}

/** REPORT IDENTIFYING INFORMATION SUPPORTED parameter data. */
export function buildIdentifyingTypes(types: readonly IdentifyingType[]): Uint8Array<ArrayBuffer> {
  const descriptors = types.map(({ informationType, maxBytes }) =>
    typeDescriptor.encode({
      INFORMATION_TYPE: informationType,
      MAXIMUM_INFORMATION_LENGTH: maxBytes,
    }),
  );
  return buildIdentifyingInformation(concatBytes(descriptors));
}

/** The types in REPORT IDENTIFYING INFORMATION SUPPORTED parameter data; one that is cut short is left out. */
export function parseIdentifyingTypes(data: Uint8Array): IdentifyingType[] {
  return decodeList(typeDescriptor, parseIdentifyingInformation(data)).map((fields) => ({
    informationType: fields.INFORMATION_TYPE,
    maxBytes: fields.MAXIMUM_INFORMATION_LENGTH,
  }));
}
