import {
  INQUIRY,
  LOG_SENSE,
  MODE_SENSE_10,
  MODE_SENSE_6,
  PR_IN_READ_FULL_STATUS,
  PR_IN_READ_KEYS,
  PR_IN_READ_RESERVATION,
  PR_IN_REPORT_CAPABILITIES,
  READ_CAPACITY_10,
  READ_CAPACITY_16,
  REPORT_LUNS,
  REPORT_SUPPORTED_OPERATION_CODES,
  REPORT_TARGET_PORT_GROUPS,
} from '@lunbox/scsi';
import { optionsError } from '../errors.ts';
import { lengthField, type Alternatives, type Answer, type Question } from './question.ts';

/** INQUIRY and MODE SENSE of old units take a byte; this is what everybody asks for. */
const SHORT_BYTES = 252;
const LONG_BYTES = 4096;
const MAX_16_BITS = 0xffff;
/** Lists whose ALLOCATION LENGTH has 32 bits. */
const MAX_LIST_BYTES = 1_048_576;

const ALL_MODE_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
/** PC of LOG SENSE: cumulative values. */
const CUMULATIVE = 1;

/** PC of MODE SENSE by its name (SPC-5 table 190). */
const MODE_VALUES: Readonly<Record<string, number>> = { current: 0, changeable: 1, default: 2, saved: 3 };

/** A page and a subpage; undefined: not said. */
interface PageArgument {
  readonly page: number;
  readonly subpage: number | undefined;
}

/** `131`, `0x83` or `83h`. */
function code(text: string, most: number): number {
  const hex = /^(?:0x([0-9a-f]+)|([0-9a-f]+)h)$/i.exec(text);
  const digits = hex?.[1] ?? hex?.[2];
  const value = digits === undefined ? (/^\d+$/.test(text) ? Number(text) : NaN) : parseInt(digits, 16);
  if (value <= most) return value;
  throw optionsError(`"${text}" is no code up to ${most}, such as 131, 0x83 or 83h`);
}

/** A code, and another behind a comma or a stroke. */
function codes(text: string, most: number, mostSecond: number): PageArgument {
  const [page = '', subpage, ...rest] = text.split(/[,/]/);
  if (rest.length > 0) throw optionsError(`"${text}" is more than two codes`);
  return {
    page: code(page, most),
    subpage: subpage === undefined ? undefined : code(subpage, mostSecond),
  };
}

/** Standard INQUIRY data. */
export function standardInquiry(): Alternatives {
  const cdb = (length: number): Uint8Array => INQUIRY.encode({ ALLOCATION_LENGTH: length });
  return [{ cdb, firstBytes: SHORT_BYTES, totalBytes: lengthField(4, 1), maxBytes: SHORT_BYTES }];
}

function vpdPageQuestion(PAGE_CODE: number): Alternatives {
  const cdb = (length: number): Uint8Array =>
    INQUIRY.encode({ EVPD: 1, PAGE_CODE, ALLOCATION_LENGTH: length });
  return [{ cdb, firstBytes: SHORT_BYTES, totalBytes: lengthField(2, 2), maxBytes: MAX_16_BITS }];
}

/** A VPD page; without one the list of those that there are. */
export function vpdPage(argument: string | undefined): Alternatives {
  return vpdPageQuestion(argument === undefined ? 0 : code(argument, 0xff));
}

/** Every page that the list of VPD pages names. */
export function listedVpdPages({ data }: Answer): Alternatives[] {
  return [...data.subarray(4)].map(vpdPageQuestion);
}

/** A mode page, without one all of them; current values unless another kind is named. */
export function modePages(argument: string | undefined, values = 'current'): Alternatives {
  const PC = Object.hasOwn(MODE_VALUES, values) ? MODE_VALUES[values] : undefined;
  if (PC === undefined) {
    throw optionsError(`--values is one of ${Object.keys(MODE_VALUES).join(', ')}`);
  }
  const { page, subpage } =
    argument === undefined
      ? { page: ALL_MODE_PAGES, subpage: undefined }
      : codes(argument, ALL_MODE_PAGES, ALL_SUBPAGES);
  // Not every unit knows that there are subpages.
  const subpages = subpage === undefined && page === ALL_MODE_PAGES ? [ALL_SUBPAGES, 0] : [subpage ?? 0];
  const long = subpages.map((SUBPAGE_CODE): Question => ({
    cdb: (ALLOCATION_LENGTH) =>
      MODE_SENSE_10.encode({ PC, PAGE_CODE: page, SUBPAGE_CODE, ALLOCATION_LENGTH }),
    firstBytes: LONG_BYTES,
    totalBytes: lengthField(0, 2),
    maxBytes: MAX_16_BITS,
  }));
  const short: Question = {
    cdb: (ALLOCATION_LENGTH) =>
      MODE_SENSE_6.encode({ PC, PAGE_CODE: page, SUBPAGE_CODE: subpage ?? 0, ALLOCATION_LENGTH }),
    firstBytes: SHORT_BYTES,
    totalBytes: lengthField(0, 1),
    maxBytes: SHORT_BYTES,
  };
  return [...long, short];
}

