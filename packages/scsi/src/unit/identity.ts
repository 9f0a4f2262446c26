/** Length of the id that a storage object is born with. */
export const IDENTITY_BYTES = 16;

/**
 * T10 VENDOR IDENTIFICATION. It is not registered with T10; a registered one would change every T10
 * designator.
 */
export const VENDOR_IDENTIFICATION = 'LUNBOX';

/**
 * The 24-bit company id of the NAA designators. IEEE has assigned none to this project, so the locally
 * administered bit (02h of the first byte) is set, which no assigned id has.
 */
export const NAA_COMPANY_ID = 0x024c42;

/**
 * What INQUIRY says about the identity of a logical unit. All of it follows from the object's random id
 * (T-N9).
 */
export interface UnitIdentity {
  /** 32 hexadecimal digits: the whole id. */
  readonly digits: string;
  /** NAA IEEE Registered Extended: 16 bytes, the last 100 bits of which are the first 100 bits of the id. */
  readonly naa: Uint8Array<ArrayBuffer>;
  /** The id itself, where it has the form of a UUID: a version from 1 to 8 and the variant of RFC 4122. */
  readonly uuid: Uint8Array | undefined;
}

/**
 * Derives digits and NAA from the id. Throws a RangeError when it is not {@link IDENTITY_BYTES} long.
 */
export function unitIdentity(id: Uint8Array): UnitIdentity {
  if (id.length !== IDENTITY_BYTES)
    throw new RangeError(`identity has ${id.length} bytes, not ${IDENTITY_BYTES}`);
  const hex = Buffer.from(id).toString('hex');
  const companyId = NAA_COMPANY_ID.toString(16).padStart(6, '0');
  const naa = Uint8Array.from(Buffer.from(`6${companyId}${hex.slice(0, 25)}`, 'hex'));
  return { digits: hex, naa, uuid: isUuid(id) ? Uint8Array.from(id) : undefined };
}

function isUuid(id: Uint8Array): boolean {
  const version = id[6]! >> 4;
  return version >= 1 && version <= 8 && id[8]! >> 6 === 0b10;
}

/** SPC-4 4.4.1: text fields hold the characters 20h to 7Eh only. Throws a RangeError for any other text. */
export function fittingText(name: string, value: string, maxLength: number): string {
  if (value.length <= maxLength && /^[\x20-\x7e]*$/.test(value)) return value;
  throw new RangeError(`${name} is not up to ${maxLength} printable ASCII characters`);
}
