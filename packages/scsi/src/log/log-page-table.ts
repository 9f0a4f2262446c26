import type { Meanings } from '../description/description.ts';
import type { Structure } from '../structure.ts';
import { LogPageCode, LogSubpageCode } from './log-page.ts';
import {
  backgroundScanStatusParameter,
  idleTimeParameter,
  informationalExceptionsParameter,
  pendingDefectsParameter,
  resourceCountParameter,
  statisticsParameter,
  temperatureParameter,
  timeIntervalParameter,
} from './log-parameters.ts';

/** A log parameter that this package builds and reads. */
export interface LogParameterFormat {
  readonly pageCode: number;
  readonly subpageCode: number;
  readonly code: number;
  readonly name: string;
  /** Its value, after the header. */
  readonly structure: Structure<object>;
  readonly meanings?: Meanings;
}

/** Names of log pages of block devices (SPC-5 table 372, SBC-4 table 213), by page code and subpage code. */
const LOG_PAGE_NAMES: ReadonlyMap<number, string> = new Map([
  [0x0000, 'Supported Log Pages'],
  [0x00ff, 'Supported Log Pages and Subpages'],
  [0x0100, 'Buffer Over-Run/Under-Run'],
  [0x0200, 'Write Error Counters'],
  [0x0300, 'Read Error Counters'],
  [0x0500, 'Verify Error Counters'],
  [0x0600, 'Non-Medium Error'],
  [0x0700, 'Last n Error Events'],
  [0x0800, 'Format Status'],
  [0x0b00, 'Last n Deferred Errors or Asynchronous Events'],
  [0x0c00, 'Logical Block Provisioning'],
  [0x0d00, 'Temperature'],
  [0x0d01, 'Environmental Reporting'],
  [0x0d02, 'Environmental Limits'],
  [0x0e00, 'Start-Stop Cycle Counter'],
  [0x0e01, 'Utilization'],
  [0x0f00, 'Application Client'],
  [0x1000, 'Self-Test Results'],
  [0x1100, 'Solid State Media'],
  [0x1500, 'Background Scan Results'],
  [0x1501, 'Pending Defects'],
  [0x1502, 'Background Operation'],
  [0x1503, 'LPS Misalignment'],
  [0x1700, 'Non-volatile Cache'],
  [0x1800, 'Protocol Specific Port'],
  [0x1900, 'General Statistics and Performance'],
  [0x1920, 'Cache Memory Statistics'],
  [0x1a00, 'Power Condition Transitions'],
  [0x2f00, 'Informational Exceptions'],
]);

/** The standard's name of a log page; undefined for pages of vendors and reserved ones. */
export function logPageName(pageCode: number, subpageCode = 0): string | undefined {
  const name = LOG_PAGE_NAMES.get((pageCode << 8) | subpageCode);
  if (name !== undefined || subpageCode !== LogSubpageCode.SUPPORTED_SUBPAGES) return name;
  return `Supported Subpages of ${logPageName(pageCode) ?? 'an unknown page'}`;
}

function parameter<T extends object>(
  [pageCode, subpageCode]: readonly [number, number],
  code: number,
  name: string,
  structure: Structure<T>,
  meanings: Meanings = {},
): LogParameterFormat {
  return { pageCode, subpageCode, code, name, structure, meanings };
}

const { NONE, PENDING_DEFECTS } = LogSubpageCode;
const PROVISIONING = [LogPageCode.LOGICAL_BLOCK_PROVISIONING, NONE] as const;
const TEMPERATURE = [LogPageCode.TEMPERATURE, NONE] as const;
const STATISTICS = [LogPageCode.GENERAL_STATISTICS_AND_PERFORMANCE, NONE] as const;
const TEMPERATURES: Meanings = {
  TEMPERATURE: { 0xff: 'not known' },
  MOST_RECENT_TEMPERATURE_READING: { 0xff: 'not known' },
};
const SCOPES: Meanings = { SCOPE: { 0: 'not reported', 1: 'this logical unit', 2: 'shared' } };

/** Every log parameter that this package builds and reads: there is none in a device server that is not here. */
export const LOG_PARAMETER_FORMATS: readonly LogParameterFormat[] = [
  parameter(PROVISIONING, 0x0001, 'available LBA mapping resource count', resourceCountParameter, SCOPES),
  parameter(PROVISIONING, 0x0002, 'used LBA mapping resource count', resourceCountParameter, SCOPES),
  parameter(TEMPERATURE, 0x0000, 'temperature', temperatureParameter, TEMPERATURES),
  parameter(TEMPERATURE, 0x0001, 'reference temperature', temperatureParameter, TEMPERATURES),
  parameter(
    [LogPageCode.BACKGROUND_SCAN, NONE],
    0x0000,
    'background scan status',
    backgroundScanStatusParameter,
  ),
  parameter(
    [LogPageCode.BACKGROUND_SCAN, PENDING_DEFECTS],
    0x0000,
    'pending defect count',
    pendingDefectsParameter,
  ),
  parameter(STATISTICS, 0x0001, 'statistics and performance', statisticsParameter),
  parameter(STATISTICS, 0x0002, 'idle time', idleTimeParameter),
  parameter(STATISTICS, 0x0003, 'time interval', timeIntervalParameter),
  parameter(
    [LogPageCode.INFORMATIONAL_EXCEPTIONS, NONE],
    0x0000,
    'informational exceptions',
    informationalExceptionsParameter,
    TEMPERATURES,
  ),
];

/** How a log parameter is laid out; undefined when this package does not know it. */
export function findLogParameter(
  pageCode: number,
  subpageCode: number,
  code: number,
): LogParameterFormat | undefined {
  return LOG_PARAMETER_FORMATS.find(
    (known) => known.pageCode === pageCode && known.subpageCode === subpageCode && known.code === code,
  );
}
