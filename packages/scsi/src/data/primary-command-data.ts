import { CDB_DEFINITIONS } from '../cdb/cdb-catalogue.ts';
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
import { describeObject, hexBytes, MAX_PARTS } from '../description/description.ts';
import type { Structure } from '../structure.ts';
import { returns, takes, withoutData, type CommandData } from './command-data-row.ts';
import { buildDiagnosticPage, parseDiagnosticPage } from './diagnostic-page.ts';
import {
  buildIdentifyingInformation,
  buildIdentifyingTypes,
  InformationType,
  parseIdentifyingInformation,
  parseIdentifyingTypes,
} from './identifying-information.ts';
import { buildLunList, parseLunList } from './lun-list.ts';
import {
  buildAllOpcodes,
  buildOneOpcode,
  parseAllOpcodes,
  parseOneOpcode,
  type SupportedOpcode,
} from './supported-opcodes.ts';
import { buildSupportedTmf, parseSupportedTmf } from './supported-tmf.ts';
import { buildTimestamp, buildTimestampList, parseTimestamp } from './timestamp.ts';

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

/** Its name; several, where units of one kind and another take it for different commands. */
function commandNames({ operationCode, serviceAction }: SupportedOpcode): string {
  const known = CDB_DEFINITIONS.filter(
    (cdb) => cdb.operationCode === operationCode && cdb.serviceAction === serviceAction,
  );
  return known.length === 0 ? 'unknown' : known.map(({ name }) => name).join(' or ');
}

const OPCODES_FORMAT: DataFormat = {
  name: 'supported operation codes',
  build: (all: boolean, value: never) => (all ? buildAllOpcodes(value) : buildOneOpcode(value)),
  parse: (data, cdb) => (isAllOpcodes(cdb) ? parseAllOpcodes(data) : parseOneOpcode(data)),
  explain: (data, cdb) => {
    const title = 'supported operation codes';
    if (!isAllOpcodes(cdb)) return describeObject(title, parseOneOpcode(data));
    const opcodes = parseAllOpcodes(data);
    const parts = opcodes.slice(0, MAX_PARTS).map((opcode, index) =>
      describeObject(`command ${index}`, opcode, {
        operationCode: { [opcode.operationCode]: commandNames(opcode) },
      }),
    );
    return { title, fields: [], parts, ...(opcodes.length > MAX_PARTS ? { truncated: true } : {}) };
  },
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
  ...withoutData(primary.TEST_UNIT_READY),
  returns(primary.REQUEST_SENSE, SENSE_FORMAT),
  returns(primary.INQUIRY, INQUIRY_FORMAT),
  takes(primary.MODE_SELECT_6, MODE_6),
  takes(primary.MODE_SELECT_10, MODE_10),
  returns(primary.MODE_SENSE_6, MODE_6),
  returns(primary.MODE_SENSE_10, MODE_10),
  ...withoutData(primary.RESERVE_6, primary.RELEASE_6, primary.RESERVE_10, primary.RELEASE_10),
  returns(primary.REPORT_LUNS, LUN_LIST_FORMAT),
  returns(primary.REPORT_SUPPORTED_OPERATION_CODES, OPCODES_FORMAT),
  takes(diagnostic.LOG_SELECT, LOG_FORMAT),
  returns(diagnostic.LOG_SENSE, LOG_FORMAT),
  returns(diagnostic.RECEIVE_DIAGNOSTIC_RESULTS, DIAGNOSTIC_FORMAT),
  takes(diagnostic.SEND_DIAGNOSTIC, DIAGNOSTIC_FORMAT),
  returns(diagnostic.READ_BUFFER, BUFFER_FORMAT),
  takes(diagnostic.WRITE_BUFFER, 'any bytes'),
  returns(maintenance.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS, TMF_FORMAT),
  returns(identifying.REPORT_IDENTIFYING_INFORMATION, IDENTIFYING_FORMAT),
  takes(identifying.SET_IDENTIFYING_INFORMATION, 'the information itself'),
  returns(maintenance.REPORT_TIMESTAMP, TIMESTAMP_FORMAT),
  takes(maintenance.SET_TIMESTAMP, {
    name: 'timestamp list',
    build: buildTimestampList,
    parse: (data) => parseTimestamp(data).unixMs,
  }),
];
