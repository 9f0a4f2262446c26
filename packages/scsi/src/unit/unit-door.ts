import {
  BaseDevice,
  BlockError,
  isPromise,
  mapMaybe,
  type Extent,
  type MaybePromise,
  type SpaceAllowance,
} from '@lunbox/block';
import { firstDifference, readCovering } from '../media/covering-blocks.ts';
import type { Medium } from '../media/medium.ts';
import { reservationRules } from '../persistent-reservation/reservation-types.ts';
import { SenseKey } from '../sense/additional-sense.ts';
import { CheckConditionError } from '../sense/check-condition-error.ts';
import type { LogicalUnit } from './logical-unit.ts';
import { refuseWithoutMedium } from './medium-access.ts';
import { EVERY_RIGHT, type UnitRights } from './unit-rights.ts';

/** Options of {@link UnitDoor}. */
export interface UnitDoorOptions {
  /** Who came in, for people: such as `nbd 127.0.0.1:40000`. */
  readonly name: string;
  /** What they may do now; undefined when the unit does not exist for them any more. Default: everything. */
  readonly rights?: () => UnitRights | undefined;
  /** Changes are refused. Default false. */
  readonly readOnly?: boolean;
}

/** What {@link UnitDoor.compareAndWrite} found. */
export interface Comparison {
  /** True when the bytes were as expected, and have been replaced. */
  readonly matched: boolean;
  /** The first byte that differs, counted from the offset; 0 when all matched. */
  readonly differsAt: number;
}

/**
 * A logical unit as a block device, for who comes by another way than SCSI. It is one more user of the same medium: its
 * accesses and those of initiators exclude each other where they must (SBC-4 4.25), a flush covers the writes of
 * both, and what keeps an initiator that has not registered from the medium keeps these users from it too: reservations
 * of both kinds (`BLOCK_RESERVED`), write protection and the rights of the user (`BLOCK_READ_ONLY`), a quota
 * (`BLOCK_NO_SPACE`), a unit that is stopped or being formatted (`BLOCK_BUSY`).
 *
 * A door leads to the medium that is there when it is opened; when that goes, the door is closed (`BLOCK_CLOSED`).
 * Closing it flushes, and leaves the unit as it is.
 */
export class UnitDoor extends BaseDevice {
  /** What {@link UnitDoorOptions.name} says. */
  readonly name: string;
  readonly #unit: LogicalUnit;
  readonly #medium: Medium;
  readonly #rights: () => UnitRights | undefined;
  readonly #readOnly: boolean;
  readonly #endResize: () => void;

  /** @throws BlockError `BLOCK_CLOSED` when there is no medium, or the unit does not exist for the user. */
  constructor(unit: LogicalUnit, options: UnitDoorOptions) {
    super(unit.blockSize);
    this.name = options.name;
    this.#unit = unit;
    this.#medium = unit.medium;
    this.#rights = options.rights ?? (() => EVERY_RIGHT);
    this.#readOnly = options.readOnly ?? false;
    this.#check('open');
    this.#endResize = unit.device.onResize(() => this.announceResize());
    unit.doors.add(this);
  }

  /** Capacity of the medium in bytes. */
  override get size(): number {
    return this.#medium.device.size;
  }

  /** True when every change is refused; it can become so, and cease to be, while the door is open. */
  override get readOnly(): boolean {
    return this.#readOnly || this.#unit.writeProtected || this.#rights()?.writes !== true;
  }

