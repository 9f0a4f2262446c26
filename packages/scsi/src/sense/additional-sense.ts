/** Sense keys (SPC-4 4.5.6). */
export const SenseKey = {
  NO_SENSE: 0x0,
  RECOVERED_ERROR: 0x1,
  NOT_READY: 0x2,
  MEDIUM_ERROR: 0x3,
  HARDWARE_ERROR: 0x4,
  ILLEGAL_REQUEST: 0x5,
  UNIT_ATTENTION: 0x6,
  DATA_PROTECT: 0x7,
  BLANK_CHECK: 0x8,
  COPY_ABORTED: 0xa,
  ABORTED_COMMAND: 0xb,
  VOLUME_OVERFLOW: 0xd,
  MISCOMPARE: 0xe,
  COMPLETED: 0xf,
} as const;

/** An additional sense code with its qualifier (SPC-4 annex F.2). */
export interface AdditionalSense {
  readonly asc: number;
  readonly ascq: number;
}

/** The additional sense codes that this device server answers with or that its initiators meet often. */
export const AdditionalSenseCode = {
  NO_ADDITIONAL_SENSE_INFORMATION: { asc: 0x00, ascq: 0x00 },
  LOGICAL_UNIT_NOT_READY_CAUSE_NOT_REPORTABLE: { asc: 0x04, ascq: 0x00 },
  LOGICAL_UNIT_IS_IN_PROCESS_OF_BECOMING_READY: { asc: 0x04, ascq: 0x01 },
  LOGICAL_UNIT_NOT_READY_INITIALIZING_COMMAND_REQUIRED: { asc: 0x04, ascq: 0x02 },
  LOGICAL_UNIT_NOT_READY_MANUAL_INTERVENTION_REQUIRED: { asc: 0x04, ascq: 0x03 },
  LOGICAL_UNIT_NOT_READY_FORMAT_IN_PROGRESS: { asc: 0x04, ascq: 0x04 },
  ASYMMETRIC_ACCESS_STATE_TRANSITION: { asc: 0x04, ascq: 0x0a },
  TARGET_PORT_IN_STANDBY_STATE: { asc: 0x04, ascq: 0x0b },
  TARGET_PORT_IN_UNAVAILABLE_STATE: { asc: 0x04, ascq: 0x0c },
  LOGICAL_UNIT_NOT_READY_OFFLINE: { asc: 0x04, ascq: 0x12 },
  LOGICAL_UNIT_NOT_READY_SANITIZE_IN_PROGRESS: { asc: 0x04, ascq: 0x1b },
  WRITE_ERROR: { asc: 0x0c, ascq: 0x00 },
  UNEXPECTED_UNSOLICITED_DATA: { asc: 0x0c, ascq: 0x0c },
  NOT_ENOUGH_UNSOLICITED_DATA: { asc: 0x0c, ascq: 0x0d },
  INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT: { asc: 0x0e, ascq: 0x03 },
  LOGICAL_BLOCK_GUARD_CHECK_FAILED: { asc: 0x10, ascq: 0x01 },
  LOGICAL_BLOCK_APPLICATION_TAG_CHECK_FAILED: { asc: 0x10, ascq: 0x02 },
  LOGICAL_BLOCK_REFERENCE_TAG_CHECK_FAILED: { asc: 0x10, ascq: 0x03 },
  UNRECOVERED_READ_ERROR: { asc: 0x11, ascq: 0x00 },
  PARAMETER_LIST_LENGTH_ERROR: { asc: 0x1a, ascq: 0x00 },
  MISCOMPARE_DURING_VERIFY_OPERATION: { asc: 0x1d, ascq: 0x00 },
  INVALID_COMMAND_OPERATION_CODE: { asc: 0x20, ascq: 0x00 },
  LOGICAL_BLOCK_ADDRESS_OUT_OF_RANGE: { asc: 0x21, ascq: 0x00 },
  INVALID_FIELD_IN_CDB: { asc: 0x24, ascq: 0x00 },
  LOGICAL_UNIT_NOT_SUPPORTED: { asc: 0x25, ascq: 0x00 },
  INVALID_FIELD_IN_PARAMETER_LIST: { asc: 0x26, ascq: 0x00 },
  INVALID_RELEASE_OF_PERSISTENT_RESERVATION: { asc: 0x26, ascq: 0x04 },
  WRITE_PROTECTED: { asc: 0x27, ascq: 0x00 },
  SPACE_ALLOCATION_FAILED_WRITE_PROTECT: { asc: 0x27, ascq: 0x07 },
  NOT_READY_TO_READY_CHANGE: { asc: 0x28, ascq: 0x00 },
  POWER_ON_RESET_OR_BUS_DEVICE_RESET_OCCURRED: { asc: 0x29, ascq: 0x00 },
  SCSI_BUS_RESET_OCCURRED: { asc: 0x29, ascq: 0x02 },
  BUS_DEVICE_RESET_FUNCTION_OCCURRED: { asc: 0x29, ascq: 0x03 },
  I_T_NEXUS_LOSS_OCCURRED: { asc: 0x29, ascq: 0x07 },
  MODE_PARAMETERS_CHANGED: { asc: 0x2a, ascq: 0x01 },
  LOG_PARAMETERS_CHANGED: { asc: 0x2a, ascq: 0x02 },
  RESERVATIONS_PREEMPTED: { asc: 0x2a, ascq: 0x03 },
  RESERVATIONS_RELEASED: { asc: 0x2a, ascq: 0x04 },
  REGISTRATIONS_PREEMPTED: { asc: 0x2a, ascq: 0x05 },
  ASYMMETRIC_ACCESS_STATE_CHANGED: { asc: 0x2a, ascq: 0x06 },
  CAPACITY_DATA_HAS_CHANGED: { asc: 0x2a, ascq: 0x09 },
  TIMESTAMP_CHANGED: { asc: 0x2a, ascq: 0x10 },
  COMMAND_SEQUENCE_ERROR: { asc: 0x2c, ascq: 0x00 },
  COMMANDS_CLEARED_BY_ANOTHER_INITIATOR: { asc: 0x2f, ascq: 0x00 },
  CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT: { asc: 0x30, ascq: 0x02 },
  MEDIUM_FORMAT_CORRUPTED: { asc: 0x31, ascq: 0x00 },
  FORMAT_COMMAND_FAILED: { asc: 0x31, ascq: 0x01 },
  SANITIZE_COMMAND_FAILED: { asc: 0x31, ascq: 0x03 },
  THIN_PROVISIONING_SOFT_THRESHOLD_REACHED: { asc: 0x38, ascq: 0x07 },
  SAVING_PARAMETERS_NOT_SUPPORTED: { asc: 0x39, ascq: 0x00 },
  MEDIUM_NOT_PRESENT: { asc: 0x3a, ascq: 0x00 },
  MEDIUM_NOT_PRESENT_TRAY_CLOSED: { asc: 0x3a, ascq: 0x01 },
  MEDIUM_NOT_PRESENT_TRAY_OPEN: { asc: 0x3a, ascq: 0x02 },
  INQUIRY_DATA_HAS_CHANGED: { asc: 0x3f, ascq: 0x03 },
  DEVICE_IDENTIFIER_CHANGED: { asc: 0x3f, ascq: 0x05 },
  REPORTED_LUNS_DATA_HAS_CHANGED: { asc: 0x3f, ascq: 0x0e },
  LOGICAL_UNIT_FAILED_SELF_TEST: { asc: 0x3e, ascq: 0x03 },
  INTERNAL_TARGET_FAILURE: { asc: 0x44, ascq: 0x00 },
  PROTOCOL_SERVICE_CRC_ERROR: { asc: 0x47, ascq: 0x05 },
  SOME_COMMANDS_CLEARED_BY_ISCSI_PROTOCOL_EVENT: { asc: 0x47, ascq: 0x7f },
  INVALID_MESSAGE_ERROR: { asc: 0x49, ascq: 0x00 },
  MEDIUM_REMOVAL_PREVENTED: { asc: 0x53, ascq: 0x02 },
  INSUFFICIENT_RESOURCES: { asc: 0x55, ascq: 0x03 },
  INSUFFICIENT_REGISTRATION_RESOURCES: { asc: 0x55, ascq: 0x04 },
  OPERATOR_MEDIUM_REMOVAL_REQUEST: { asc: 0x5a, ascq: 0x01 },
  ILLEGAL_MODE_FOR_THIS_TRACK: { asc: 0x64, ascq: 0x00 },
  SET_TARGET_PORT_GROUPS_COMMAND_FAILED: { asc: 0x67, ascq: 0x0a },
} as const;

const SENSE_KEY_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SenseKey).map(([name, key]) => [key, name.replaceAll('_', ' ')]),
);

/** The standard's name of a sense key, or `sense key Xh`. */
export function senseKeyName(senseKey: number): string {
  return SENSE_KEY_NAMES.get(senseKey) ?? `sense key ${senseKey.toString(16).toUpperCase()}h`;
}
