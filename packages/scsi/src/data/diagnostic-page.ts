import { u16be, u8 } from 'buffer-layout';
import { concatBytes } from '../bytes.ts';
import { structure, type Structure } from '../structure.ts';

interface DiagnosticHeader {
  PAGE_CODE: number;
  PAGE_SPECIFIC: number;
  PAGE_LENGTH: number;
}

/** The first bytes of every diagnostic page (SPC-4 7.2.1). */
const diagnosticHeader: Structure<DiagnosticHeader> = structure(4, [
  u8('PAGE_CODE'),
  u8('PAGE_SPECIFIC'),
  u16be('PAGE_LENGTH'),
]);

/** Length of the header of a diagnostic page. */
export const DIAGNOSTIC_HEADER_BYTES = 4;

/** Code of the Supported Diagnostic Pages page (SPC-4 7.2.5), whose body is a list of page codes. */
export const SUPPORTED_DIAGNOSTIC_PAGES = 0x00;

/** A diagnostic page, as SEND DIAGNOSTIC takes and RECEIVE DIAGNOSTIC RESULTS returns it. */
export interface DiagnosticPage {
  readonly pageCode: number;
  /** What follows the header; shorter than the page says when it was cut off. */
  readonly body: Uint8Array;
}

/** The bytes of a diagnostic page. */
export function buildDiagnosticPage({ pageCode, body }: DiagnosticPage): Uint8Array<ArrayBuffer> {
  return concatBytes([diagnosticHeader.encode({ PAGE_CODE: pageCode, PAGE_LENGTH: body.length }), body]);
}

/** Reads a diagnostic page. */
export function parseDiagnosticPage(data: Uint8Array): DiagnosticPage {
  const { PAGE_CODE, PAGE_LENGTH } = diagnosticHeader.decode(data);
  const start = diagnosticHeader.spanBytes;
  return { pageCode: PAGE_CODE, body: data.subarray(start, start + PAGE_LENGTH) };
}
