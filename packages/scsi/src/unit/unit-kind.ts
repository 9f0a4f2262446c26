/** What a logical unit is to its initiators: a disk, or a disk whose medium can be taken out. */
export type UnitKind = 'disk' | 'removable-disk';

/** Every kind of unit. */
export const ALL_UNITS: readonly UnitKind[] = ['disk', 'removable-disk'];
/** Direct access block devices (SBC). */
export const DISKS: readonly UnitKind[] = ['disk', 'removable-disk'];
/** Units whose medium can be taken out. */
export const REMOVABLE_UNITS: readonly UnitKind[] = ['removable-disk'];

/** PERIPHERAL DEVICE TYPE of each kind (SPC-4 table 138). */
export const PERIPHERAL_DEVICE_TYPE: Readonly<Record<UnitKind, number>> = {
  disk: 0x00,
  'removable-disk': 0x00,
};

/** True when the medium can be taken out. */
export function isRemovable(kind: UnitKind): boolean {
  return kind !== 'disk';
}
