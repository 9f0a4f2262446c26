import * as diagnostic from '../cdb/diagnostic-cdbs.ts';
import * as identifying from '../cdb/identifying-information-cdbs.ts';
import * as maintenance from '../cdb/maintenance-cdbs.ts';
import * as primary from '../cdb/primary-cdbs.ts';
import type { DataFormat } from '../description/data-format.ts';
import { explainInquiryAnswer } from '../description/explain-inquiry.ts';
import { explainLogPage } from '../description/explain-log.ts';
import { explainModePages } from '../description/explain-mode.ts';
import { buildStandardInquiry, parseStandardInquiry } from '../inquiry/standard-inquiry.ts';
import { buildLogPage, parseLogPage } from '../log/log-page.ts';
import { buildModeParameters, parseModeParameters, type ModeHeaderSize } from '../mode/mode-parameters.ts';
import { explainSense } from '../sense/explain-sense.ts';
import { encodeSense, parseSense } from '../sense/sense-data.ts';
import { bufferDescriptor, BufferMode, echoBufferDescriptor, errorHistoryDirectory } from './buffer-data.ts';
import { decodeLun } from '../lun.ts';
import { hexBytes } from '../description/description.ts';
import type { Structure } from '../structure.ts';
import type { CommandData } from './command-data.ts';
import { buildDiagnosticPage, parseDiagnosticPage } from './diagnostic-page.ts';
import {
  buildIdentifyingInformation,
  buildIdentifyingTypes,
  InformationType,
  parseIdentifyingInformation,
  parseIdentifyingTypes,
} from './identifying-information.ts';
import { buildLunList, parseLunList } from './lun-list.ts';
import { buildAllOpcodes, buildOneOpcode, parseAllOpcodes, parseOneOpcode } from './supported-opcodes.ts';
import { buildSupportedTmf, parseSupportedTmf } from './supported-tmf.ts';
import { buildTimestamp, buildTimestampList, parseTimestamp } from './timestamp.ts';

const NONE = 'no data';

function modeParameters(size: ModeHeaderSize): DataFormat {
  return {
    name: `mode parameters (${size})`,
    build: buildModeParameters,
    parse: (data) => parseModeParameters(size, data),
    explain: (data) => explainModePages(size, data),
  };
}

const MODE_6 = modeParameters(6);
const MODE_10 = modeParameters(10);

const INQUIRY_FORMAT: DataFormat = {
  name: 'INQUIRY data',
  build: buildStandardInquiry,
  parse: parseStandardInquiry,
  explain: explainInquiryAnswer,
};

const SENSE_FORMAT: DataFormat = {
  name: 'sense data',
  build: encodeSense,
  parse: parseSense,
  explain: explainSense,
};

const LOG_FORMAT: DataFormat = {
  name: 'log page',
  build: buildLogPage,
  parse: parseLogPage,
  explain: explainLogPage,
};

const DIAGNOSTIC_FORMAT: DataFormat = {
  name: 'diagnostic page',
  build: buildDiagnosticPage,
  parse: parseDiagnosticPage,
};

function isAllOpcodes(cdb: Uint8Array): boolean {
  return primary.REPORT_SUPPORTED_OPERATION_CODES.decode(cdb).REPORTING_OPTIONS === 0;
}

const OPCODES_FORMAT: DataFormat = {
  name: 'supported operation codes',
  build: (all: boolean, value: never) => (all ? buildAllOpcodes(value) : buildOneOpcode(value)),
  parse: (data, cdb) => (isAllOpcodes(cdb) ? parseAllOpcodes(data) : parseOneOpcode(data)),
};

const TMF_FORMAT: DataFormat = {
  name: 'supported task management functions',
  build: buildSupportedTmf,
  parse: parseSupportedTmf,
};

function asksForTypes(cdb: Uint8Array): boolean {
  const { INFORMATION_TYPE } = identifying.REPORT_IDENTIFYING_INFORMATION.decode(cdb);
  return INFORMATION_TYPE === InformationType.SUPPORTED;
}

const IDENTIFYING_FORMAT: DataFormat = {
  name: 'identifying information',
  build: (types: boolean, value: never) =>
    types ? buildIdentifyingTypes(value) : buildIdentifyingInformation(value),
  parse: (data, cdb) => {
    if (asksForTypes(cdb)) return parseIdentifyingTypes(data);
    return { INFORMATION: parseIdentifyingInformation(data) };
  },
};