function logPageQuestion(PAGE_CODE: number, SUBPAGE_CODE: number): Question {
  const fields = { PC: CUMULATIVE, PAGE_CODE, SUBPAGE_CODE };
  return {
    cdb: (ALLOCATION_LENGTH) => LOG_SENSE.encode({ ...fields, ALLOCATION_LENGTH }),
    firstBytes: LONG_BYTES,
    totalBytes: lengthField(2, 2),
    maxBytes: MAX_16_BITS,
  };
}

/** A log page; without one the list of those that there are, subpages too where the unit has any. */
export function logPage(argument: string | undefined): Alternatives {
  if (argument === undefined) return [logPageQuestion(0, ALL_SUBPAGES), logPageQuestion(0, 0)];
  const { page, subpage } = codes(argument, 0x3f, ALL_SUBPAGES);
  return [logPageQuestion(page, subpage ?? 0)];
}

/** Every page that the list of log pages names. */
export function listedLogPages({ data }: Answer): Alternatives[] {
  const [code = 0, subpageCode] = data;
  const pages = [...data.subarray(4)];
  // SPF: the list is one of pages and subpages.
  if ((code & 0x40) === 0 || subpageCode !== ALL_SUBPAGES)
    return pages.map((page) => [logPageQuestion(page, 0)]);
  return pages.flatMap((page, at) =>
    at % 2 === 0 ? [[logPageQuestion(page & 0x3f, pages[at + 1] ?? 0)]] : [],
  );
}

/** The commands that there are with their timeouts, or one of them by its operation code and service action. */
export function opcodes(argument: string | undefined): Alternatives {
  const question = (fields: object, totalBytes?: (data: Uint8Array) => number): Question => ({
    cdb: (ALLOCATION_LENGTH) => REPORT_SUPPORTED_OPERATION_CODES.encode({ ...fields, ALLOCATION_LENGTH }),
    firstBytes: LONG_BYTES,
    ...(totalBytes === undefined ? {} : { totalBytes }),
    maxBytes: MAX_LIST_BYTES,
  });
  if (argument === undefined) return [1, 0].map((RCTD) => question({ RCTD }, lengthField(0, 4)));
  const { page, subpage } = codes(argument, 0xff, MAX_16_BITS);
  const one = { REQUESTED_OPERATION_CODE: page, REQUESTED_SERVICE_ACTION: subpage ?? 0 };
  const REPORTING_OPTIONS = subpage === undefined ? 1 : 2;
  return [1, 0].map((RCTD) => question({ RCTD, REPORTING_OPTIONS, ...one }));
}

/** The list of logical units. */
export function luns(): Alternatives {
  const cdb = (ALLOCATION_LENGTH: number): Uint8Array => REPORT_LUNS.encode({ ALLOCATION_LENGTH });
  // Eight bytes of header, four of which are the length and four reserved.
  const totalBytes = (data: Uint8Array): number => 4 + lengthField(0, 4)(data);
  return [{ cdb, firstBytes: LONG_BYTES, totalBytes, maxBytes: MAX_LIST_BYTES }];
}

/** READ CAPACITY (16), or (10) where there is no other. */
export function capacity(): Alternatives {
  return [
    {
      cdb: (ALLOCATION_LENGTH) => READ_CAPACITY_16.encode({ ALLOCATION_LENGTH }),
      firstBytes: 32,
      maxBytes: 32,
    },
    { cdb: () => READ_CAPACITY_10.encode(), firstBytes: 8, maxBytes: 8 },
  ];
}

/** Target port groups, with the time of implicit transitions where the unit tells it. */
export function portGroups(): Alternatives {
  return [1, 0].map((PARAMETER_DATA_FORMAT) => ({
    cdb: (ALLOCATION_LENGTH) =>
      REPORT_TARGET_PORT_GROUPS.encode({ PARAMETER_DATA_FORMAT, ALLOCATION_LENGTH }),
    firstBytes: LONG_BYTES,
    totalBytes: lengthField(0, 4),
    maxBytes: MAX_LIST_BYTES,
  }));
}

const afterGeneration = lengthField(4, 4);

/** What there is to read of persistent reservations. */
const RESERVATIONS: Readonly<Record<string, readonly [typeof PR_IN_READ_KEYS, Question['totalBytes']]>> = {
  keys: [PR_IN_READ_KEYS, afterGeneration],
  reservation: [PR_IN_READ_RESERVATION, afterGeneration],
  status: [PR_IN_READ_FULL_STATUS, afterGeneration],
  capabilities: [PR_IN_REPORT_CAPABILITIES, (data) => (data[0]! << 8) | data[1]!],
};

/** Persistent reservations: one thing by its name, or keys, reservation and full status. */
export function reservations(argument: string | undefined): Alternatives[] {
  if (argument !== undefined && !Object.hasOwn(RESERVATIONS, argument)) {
    throw optionsError(`"${argument}" is none of ${Object.keys(RESERVATIONS).join(', ')}`);
  }
  const names = argument === undefined ? ['keys', 'reservation', 'status'] : [argument];
  return names.map((name) => {
    const [definition, totalBytes] = RESERVATIONS[name]!;
    const cdb = (ALLOCATION_LENGTH: number): Uint8Array => definition.encode({ ALLOCATION_LENGTH });
    return [{ cdb, firstBytes: LONG_BYTES, ...(totalBytes && { totalBytes }), maxBytes: MAX_16_BITS }];
  });
}
