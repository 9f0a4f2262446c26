import { mapMaybe, type MaybePromise } from '@lunbox/block';
import { VARIABLE_LENGTH, type CdbDefinition } from '../cdb/cdb-definition.ts';
import type { ExpectedTags } from '../cdb/variable-length-cdbs.ts';
import type { ProtectedDevice } from '../protection/protected-device.ts';
import {
  checkedFields,
  compareBlocks,
  comparedFields,
  NO_FIELDS,
  type BlockDifference,
} from '../protection/protect-fields.ts';
import {
  checkBlocks,
  joinBlocks,
  PROTECTION_BYTES,
  splitBlocks,
  type ProtectedBlocks,
  type ProtectionFields,
  type TagExpectation,
} from '../protection/protection-information.ts';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import { illegalRequest, invalidCdbField } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { Medium } from './medium.ts';

/** The field of a CDB that says what becomes of protection information. */
export type ProtectField = 'RDPROTECT' | 'WRPROTECT' | 'VRPROTECT' | 'ORPROTECT';

/** What a command asks for. */
export interface ProtectRequest {
  /** Value of the field. */
  readonly protect: number;
  /** First block of the command. */
  readonly lba: number;
  /** What a 32-byte CDB expects. */
  readonly expected?: ExpectedTags;
}

/**
 * How one command reads, checks and writes blocks of a unit with protection information: by the value of its PROTECT
 * field, and by the tags that it expects.
 */
export class ProtectedAccess {
  readonly itl: ItlNexus;
  readonly device: ProtectedDevice;
  /** The medium that was there when the command came. */
  readonly medium: Medium;
  /** True when each block travels with its protection information after it. */
  readonly carriesTags: boolean;
  /** Length of a block on its way. */
  readonly unitBytes: number;
  readonly #request: ProtectRequest;
  readonly #fields: ProtectionFields;

  private constructor(
    itl: ItlNexus,
    device: ProtectedDevice,
    request: ProtectRequest,
    fields: ProtectionFields,
  ) {
    this.itl = itl;
    this.medium = itl.unit.medium;
    this.device = device;
    this.carriesTags = request.protect !== 0;
    this.unitBytes = device.blockSize + (this.carriesTags ? PROTECTION_BYTES : 0);
    this.#request = request;
    this.#fields = fields;
  }

  /**
   * Refuses what the formatting of the unit does not allow (SBC-3 4.22.2): INVALID FIELD IN CDB without protection
   * information and for reserved values; INVALID COMMAND OPERATION CODE for the commands of type 2 on other units,
   * and for other commands that carry protection information on units of type 2.
   */
  static open<T>(
    itl: ItlNexus,
    cdb: CdbDefinition<T>,
    field: ProtectField & keyof T,
    request: ProtectRequest,
  ): ProtectedAccess {
    const { protection } = itl.unit;
    if (protection === undefined || protection.type === 0) throw invalidCdbField(cdb, field);
    if (protection.type === 2 && cdb.operationCode !== VARIABLE_LENGTH) {
      throw illegalRequest(AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE);
    }
    const fields = checkedFields(request.protect);
    if (fields === undefined) throw invalidCdbField(cdb, field);
    return new ProtectedAccess(itl, protection, request, fields);
  }

  /** Byte offset of a block on the device. */
  offsetOf(lba: number): number {
    return lba * this.device.blockSize;
  }

  /**
   * Reads blocks; the fields that the command asks for are checked.
   *
   * @param comparing the data is compared with what the initiator sends, whose protection information is checked
   * instead when it sends any (SBC-3 table 100)
   */
  read(lba: number, blockCount: number, comparing = false): MaybePromise<ProtectedBlocks> {
    const { plainChecksDisabled } = this.device.settings;
    const unchecked = this.carriesTags ? comparing : plainChecksDisabled;
    const fields = unchecked ? NO_FIELDS : this.#fields;
    const offset = this.offsetOf(lba);
    return this.itl.guarded('read', offset, () =>
      this.device.readProtected(lba, blockCount, fields, this.#expected(lba)),
    );
  }

  /** Blocks as they travel. */
  toWire(blocks: ProtectedBlocks): Uint8Array {
    return this.carriesTags ? joinBlocks(blocks) : blocks.data;
  }

  /** Blocks as they came; without protection information there is none in them. */
  fromWire(wire: Uint8Array): ProtectedBlocks {
    return this.carriesTags
      ? splitBlocks(wire, this.device.blockSize)
      : { data: wire, tags: new Uint8Array((wire.length / this.device.blockSize) * PROTECTION_BYTES) };
  }

  /** Takes blocks that came for `lba`, and checks what they came with. */
  received(lba: number, wire: Uint8Array): ProtectedBlocks {
    const blocks = this.fromWire(wire);
    if (this.carriesTags) checkBlocks(blocks, this.device.type, lba, this.#fields, this.#expected(lba));
    return blocks;
  }

  /** Stores blocks with the protection information that they came with. */
  write(lba: number, blocks: ProtectedBlocks, fua: boolean): MaybePromise<void> {
    const offset = this.offsetOf(lba);
    return this.itl.guarded('write', offset, () => {
      this.medium.changed(offset, blocks.data.length);
      return this.device.writeProtected(lba, blocks, fua);
    });
  }

  /** Compares what came with what is stored (SBC-3 table 102). */
  compare(expected: ProtectedBlocks, found: ProtectedBlocks): BlockDifference | undefined {
    const { settings, type } = this.device;
    return compareBlocks(
      expected,
      found,
      comparedFields(this.#request.protect, type, settings.applicationTagOwned),
    );
  }

  /** Does `work` on blocks while no uninterrupted action of others touches them. */
  inTurn<T>(lba: number, blockCount: number, work: () => MaybePromise<T>): MaybePromise<T> {
    return this.medium.inTurn(this.offsetOf(lba), blockCount * this.device.blockSize, work);
  }

  /** Reads back what was written, and compares all of it. */
  verifyWritten(lba: number, written: ProtectedBlocks): MaybePromise<BlockDifference | undefined> {
    const blockCount = written.tags.length / PROTECTION_BYTES;
    const found = this.device.readProtected(lba, blockCount, NO_FIELDS, this.#expected(lba));
    const all = { guard: true, application: true, reference: true };
    return mapMaybe(found, (stored) => compareBlocks(written, stored, all));
  }

  /** SBC-3 table 57: who knows the reference tag depends on the type; the application tag, on ATO. */
  #expected(lba: number): TagExpectation {
    const { expected, lba: firstLba } = this.#request;
    const known = this.device.knownTags(lba);
    if (expected === undefined) return known;
    const first = expected.EXPECTED_INITIAL_LOGICAL_BLOCK_REFERENCE_TAG;
    const mask = expected.LOGICAL_BLOCK_APPLICATION_TAG_MASK;
    const value = expected.EXPECTED_LOGICAL_BLOCK_APPLICATION_TAG;
    return {
      referenceTag: this.device.type === 2 ? first + lba - firstLba : known.referenceTag,
      applicationTag: this.device.settings.applicationTagOwned ? { value, mask } : undefined,
    };
  }
}
