import { isPromise, type Extent, type MaybePromise } from '@lunbox/block';
import { Status } from '../execution.ts';
import { readCovering } from '../media/covering-blocks.ts';
import { STEP_BYTES, UNMAP_STEP_BYTES } from '../media/in-steps.ts';
import type { Medium } from '../media/medium.ts';
import { firstExtent } from '../media/stored-steps.ts';
import { conflictsWithReservation } from '../persistent-reservation/conflict-rules.ts';
import { ProtectedDevice } from '../protection/protected-device.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { CheckConditionError, illegalRequest } from '../sense/check-condition-error.ts';
import { refuseWithoutMedium, writeProtected } from '../unit/medium-access.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { withinSpace } from '../unit/unit-rights.ts';
import { PartyFailure, type CopyRole } from './copy-failure.ts';

/** Reservations look at the CDB of one command only, which copies do not send. */
const NO_CDB = new Uint8Array(16);

/**
 * A unit as a copy reads or writes it: with everything that a READ or WRITE of the same initiator is checked for.
 *
 * Copies move user data alone, as 000b in RDPROTECT and WRPROTECT does: what is read from a unit that is formatted with
 * protection information is checked, and what is written there gets new protection information.
 */
export class CopyParty {
  readonly itl: ItlNexus;
  readonly role: CopyRole;
  readonly unit: LogicalUnit;
  /** Bytes of a logical block. */
  readonly blockSize: number;
  /** The one that the copy began with, also when another is put in. */
  readonly #medium: Medium;

  /** @param medium what a ROD token is of, when that is not in the unit of the nexus */
  constructor(itl: ItlNexus, role: CopyRole, medium: Medium = itl.unit.medium) {
    this.itl = itl;
    this.role = role;
    this.unit = itl.unit;
    this.blockSize = medium.blockSize;
    this.#medium = medium;
  }

  /** Throws a PartyFailure with what a READ or WRITE would end with now. */
  check(): void {
    const { itl, role, unit } = this;
    const { restriction } = itl.portGroup;
    if (restriction !== undefined && !restriction.runs.has('active')) {
      throw new PartyFailure(
        role,
        restriction.busy ? Status.BUSY : new CheckConditionError(restriction.sense),
      );
    }
    const access = role === 'source' ? 'reads' : 'changes';
    const reserved = unit.reservedBy !== undefined && unit.reservedBy !== itl;
    if (reserved || conflictsWithReservation(unit.persistent.state, itl.nexusName, access, NO_CDB)) {
      throw new PartyFailure(role, Status.RESERVATION_CONFLICT);
    }
    try {
      refuseWithoutMedium(unit, false);
      if (role === 'destination') this.#refuseWrites();
    } catch (error) {
      this.#fail(error, undefined);
    }
  }

  /** Fills `into` from `offset` on, which need not be the start of a block. */
  read(into: Uint8Array, offset: number): MaybePromise<void> {
    return this.#guarded(offset, () => {
      const { blockSize } = this;
      const medium = this.#medium;
      if (offset % blockSize === 0 && into.length % blockSize === 0) return medium.read([into], offset);
      const bytes = readCovering(medium, offset, into.length);
      if (isPromise(bytes)) return bytes.then((read) => into.set(read));
      into.set(bytes);
    });
  }

  /** The first extent of the blocks from the one of `offset` on, which need not be the start of a block. */
  extent(offset: number, lengthBytes: number): MaybePromise<Extent> {
    return this.#guarded(offset, () => {
      const { blockSize } = this;
      const start = Math.floor(offset / blockSize) * blockSize;
      const end = Math.ceil((offset + lengthBytes) / blockSize) * blockSize;
      return firstExtent(this.#medium, start, end - start);
    });
  }

  /** Stores whole blocks. */
  write(from: Uint8Array, offset: number): MaybePromise<void> {
    return this.#guarded(offset, () =>
      this.#within(offset, from.length, () => this.#medium.write([from], offset)),
    );
  }

  /** How many bytes to zero in one step. */
  get zeroStepBytes(): number {
    return this.#isProtected ? STEP_BYTES : UNMAP_STEP_BYTES;
  }

  /**
   * Whole blocks read as zeroes afterwards, without taking space where that is possible. It is not with protection
   * information: blocks without space have none.
   */
  zero(offset: number, lengthBytes: number): MaybePromise<void> {
    const mayUnmap = !this.#isProtected;
    const zero = (): MaybePromise<void> => this.#medium.writeZeroes(offset, lengthBytes, { mayUnmap });
    return this.#guarded(offset, () => (mayUnmap ? zero() : this.#within(offset, lengthBytes, zero)));
  }

  /** Puts bytes into a block, whose others stay. */
  patch(from: Uint8Array, offset: number): MaybePromise<void> {
    const { blockSize } = this;
    const start = Math.floor(offset / blockSize) * blockSize;
    return this.#guarded(offset, () =>
      this.#within(start, blockSize, () =>
        this.#medium.uninterrupted(start, blockSize, async (device) => {
          const block = await readCovering(device, start, blockSize);
          block.set(from, offset - start);
          await device.write([block], start);
        }),
      ),
    );
  }

  /** What was written is on the medium, where there is no write cache. */
  settle(): MaybePromise<void> {
    const { unit } = this;
    if (!unit.modes.writeCacheEnabled) return this.#guarded(undefined, () => this.#medium.flush());
  }

  get #isProtected(): boolean {
    const { device } = this.#medium;
    return device instanceof ProtectedDevice && device.type !== 0;
  }

  #refuseWrites(): void {
    if (this.itl.writeProtected) throw writeProtected();
    // RWWP (SPC-4 7.5.8): a copy cannot bring protection information.
    if (this.unit.plainWritesRefused)
      throw illegalRequest(AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE);
  }

  #within(offset: number, lengthBytes: number, work: () => MaybePromise<void>): MaybePromise<void> {
    return withinSpace(this.itl, offset, lengthBytes, work);
  }

  #guarded<T>(offset: number | undefined, work: () => MaybePromise<T>): MaybePromise<T> {
    try {
      const result = work();
      return isPromise(result) ? result.catch((error: unknown) => this.#fail(error, offset)) : result;
    } catch (error) {
      return this.#fail(error, offset);
    }
  }

  #fail(error: unknown, offset: number | undefined): never {
    const { itl, role, blockSize } = this;
    const lba = offset === undefined ? undefined : Math.floor(offset / blockSize);
    const condition =
      error instanceof CheckConditionError
        ? error
        : itl.checkCondition(error, role === 'source' ? 'read' : 'write', lba);
    throw new PartyFailure(role, condition);
  }
}
