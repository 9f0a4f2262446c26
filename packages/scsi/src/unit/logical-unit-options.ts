import type { BlockDevice, Clock } from '@lunbox/block';
import type { ManagementAddress } from '../inquiry/path-vpd-pages.ts';
import type { SpaceSource } from './space-usage.ts';
import type { TaskLimits } from './task-set.ts';
import type { MediumStateStore } from './unfinished-operations.ts';
import type { UnitKind } from './unit-kind.ts';
import type { UnitStateStore } from './unit-state.ts';

/** What a medium is besides its device. */
export interface MediumOptions {
  /** Physical block to report, a power of two from the block size on; default 4096 bytes. */
  readonly physicalBlockBytes?: number;
  /**
   * How much the device writes whole or not at all, also when the power goes: whole blocks, up to 256 KiB. Default:
   * one block, which disks write whole.
   */
  readonly atomicWriteBytes?: number;
  /**
   * Tells how much space the unit takes and can get. Without it the Logical Block Provisioning log page and the
   * thresholds of thin provisioning are not there.
   */
  readonly space?: SpaceSource;
  /**
   * Where the medium keeps which FORMAT UNIT or SANITIZE was begun on it and has not ended well, so that it is unusable
   * in the next unit, too, and after a loss of power. Without one only this unit knows.
   */
  readonly mediumStateStore?: MediumStateStore;
}

/** What INQUIRY calls a unit, and what may change while it is served. */
export interface UnitNames {
  /** PRODUCT IDENTIFICATION, up to 16 characters. Default `LUNBOX DISK`, or `LUNBOX CD-ROM`. */
  readonly product?: string;
  /** PRODUCT REVISION LEVEL, up to 4 characters. Default `0001`. */
  readonly revision?: string;
}

/**
 * What NUMBER OF LOGICAL BLOCKS 0 of a WRITE SAME stands for: nothing, and the command is refused (WSNZ 1 of VPD page
 * B0h), so that a zero does not fill the rest of a disk by mistake; or the blocks from the LBA to the end of the medium
 * (SBC-3 6.6.4).
 */
export type WriteSameZero = 'refuse' | 'rest';

/** How a unit treats its medium. */
export interface UnitPolicy {
  /** Default `refuse`. */
  readonly writeSameZero?: WriteSameZero;
  /**
   * Most bytes that FORMAT UNIT and SANITIZE write and read in a second, so that other units of the same disk have the
   * rest of it: 1 MiB or more. What gives space back is not counted. Default: as fast as it goes.
   */
  readonly backgroundBytesPerSecond?: number;
}

/** Options of `LogicalUnit`. */
export interface LogicalUnitOptions extends MediumOptions, UnitNames, UnitPolicy, Partial<TaskLimits> {
  /** What the unit stores. Its blocks are of any size that devices have, of a `cd-rom` 2048 bytes. It stays open. */
  readonly device: BlockDevice;
  /**
   * What the unit is: `disk` by default. A `removable-disk` lets initiators and `eject` take its medium
   * out, and so does a `cd-rom`, which never writes.
   */
  readonly kind?: UnitKind;
  /** The random id that the object was born with, 16 bytes: the source of serial number and NAA. */
  readonly identity: Uint8Array;
  /** T10 VENDOR IDENTIFICATION, up to 8 characters. Default `LUNBOX`. */
  readonly vendor?: string;
  /**
   * PRODUCT SERIAL NUMBER, 1 to 32 characters; no two units may have the same. Default: the 32 hexadecimal digits of
   * the identity, of which the designators of the unit are made in any case.
   */
  readonly serialNumber?: string;
  /** Refuse every change with DATA PROTECT, also when the device would take it. */
  readonly readOnly?: boolean;
  /**
   * Where the unit keeps what must survive a loss of power: persistent reservations with APTPL, saved mode pages,
   * identifying information. Without one all of that is refused.
   */
  readonly stateStore?: UnitStateStore;
  /** Where people manage the unit, for VPD page 85h, which is not there without one. */
  readonly managementAddresses?: readonly ManagementAddress[];
  /** What commands are timed with, and where REPORT TIMESTAMP has the time from. Default: the machine's clock. */
  readonly clock?: Clock;
}
