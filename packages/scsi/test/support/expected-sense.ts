import { AdditionalSenseCode, SenseKey, Status } from '../../src/index.ts';

const illegal = { senseKey: SenseKey.ILLEGAL_REQUEST };

/** The outcomes that tests expect, to be compared with `toMatchObject`. */
export const Expected = {
  GOOD: { status: Status.GOOD },
  CONDITION_MET: { status: Status.CONDITION_MET },
  RESERVATION_CONFLICT: { status: Status.RESERVATION_CONFLICT },
  INVALID_RELEASE: check({ ...illegal, ...AdditionalSenseCode.INVALID_RELEASE_OF_PERSISTENT_RESERVATION }),
  TOO_MANY_REGISTRATIONS: check({ ...illegal, ...AdditionalSenseCode.INSUFFICIENT_REGISTRATION_RESOURCES }),
  INVALID_OPCODE: check({ ...illegal, ...AdditionalSenseCode.INVALID_COMMAND_OPERATION_CODE }),
  INVALID_CDB_FIELD: check({ ...illegal, ...AdditionalSenseCode.INVALID_FIELD_IN_CDB }),
  LBA_OUT_OF_RANGE: check({ ...illegal, ...AdditionalSenseCode.LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE }),
  LUN_NOT_SUPPORTED: check({ ...illegal, ...AdditionalSenseCode.LOGICAL_UNIT_NOT_SUPPORTED }),
  LIST_LENGTH_ERROR: check({ ...illegal, ...AdditionalSenseCode.PARAMETER_LIST_LENGTH_ERROR }),
  TOO_LITTLE_DATA: check({ ...illegal, ...AdditionalSenseCode.INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT }),
  SAVING_NOT_SUPPORTED: check({ ...illegal, ...AdditionalSenseCode.SAVING_PARAMETERS_NOT_SUPPORTED }),
  WRITE_PROTECTED: check({ senseKey: SenseKey.DATA_PROTECT, ...AdditionalSenseCode.WRITE_PROTECTED }),
  REMOVAL_PREVENTED: check({ ...illegal, ...AdditionalSenseCode.MEDIUM_REMOVAL_PREVENTED }),
  TRAY_OPEN: check({ senseKey: SenseKey.NOT_READY, ...AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_OPEN }),
  TRAY_CLOSED: check({ senseKey: SenseKey.NOT_READY, ...AdditionalSenseCode.MEDIUM_NOT_PRESENT_TRAY_CLOSED }),
  NOT_STARTED: check({
    senseKey: SenseKey.NOT_READY,
    ...AdditionalSenseCode.LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED,
  }),
};

/** INVALID FIELD IN CDB that points at this byte and bit. */
export function invalidCdb(byteOffset: number, bit?: number): object {
  const fieldPointer = { inCdb: true, byteOffset, ...(bit === undefined ? {} : { bit }) };
  return check({ ...illegal, ...AdditionalSenseCode.INVALID_FIELD_IN_CDB, fieldPointer });
}

/** INVALID FIELD IN PARAMETER LIST that points at this byte and bit. */
export function invalidList(byteOffset: number, bit?: number): object {
  const fieldPointer = { inCdb: false, byteOffset, ...(bit === undefined ? {} : { bit }) };
  return check({ ...illegal, ...AdditionalSenseCode.INVALID_FIELD_IN_PARAMETER_LIST, fieldPointer });
}

/** MISCOMPARE at this LBA. */
export function miscompareAt(lba: number): object {
  const code = AdditionalSenseCode.MISCOMPARE_DURING_VERIFY_OPERATION;
  return check({ senseKey: SenseKey.MISCOMPARE, ...code, information: lba });
}

/** UNIT ATTENTION with this code. */
export function attention(code: { asc: number; ascq: number }): object {
  return check({ senseKey: SenseKey.UNIT_ATTENTION, asc: code.asc, ascq: code.ascq });
}

function check(sense: object): object {
  return { status: Status.CHECK_CONDITION, sense };
}