  /**
   * Replaces bytes if they are what is expected, with nothing else in between: the counterpart of COMPARE AND WRITE
   * (SBC-4 5.3). Both have the same length, which is in whole blocks.
   *
   * Throws a BlockError as a write does.
   */
  compareAndWrite(
    expected: Uint8Array,
    data: Uint8Array,
    offset: number,
    options: { readonly fua?: boolean } = {},
  ): MaybePromise<Comparison> {
    const { length } = data;
    const { size, blockSize } = this;
    if (expected.length !== length || offset % blockSize !== 0 || length % blockSize !== 0)
      throw new BlockError('BLOCK_UNALIGNED', 'compareAndWrite: not in whole blocks', { offset, length });
    if (!(offset >= 0 && length <= size - offset))
      throw new BlockError('BLOCK_OUT_OF_RANGE', `compareAndWrite: leaves ${size} bytes`, { offset, length });
    const fua = options.fua === true || this.#writesThrough;
    return this.change('compareAndWrite', () =>
      this.#unit.betweenReservationChanges(() =>
        this.#changing('write', offset, length, true, () =>
          this.#medium.uninterrupted(offset, length, (device) =>
            mapMaybe(readCovering(device, offset, length), (stored) => {
              const differsAt = firstDifference(expected, stored);
              if (differsAt >= 0) return { matched: false, differsAt };
              return mapMaybe(device.write([data], offset, { fua }), () => ({ matched: true, differsAt: 0 }));
            }),
          ),
        ),
      ),
    );
  }

  protected readRange(into: readonly Uint8Array[], offset: number): MaybePromise<void> {
    this.#check('read');
    return guarded('read', () => this.#medium.read(into, offset));
  }

  protected writeRange(
    from: readonly Uint8Array[],
    offset: number,
    length: number,
    fua: boolean,
  ): MaybePromise<void> {
    const options = { fua: fua || this.#writesThrough };
    return this.#changing('write', offset, length, true, () => this.#medium.write(from, offset, options));
  }

  protected flushAll(): MaybePromise<void> {
    return guarded('flush', () => this.#medium.flush());
  }

  protected unmapRange(offset: number, length: number): MaybePromise<void> {
    return this.#changing('unmap', offset, length, false, () => this.#medium.unmap(offset, length));
  }

  protected zeroRange(offset: number, length: number, mayUnmap: boolean): MaybePromise<void> {
    const zero = (): MaybePromise<void> => this.#medium.writeZeroes(offset, length, { mayUnmap });
    return this.#changing('writeZeroes', offset, length, !mayUnmap, zero);
  }

  protected extentsOf(offset: number, length: number, limit: number): MaybePromise<Extent[]> {
    this.#check('extents');
    return guarded('extents', () => this.#medium.extents(offset, length, { limit }));
  }

  protected release(): void {
    this.#endResize();
    this.#unit.doors.delete(this);
  }

  /** Without a write cache every write is on the medium when it completes. */
  get #writesThrough(): boolean {
    return !this.#unit.modes.writeCacheEnabled;
  }

  /** Does a change as far as the user may fill the unit; one that takes space is refused beyond their quota. */
  #changing<T>(
    operation: string,
    offset: number,
    length: number,
    takesSpace: boolean,
    work: () => MaybePromise<T>,
  ): MaybePromise<T> {
    const { space } = this.#check(operation, 'change');
    if (this.#unit.plainWritesRefused)
      throw new BlockError(
        'BLOCK_READ_ONLY',
        `${operation}: only writes with protection information are let in`,
      );
    if (space === undefined || !takesSpace) return guarded(operation, work);
    return this.#within(space, { operation, offset, length }, work);
  }

  async #within<T>(
    space: SpaceAllowance,
    { operation, offset, length }: { operation: string; offset: number; length: number },
    work: () => MaybePromise<T>,
  ): Promise<T> {
    const reserved = await space.reserve(offset, length);
    try {
      // While it waited, somebody may have reserved the unit.
      this.#check(operation, 'change');
      return await guarded(operation, work);
    } finally {
      space.release(reserved);
    }
  }

  /** Throws what keeps the user from the medium now; answers what they may do. */
  #check(operation: string, kind: 'read' | 'change' = 'read'): UnitRights {
    const unit = this.#unit;
    const rights = this.#rights();
    if (rights === undefined || unit.medium !== this.#medium || !unit.tray.loaded)
      throw new BlockError('BLOCK_CLOSED', `${operation}: the disk is not there any more`, { operation });
    void guarded(operation, () => refuseWithoutMedium(unit, false));
    if (isReservedFrom(unit, kind))
      throw new BlockError('BLOCK_RESERVED', `${operation}: an initiator has the disk reserved`, {
        operation,
      });
    return rights;
  }
}

/** True when a reservation keeps who has not registered from reading, or from changing (SPC-4 5.12.1). */
function isReservedFrom(unit: LogicalUnit, kind: 'read' | 'change'): boolean {
  if (unit.reservedBy !== undefined) return true;
  const { reservation } = unit.persistent.state;
  if (reservation === undefined) return false;
  return kind === 'change' || reservationRules(reservation.type).exclusive === 'access';
}

/** Does `work`; what only SCSI has a word for becomes a BlockError. */
function guarded<T>(operation: string, work: () => MaybePromise<T>): MaybePromise<T> {
  try {
    const result = work();
    return isPromise(result) ? result.catch((error: unknown) => refuse(operation, error)) : result;
  } catch (error) {
    return refuse(operation, error);
  }
}

function refuse(operation: string, error: unknown): never {
  if (!(error instanceof CheckConditionError)) throw error;
  // Stopped, or being formatted; all others are of protection information that does not fit.
  const code = error.sense.senseKey === SenseKey.NOT_READY ? 'BLOCK_BUSY' : 'BLOCK_IO';
  throw new BlockError(code, `${operation}: ${error.message}`, { operation }, error);
}
