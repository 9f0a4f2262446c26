import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { flags, structure, type Structure } from '../structure.ts';

/** Codes of the log pages that this device server has. */
export const LogPageCode = {
  SUPPORTED_LOG_PAGES: 0x00,
  LOGICAL_BLOCK_PROVISIONING: 0x0c,
  TEMPERATURE: 0x0d,
  BACKGROUND_SCAN: 0x15,
  GENERAL_STATISTICS_AND_PERFORMANCE: 0x19,
  INFORMATIONAL_EXCEPTIONS: 0x2f,
} as const;

/** Subpage codes: of the page itself, of Pending Defects (page 15h), and of the lists of subpages. */
export const LogSubpageCode = { NONE: 0x00, PENDING_DEFECTS: 0x01, SUPPORTED_SUBPAGES: 0xff } as const;

interface LogPageHeader {
  /** 1: the page is not saved. */
  DS: number;
  /** 1: the page has the subpage format. */
  SPF: number;
  PAGE_CODE: number;
  SUBPAGE_CODE: number;
  PAGE_LENGTH: number;
}

/** Log page header (SPC-4 table 375). */
const logPageHeader: Structure<LogPageHeader> = structure(4, [
  flags('DS', 'SPF', 'PAGE_CODE:6'),
  u8('SUBPAGE_CODE'),
  u16be('PAGE_LENGTH'),
]);

interface LogParameterHeader {
  PARAMETER_CODE: number;
  /** 11b: a list in binary format. */
  FORMAT_AND_LINKING: number;
  PARAMETER_LENGTH: number;
}

/** Log parameter header (SPC-4 table 377). */
const logParameterHeader: Structure<LogParameterHeader> = structure(4, [
  u16be('PARAMETER_CODE'),
  flags('DU', 'OBSOLETE', 'TSD', 'ETC', 'TMC:2', 'FORMAT_AND_LINKING:2'),
  u8('PARAMETER_LENGTH'),
]);

const BINARY_LIST = 0b11;

/** Length of the header of a log page. */
export const LOG_PAGE_HEADER_BYTES = 4;

/** One parameter of a log page. */
export interface LogParameter {
  readonly code: number;
  /** What it says, without its header: 255 bytes at most. */
  readonly value: Uint8Array;
}

/** A log page that was read. */
export interface LogPage {
  readonly pageCode: number;
  readonly subpageCode: number;
  /** What follows the header: parameters, or the codes that pages 00h and FFh list. */
  readonly body: Uint8Array;
  /** True when the data ends before the page does. */
  readonly truncated: boolean;
}

/** A log page with this body. The page is not saved: DS is 1. */
export function buildLogPage(
  pageCode: number,
  subpageCode: number,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = logPageHeader.encode({
    DS: 1,
    SPF: subpageCode === LogSubpageCode.NONE ? 0 : 1,
    PAGE_CODE: pageCode,
    SUBPAGE_CODE: subpageCode,
    PAGE_LENGTH: body.length,
  });
  return concatBytes([header, body]);
}

/** Log parameters one after another, as the body of a page. */
export function buildLogParameters(parameters: readonly LogParameter[]): Uint8Array<ArrayBuffer> {
  return concatBytes(
    parameters.flatMap(({ code, value }) => [
      logParameterHeader.encode({
        PARAMETER_CODE: code,
        FORMAT_AND_LINKING: BINARY_LIST,
        PARAMETER_LENGTH: value.length,
      }),
      value,
    ]),
  );
}

/** Reads a log page; its body is as long as there are bytes. */
export function parseLogPage(data: Uint8Array): LogPage {
  const header = logPageHeader.decode(data);
  const end = LOG_PAGE_HEADER_BYTES + header.PAGE_LENGTH;
  return {
    pageCode: header.PAGE_CODE,
    subpageCode: header.SPF === 1 ? header.SUBPAGE_CODE : LogSubpageCode.NONE,
    body: data.subarray(LOG_PAGE_HEADER_BYTES, end),
    truncated: end > data.length,
  };
}

/** The parameters in the body of a log page; one that was cut off is left out. */
export function parseLogParameters(body: Uint8Array): LogParameter[] {
  const parameters: LogParameter[] = [];
  const headerBytes = logParameterHeader.spanBytes;
  for (let at = 0; at + headerBytes <= body.length;) {
    const header = logParameterHeader.decode(body, at);
    const end = at + headerBytes + header.PARAMETER_LENGTH;
    if (end > body.length) break;
    parameters.push({ code: header.PARAMETER_CODE, value: body.subarray(at + headerBytes, end) });
    at = end;
  }
  return parameters;
}
