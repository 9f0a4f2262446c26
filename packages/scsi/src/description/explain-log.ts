import { findLogParameter, logPageName } from '../log/log-page-table.ts';
import {
  LogPageCode,
  LogSubpageCode,
  parseLogPage,
  parseLogParameters,
  type LogPage,
  type LogParameter,
} from '../log/log-page.ts';
import {
  describedField,
  describeObject,
  descriptionText,
  hexBytes,
  hexCode,
  MAX_PARTS,
  pageCodeText,
  type DescribedField,
  type Description,
} from './description.ts';

/** What a log page (with its header) says (SPC-5 7.3); parameters that are not known as they are. */
export function explainLogPage(data: Uint8Array): Description {
  const page = parseLogPage(data);
  const { pageCode, subpageCode, body } = page;
  const listed = listedPages(page);
  const parameters = listed === undefined ? parseLogParameters(body) : [];
  const truncated = page.truncated || parameters.length > MAX_PARTS;
  return {
    title: `${logPageName(pageCode, subpageCode) ?? 'unknown'} log page (${pageCodeText(pageCode, subpageCode)})`,
    fields: listed ?? [],
    parts: parameters.slice(0, MAX_PARTS).map((one) => explainParameter(page, one)),
    ...(truncated ? { truncated } : {}),
  };
}

/** What a log page (with its header) says, as lines of text. */
export function describeLogPage(data: Uint8Array): string {
  return descriptionText(explainLogPage(data));
}

/** Page 00h lists page codes, subpage FFh of any page codes of pages and subpages. */
function listedPages({ pageCode, subpageCode, body }: LogPage): DescribedField[] | undefined {
  if (subpageCode === LogSubpageCode.SUPPORTED_SUBPAGES) {
    return Array.from({ length: Math.min(body.length >> 1, MAX_PARTS) }, (_, index) =>
      listed(index, body[2 * index]! & 0x3f, body[2 * index + 1]!),
    );
  }
  if (pageCode !== LogPageCode.SUPPORTED_LOG_PAGES || subpageCode !== LogSubpageCode.NONE) return undefined;
  return Array.from(body.subarray(0, MAX_PARTS), (code, index) => listed(index, code & 0x3f, 0));
}

function listed(index: number, pageCode: number, subpageCode: number): DescribedField {
  const value = pageCodeText(pageCode, subpageCode);
  return describedField(`PAGE ${index}`, value, logPageName(pageCode, subpageCode));
}

function explainParameter({ pageCode, subpageCode }: LogPage, { code, value }: LogParameter): Description {
  const format = findLogParameter(pageCode, subpageCode, code);
  const title = `${format?.name ?? 'parameter'} (${hexCode(code, 4)})`;
  if (format === undefined) return { title, fields: [{ name: 'BYTES', value: hexBytes(value) }], parts: [] };
  return describeObject(title, format.structure.decode(value), format.meanings);
}
