import { u16be, u8, type Layout } from 'buffer-layout';
import type { UnitKind } from '../unit/unit-kind.ts';
import { flags, structure, type Structure } from '../structure.ts';

/** Page codes of the mode pages that this device server has. */
export const ModePageCode = {
  READ_WRITE_ERROR_RECOVERY: 0x01,
  DISCONNECT_RECONNECT: 0x02,
  FORMAT_DEVICE: 0x03,
  RIGID_DISK_GEOMETRY: 0x04,
  VERIFY_ERROR_RECOVERY: 0x07,
  CACHING: 0x08,
  CONTROL: 0x0a,
  XOR_CONTROL: 0x10,
  POWER_CONDITION: 0x1a,
  INFORMATIONAL_EXCEPTIONS_CONTROL: 0x1c,
  MM_CAPABILITIES: 0x2a,
  ALL_PAGES: 0x3f,
} as const;

/** Subpage codes: of Control Extension, of Logical Block Provisioning (page 1Ch), and of all subpages. */
export const ModeSubpageCode = {
  NONE: 0x00,
  CONTROL_EXTENSION: 0x01,
  LOGICAL_BLOCK_PROVISIONING: 0x02,
  ALL_SUBPAGES: 0xff,
} as const;

/** The header of a mode page in page_0 format (SPC-4 table 456). */
export interface ModePageHeader {
  PS: number;
  SPF: number;
  PAGE_CODE: number;
  PAGE_LENGTH: number;
}

/** The header of a mode page in sub_page format (SPC-4 table 457). */
export interface ModeSubpageHeader extends ModePageHeader {
  SUBPAGE_CODE: number;
}

/** The parameters saveable bit, in byte 0 of every mode page. */
export const PS = 0x80;

/** What mode pages tell of a disk that no MODE SELECT can change. */
export interface DiskGeometry {
  readonly blockCount: number;
  readonly blockSize: number;
  /** True when the disk knows its space usage. */
  readonly tellsSpace: boolean;
  /** True when the disk has room for protection information. */
  readonly protectable: boolean;
  /** True when the medium can be taken out. */
  readonly removable: boolean;
  readonly kind: UnitKind;
  /** True while an initiator prevents that. */
  readonly removalPrevented: boolean;
}

/** A mode page of this device server: its default values and which bits MODE SELECT may change. */
export interface ModePageDefinition {
  readonly pageCode: number;
  readonly subpageCode: number;
  readonly structure: Structure<ModePageHeader>;
  readonly defaults: Uint8Array;
  /** The page with one bits where it can be changed, as MODE SENSE reports it with PC 01b. */
  readonly changeable: Uint8Array;
  /** The same for a disk that has room for protection information, where that is another. */
  readonly protectableChangeable?: Uint8Array;
  /** Fields that follow the size of the disk, where the page has such. */
  readonly geometry?: (disk: DiskGeometry) => Partial<ModePageHeader>;
  /** The values that fields may be set to, where not every one has a meaning. */
  readonly allowed?: Readonly<Record<string, readonly number[]>>;
  /** True for a page of disks that know their space usage. */
  readonly needsSpace?: boolean;
}

/** The layout of a page of `spanBytes` bytes in page_0 format; `fields` come after the header. */
export function pageLayout<T extends ModePageHeader>(
  spanBytes: number,
  fields: readonly Layout[],
): Structure<T> {
  return structure(spanBytes, [flags('PS', 'SPF', 'PAGE_CODE:6'), u8('PAGE_LENGTH'), ...fields]);
}

/** The layout of a page of `spanBytes` bytes in sub_page format. */
export function subpageLayout<T extends ModeSubpageHeader>(
  spanBytes: number,
  fields: readonly Layout[],
): Structure<T> {
  const header = [flags('PS', 'SPF', 'PAGE_CODE:6'), u8('SUBPAGE_CODE'), u16be('PAGE_LENGTH')];
  return structure(spanBytes, [...header, ...fields]);
}

/** What a page is by default, what of it can be changed, and what follows the disk. */
interface PageValues<T> {
  readonly defaults?: Partial<T>;
  readonly changeable?: Partial<T>;
  /** What can be changed besides, where the disk has room for protection information. */
  readonly protectable?: Partial<T>;
  readonly geometry?: (disk: DiskGeometry) => Partial<T>;
  readonly allowed?: Readonly<Partial<Record<keyof T & string, readonly number[]>>>;
}

/** A mode page of the device server; with a subpage code it has the sub_page format. */
export function definePage<T extends ModePageHeader>(
  layout: Structure<T>,
  pageCode: number,
  { defaults, changeable, protectable, geometry, allowed }: PageValues<T> = {},
  subpageCode: number = ModeSubpageCode.NONE,
): ModePageDefinition {
  const subpage = subpageCode !== ModeSubpageCode.NONE;
  const header: Partial<ModeSubpageHeader> = {
    SPF: subpage ? 1 : 0,
    PAGE_CODE: pageCode,
    SUBPAGE_CODE: subpageCode,
    PAGE_LENGTH: layout.spanBytes - (subpage ? 4 : 2),
  };
  return {
    pageCode,
    subpageCode,
    structure: layout,
    defaults: layout.encode({ ...defaults, ...header } as Partial<T>),
    changeable: layout.encode({ ...changeable, ...header } as Partial<T>),
    ...(protectable === undefined
      ? {}
      : { protectableChangeable: layout.encode({ ...changeable, ...protectable, ...header }) }),
    ...(geometry === undefined ? {} : { geometry }),
    ...(allowed === undefined ? {} : { allowed: allowed as Readonly<Record<string, readonly number[]>> }),
  };
}

/** The field of a page that has a value without a meaning, if any. */
export function meaninglessField(definition: ModePageDefinition, page: Uint8Array): string | undefined {
  const { structure: layout, allowed } = definition;
  if (allowed === undefined) return undefined;
  const fields: Readonly<Partial<Record<string, unknown>>> = { ...layout.decode(page) };
  return Object.keys(allowed).find((name) => allowed[name]?.includes(fields[name] as number) !== true);
}
