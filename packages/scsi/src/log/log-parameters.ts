import { nu64be, u16be, u32be, u8 } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** TEMPERATURE when it is not known (SPC-4 7.3.22). */
export const UNKNOWN_TEMPERATURE = 0xff;

/** A parameter of the Temperature log page (SPC-4 7.3.22). */
export interface TemperatureParameter {
  /** Degrees Celsius; {@link UNKNOWN_TEMPERATURE} when not known. */
  TEMPERATURE: number;
}

/** Layout of the Temperature log parameters. */
export const temperatureParameter: Structure<TemperatureParameter> = structure(2, [
  bytes(1),
  u8('TEMPERATURE'),
]);

/** The parameter of the Informational Exceptions log page (SPC-4 7.3.12). */
export interface InformationalExceptionsParameter {
  ADDITIONAL_SENSE_CODE: number;
  ADDITIONAL_SENSE_CODE_QUALIFIER: number;
  MOST_RECENT_TEMPERATURE_READING: number;
}

/** Layout of the Informational Exceptions log parameter. */
export const informationalExceptionsParameter: Structure<InformationalExceptionsParameter> = structure(4, [
  u8('ADDITIONAL_SENSE_CODE'),
  u8('ADDITIONAL_SENSE_CODE_QUALIFIER'),
  u8('MOST_RECENT_TEMPERATURE_READING'),
  bytes(1),
]);

/** The status parameter of the Background Scan log page (SBC-3 6.4.2.2). */
export interface BackgroundScanStatusParameter {
  /** Since the unit was made. */
  ACCUMULATED_POWER_ON_MINUTES: number;
  /** 00h: no scan goes on. */
  BACKGROUND_SCAN_STATUS: number;
  NUMBER_OF_BACKGROUND_SCANS_PERFORMED: number;
  /** In 65 536ths. */
  BACKGROUND_SCAN_PROGRESS: number;
  NUMBER_OF_BACKGROUND_MEDIUM_SCANS_PERFORMED: number;
}

/** Layout of the status parameter of the Background Scan log page. */
export const backgroundScanStatusParameter: Structure<BackgroundScanStatusParameter> = structure(12, [
  u32be('ACCUMULATED_POWER_ON_MINUTES'),
  bytes(1),
  u8('BACKGROUND_SCAN_STATUS'),
  u16be('NUMBER_OF_BACKGROUND_SCANS_PERFORMED'),
  u16be('BACKGROUND_SCAN_PROGRESS'),
  u16be('NUMBER_OF_BACKGROUND_MEDIUM_SCANS_PERFORMED'),
]);

/** The count parameter of the Pending Defects log page (SBC-4 6.4.8.2). */
export interface PendingDefectsParameter {
  PENDING_DEFECT_COUNT: number;
}

/** Layout of the count parameter of the Pending Defects log page. */
export const pendingDefectsParameter: Structure<PendingDefectsParameter> = structure(4, [
  u32be('PENDING_DEFECT_COUNT'),
]);

/** The first parameter of the General Statistics and Performance log page (SPC-4 7.3.9.2). */
export interface StatisticsParameter {
  NUMBER_OF_READ_COMMANDS: number;
  NUMBER_OF_WRITE_COMMANDS: number;
  NUMBER_OF_LOGICAL_BLOCKS_RECEIVED: number;
  NUMBER_OF_LOGICAL_BLOCKS_TRANSMITTED: number;
  /** In units of the time interval parameter. */
  READ_COMMAND_PROCESSING_INTERVALS: number;
  WRITE_COMMAND_PROCESSING_INTERVALS: number;
}

/** Layout of the first parameter of the General Statistics and Performance log page. */
export const statisticsParameter: Structure<StatisticsParameter> = structure(64, [
  nu64be('NUMBER_OF_READ_COMMANDS'),
  nu64be('NUMBER_OF_WRITE_COMMANDS'),
  nu64be('NUMBER_OF_LOGICAL_BLOCKS_RECEIVED'),
  nu64be('NUMBER_OF_LOGICAL_BLOCKS_TRANSMITTED'),
  nu64be('READ_COMMAND_PROCESSING_INTERVALS'),
  nu64be('WRITE_COMMAND_PROCESSING_INTERVALS'),
  nu64be('WEIGHTED_NUMBER_OF_READ_COMMANDS_PLUS_WRITE_COMMANDS'),
  nu64be('WEIGHTED_READ_COMMAND_PROCESSING_PLUS_WRITE_COMMAND_PROCESSING'),
]);

/** The idle time parameter of the same page (SPC-4 7.3.9.3). */
export interface IdleTimeParameter {
  /** Time without a command, in units of the time interval parameter. */
  IDLE_TIME_INTERVALS: number;
}

/** Layout of the idle time parameter. */
export const idleTimeParameter: Structure<IdleTimeParameter> = structure(8, [nu64be('IDLE_TIME_INTERVALS')]);

/** The time interval parameter of the same page (SPC-4 7.3.9.4): INTEGER · 10^-EXPONENT seconds. */
export interface TimeIntervalParameter {
  EXPONENT: number;
  INTEGER: number;
}

/** Layout of the time interval parameter. */
export const timeIntervalParameter: Structure<TimeIntervalParameter> = structure(8, [
  u32be('EXPONENT'),
  u32be('INTEGER'),
]);

/** SCOPE of a resource count: not reported, of this unit alone, shared with others (SBC-3 table 150). */
export const ResourceScope = { NOT_REPORTED: 0, LOGICAL_UNIT: 1, SHARED: 2 } as const;

/** A resource count of the Logical Block Provisioning log page (SBC-3 6.4.4). */
export interface ResourceCountParameter {
  /** In threshold sets: 2 to the power of THRESHOLD EXPONENT (VPD page B2h) blocks. */
  RESOURCE_COUNT: number;
  /** One of `ResourceScope`. */
  SCOPE: number;
}

/** Layout of a resource count parameter. */
export const resourceCountParameter: Structure<ResourceCountParameter> = structure(8, [
  u32be('RESOURCE_COUNT'),
  flags('RESERVED:6', 'SCOPE:2'),
  bytes(3),
]);
