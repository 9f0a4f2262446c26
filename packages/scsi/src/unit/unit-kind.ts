/**
 * What a logical unit is to its initiators: a disk, a disk whose medium can be taken out, or a CD-ROM drive, whose
 * medium is read-only and can be taken out too.
 */
export type UnitKind = 'disk' | 'removable-disk' | 'cd-rom';

/** Every kind of unit. */
export const ALL_UNITS: readonly UnitKind[] = ['disk', 'removable-disk', 'cd-rom'];
/** Direct access block devices (SBC). */
export const DISKS: readonly UnitKind[] = ['disk', 'removable-disk'];
/** Units whose medium can be taken out. */
export const REMOVABLE_UNITS: readonly UnitKind[] = ['removable-disk', 'cd-rom'];
/** CD and DVD drives (MMC). */
export const CD_ROMS: readonly UnitKind[] = ['cd-rom'];

/** PERIPHERAL DEVICE TYPE of each kind (SPC-4 table 138). */
export const PERIPHERAL_DEVICE_TYPE: Readonly<Record<UnitKind, number>> = {
  disk: 0x00,
  'removable-disk': 0x00,
  'cd-rom': 0x05,
};

/** PRODUCT IDENTIFICATION that is not said otherwise. */
export const PRODUCTS: Readonly<Record<UnitKind, string>> = {
  disk: 'LUNBOX DISK',
  'removable-disk': 'LUNBOX DISK',
  'cd-rom': 'LUNBOX CD-ROM',
};

/** True when the medium can be taken out. */
export function isRemovable(kind: UnitKind): boolean {
  return kind !== 'disk';
}