const TIMESTAMP_FORMAT: DataFormat = {
  name: 'timestamp',
  build: buildTimestamp,
  parse: parseTimestamp,
  meanings: { origin: { 0: 'power on', 2: 'SET TIMESTAMP', 3: 'elsewhere' } },
};

const LUN_LIST_FORMAT: DataFormat = {
  name: 'LUN list',
  build: buildLunList,
  parse: (data) => parseLunList(data).map((lun) => decodeLun(lun) ?? hexBytes(lun)),
};

/** What READ BUFFER returns in the modes that have a format; in the others it is any bytes. */
const BUFFER_LAYOUTS: ReadonlyMap<number, Structure<object>> = new Map<number, Structure<object>>([
  [BufferMode.DESCRIPTOR, bufferDescriptor],
  [BufferMode.ECHO_DESCRIPTOR, echoBufferDescriptor],
  [BufferMode.ERROR_HISTORY, errorHistoryDirectory],
]);

const BUFFER_FORMAT: DataFormat = {
  name: 'buffer',
  build: (mode: number, fields: object) => BUFFER_LAYOUTS.get(mode)!.encode(fields),
  parse: (data, cdb) => BUFFER_LAYOUTS.get(diagnostic.READ_BUFFER.decode(cdb).MODE)?.decode(data) ?? { data },
};

/** The data of the commands of SPC. */
export const PRIMARY_DATA: readonly CommandData[] = [
  { cdb: primary.TEST_UNIT_READY, dataIn: NONE, dataOut: NONE },
  { cdb: primary.REQUEST_SENSE, dataIn: SENSE_FORMAT, dataOut: NONE },
  { cdb: primary.INQUIRY, dataIn: INQUIRY_FORMAT, dataOut: NONE },
  { cdb: primary.MODE_SELECT_6, dataIn: NONE, dataOut: MODE_6 },
  { cdb: primary.MODE_SELECT_10, dataIn: NONE, dataOut: MODE_10 },
  { cdb: primary.MODE_SENSE_6, dataIn: MODE_6, dataOut: NONE },
  { cdb: primary.MODE_SENSE_10, dataIn: MODE_10, dataOut: NONE },
  { cdb: primary.RESERVE_6, dataIn: NONE, dataOut: NONE },
  { cdb: primary.RELEASE_6, dataIn: NONE, dataOut: NONE },
  { cdb: primary.RESERVE_10, dataIn: NONE, dataOut: NONE },
  { cdb: primary.RELEASE_10, dataIn: NONE, dataOut: NONE },
  { cdb: primary.REPORT_LUNS, dataIn: LUN_LIST_FORMAT, dataOut: NONE },
  { cdb: primary.REPORT_SUPPORTED_OPERATION_CODES, dataIn: OPCODES_FORMAT, dataOut: NONE },
  { cdb: diagnostic.LOG_SELECT, dataIn: NONE, dataOut: LOG_FORMAT },
  { cdb: diagnostic.LOG_SENSE, dataIn: LOG_FORMAT, dataOut: NONE },
  { cdb: diagnostic.RECEIVE_DIAGNOSTIC_RESULTS, dataIn: DIAGNOSTIC_FORMAT, dataOut: NONE },
  { cdb: diagnostic.SEND_DIAGNOSTIC, dataIn: NONE, dataOut: DIAGNOSTIC_FORMAT },
  { cdb: diagnostic.READ_BUFFER, dataIn: BUFFER_FORMAT, dataOut: NONE },
  { cdb: diagnostic.WRITE_BUFFER, dataIn: NONE, dataOut: 'any bytes' },
  { cdb: maintenance.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS, dataIn: TMF_FORMAT, dataOut: NONE },
  { cdb: identifying.REPORT_IDENTIFYING_INFORMATION, dataIn: IDENTIFYING_FORMAT, dataOut: NONE },
  { cdb: identifying.SET_IDENTIFYING_INFORMATION, dataIn: NONE, dataOut: 'the information itself' },
  { cdb: maintenance.REPORT_TIMESTAMP, dataIn: TIMESTAMP_FORMAT, dataOut: NONE },
  {
    cdb: maintenance.SET_TIMESTAMP,
    dataIn: NONE,
    dataOut: {
      name: 'timestamp list',
      build: buildTimestampList,
      parse: (data) => parseTimestamp(data).unixMs,
    },
  },
];
