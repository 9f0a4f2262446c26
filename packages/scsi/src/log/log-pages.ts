import { mapMaybe, type MaybePromise, type SpaceAllowance } from '@lunbox/block';
import { AdditionalSenseCode } from '../sense/additional-sense.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { spaceWithin } from '../unit/space-usage.ts';
import {
  buildLogPage,
  buildLogParameters,
  LogPageCode,
  LogSubpageCode,
  type LogParameter,
} from './log-page.ts';
import {
  backgroundScanStatusParameter,
  idleTimeParameter,
  informationalExceptionsParameter,
  pendingDefectsParameter,
  resourceCountParameter,
  ResourceScope,
  statisticsParameter,
  temperatureParameter,
  timeIntervalParameter,
  UNKNOWN_TEMPERATURE,
} from './log-parameters.ts';

/** A log page of the device server that holds parameters. */
interface LogPageDefinition {
  readonly pageCode: number;
  readonly subpageCode: number;
  /** The parameters, by ascending code, for a user who may fill the unit so far. */
  readonly parameters: (
    unit: LogicalUnit,
    allowance: SpaceAllowance | undefined,
  ) => MaybePromise<readonly LogParameter[]>;
  /** Sets what the page counts to zero; left out where it counts nothing. */
  readonly reset?: (unit: LogicalUnit) => void;
  /** False where a unit does not have the page. */
  readonly isThere?: (unit: LogicalUnit) => boolean;
}

const MINUTE_MS = 60_000;

/** Processing times are told in microseconds. */
const MICROSECONDS = { EXPONENT: 6, INTEGER: 1 };

function microseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000);
}

function statistics({ statistics: { reads, writes }, tasks }: LogicalUnit): LogParameter[] {
  const counts = statisticsParameter.encode({
    NUMBER_OF_READ_COMMANDS: reads.commands,
    NUMBER_OF_WRITE_COMMANDS: writes.commands,
    NUMBER_OF_LOGICAL_BLOCKS_RECEIVED: writes.blocks,
    NUMBER_OF_LOGICAL_BLOCKS_TRANSMITTED: reads.blocks,
    READ_COMMAND_PROCESSING_INTERVALS: microseconds(reads.processingMs),
    WRITE_COMMAND_PROCESSING_INTERVALS: microseconds(writes.processingMs),
  });
  return [
    { code: 0x0001, value: counts },
    { code: 0x0002, value: idleTimeParameter.encode({ IDLE_TIME_INTERVALS: microseconds(tasks.idleMs) }) },
    { code: 0x0003, value: timeIntervalParameter.encode(MICROSECONDS) },
  ];
}

/** Both in threshold sets; what is available is rounded down, so that nobody counts on more than there is. */
function provisioning(
  unit: LogicalUnit,
  allowance: SpaceAllowance | undefined,
): MaybePromise<LogParameter[]> {
  const setBytes = unit.limits.thresholdSetBlocks * unit.blockSize;
  return mapMaybe(spaceWithin(unit.readSpace(), allowance), (space) => {
    if (space === undefined) return [];
    const counts = [
      { code: 0x0001, bytes: Math.floor(space.availableBytes / setBytes), SCOPE: ResourceScope.SHARED },
      { code: 0x0002, bytes: Math.ceil(space.usedBytes / setBytes), SCOPE: ResourceScope.LOGICAL_UNIT },
    ];
    return counts.map(({ code, bytes, SCOPE }) => ({
      code,
      value: resourceCountParameter.encode({ RESOURCE_COUNT: Math.min(bytes, 0xffff_ffff), SCOPE }),
    }));
  });
}

function temperature(): LogParameter[] {
  return [{ code: 0x0000, value: temperatureParameter.encode({ TEMPERATURE: UNKNOWN_TEMPERATURE }) }];
}

/** The medium is not scanned in the background. */
function backgroundScan({ statistics: { powerOnMs } }: LogicalUnit): LogParameter[] {
  const minutes = Math.floor(powerOnMs / MINUTE_MS);
  return [
    {
      code: 0x0000,
      value: backgroundScanStatusParameter.encode({ ACCUMULATED_POWER_ON_MINUTES: minutes }),
    },
  ];
}

function pendingDefects(): LogParameter[] {
  return [{ code: 0x0000, value: pendingDefectsParameter.encode({ PENDING_DEFECT_COUNT: 0 }) }];
}

/** No informational exception is ever reported, as DEXCPT says. */
function informationalExceptions(): LogParameter[] {
  const none = AdditionalSenseCode.NO_ADDITIONAL_SENSE_INFORMATION;
  const value = informationalExceptionsParameter.encode({
    ADDITIONAL_SENSE_CODE: none.asc,
    ADDITIONAL_SENSE_CODE_QUALIFIER: none.ascq,
    MOST_RECENT_TEMPERATURE_READING: UNKNOWN_TEMPERATURE,
  });
  return [{ code: 0x0000, value }];
}

const { NONE, PENDING_DEFECTS, SUPPORTED_SUBPAGES } = LogSubpageCode;

/** The pages with parameters, ascending. */
const PARAMETER_PAGES: readonly LogPageDefinition[] = [
  {
    pageCode: LogPageCode.LOGICAL_BLOCK_PROVISIONING,
    subpageCode: NONE,
    parameters: provisioning,
    isThere: (unit) => unit.tellsSpace,
  },
  { pageCode: LogPageCode.TEMPERATURE, subpageCode: NONE, parameters: temperature },
  { pageCode: LogPageCode.BACKGROUND_SCAN, subpageCode: NONE, parameters: backgroundScan },
  { pageCode: LogPageCode.BACKGROUND_SCAN, subpageCode: PENDING_DEFECTS, parameters: pendingDefects },
  {
    pageCode: LogPageCode.GENERAL_STATISTICS_AND_PERFORMANCE,
    subpageCode: NONE,
    parameters: statistics,
    reset: (unit) => {
      unit.statistics.reset();
      unit.tasks.resetIdleTime();
    },
  },
  {
    pageCode: LogPageCode.INFORMATIONAL_EXCEPTIONS,
    subpageCode: NONE,
    parameters: informationalExceptions,
  },
];

type PageAddress = Pick<LogPageDefinition, 'pageCode' | 'subpageCode'>;

/** Every log page of a unit: those with parameters, page 00h, and the list of subpages of each page code. */
export function logPagesOf(unit: LogicalUnit): PageAddress[] {
  const present = PARAMETER_PAGES.filter(({ isThere }) => isThere === undefined || isThere(unit));
  const codes = new Set([LogPageCode.SUPPORTED_LOG_PAGES, ...present.map(({ pageCode }) => pageCode)]);
  return [...codes].flatMap((pageCode) => [
    ...(pageCode === LogPageCode.SUPPORTED_LOG_PAGES ? [{ pageCode, subpageCode: NONE }] : []),
    ...present.filter((page) => page.pageCode === pageCode),
    { pageCode, subpageCode: SUPPORTED_SUBPAGES },
  ]);
}

/** True when a unit has the page. */
export function hasLogPage(unit: LogicalUnit, pageCode: number, subpageCode: number): boolean {
  return logPagesOf(unit).some((page) => page.pageCode === pageCode && page.subpageCode === subpageCode);
}

/**
 * A log page of a unit, with the parameters from the code `pointer` on; undefined when there is no such
 * parameter. The unit must have the page.
 *
 * @param allowance how far the user who asks may fill the unit
 */
export function readLogPage(
  unit: LogicalUnit,
  pageCode: number,
  subpageCode: number,
  pointer: number,
  allowance?: SpaceAllowance,
): MaybePromise<Uint8Array | undefined> {
  const isThisPage = (page: PageAddress): boolean =>
    page.pageCode === pageCode && page.subpageCode === subpageCode;
  const definition = PARAMETER_PAGES.find(isThisPage);
  if (definition === undefined) {
    if (pointer > 0) return undefined;
    return buildLogPage(pageCode, subpageCode, Uint8Array.from(listOfPages(unit, pageCode, subpageCode)));
  }
  return mapMaybe(definition.parameters(unit, allowance), (parameters) => {
    const wanted = parameters.filter(({ code }) => code >= pointer);
    if (wanted.length === 0 && pointer > 0) return undefined;
    return buildLogPage(pageCode, subpageCode, buildLogParameters(wanted));
  });
}

/** Page 00h lists page codes; subpage FFh of it all pages with their subpages, of another page its own. */
function listOfPages(unit: LogicalUnit, pageCode: number, subpageCode: number): number[] {
  const pages = logPagesOf(unit);
  const everything = pageCode === LogPageCode.SUPPORTED_LOG_PAGES;
  if (subpageCode === NONE) {
    return pages.filter((page) => page.subpageCode === NONE).map((page) => page.pageCode);
  }
  const listed = pages.filter((page) => everything || page.pageCode === pageCode);
  return listed.flatMap((page) => [page.pageCode, page.subpageCode]);
}

/**
 * Sets the counters of a page to zero: of all pages for page 00h, of a page and its subpages for subpage FFh. Returns
 * true when there were any.
 */
export function resetLogPages(unit: LogicalUnit, pageCode: number, subpageCode: number): boolean {
  const all = pageCode === LogPageCode.SUPPORTED_LOG_PAGES;
  const allSubpages = subpageCode === SUPPORTED_SUBPAGES;
  const counting = PARAMETER_PAGES.filter((page) => {
    const named = page.pageCode === pageCode && (allSubpages || page.subpageCode === subpageCode);
    return page.reset !== undefined && (all || named);
  });
  for (const page of counting) page.reset?.(unit);
  return counting.length > 0;
}
