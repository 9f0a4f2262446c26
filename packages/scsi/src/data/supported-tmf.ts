import { u32be, u8 } from 'buffer-layout';
import { bytes, flags, structure, type Structure } from '../structure.ts';

/** Which task management functions there are (SPC-4 table 288): 1 where there is one. */
export interface SupportedTmf {
  /** ABORT TASK. */
  ATS: number;
  /** ABORT TASK SET. */
  ATSS: number;
  /** CLEAR ACA. */
  CACAS: number;
  /** CLEAR TASK SET. */
  CTSS: number;
  /** LOGICAL UNIT RESET. */
  LURS: number;
  /** QUERY TASK. */
  QTS: number;
  /** QUERY ASYNCHRONOUS EVENT. */
  QAES: number;
  /** QUERY TASK SET. */
  QTSS: number;
  /** I_T NEXUS RESET. */
  ITNRS: number;
}

const functions = [
  flags('ATS', 'ATSS', 'CACAS', 'CTSS', 'LURS', 'QTS', 'RESERVED:2'),
  flags('RESERVED:5', 'QAES', 'QTSS', 'ITNRS'),
  bytes(1),
  u8('ADDITIONAL_LENGTH'),
];

interface SupportedTmfData extends SupportedTmf {
  ADDITIONAL_LENGTH: number;
}

/** Basic data (SPC-4 table 288). */
const basicData: Structure<SupportedTmfData> = structure(4, functions);

/** Extended data (SPC-4 table 289); no timeout is ever told. */
const extendedData: Structure<SupportedTmfData> = structure(16, [
  ...functions,
  flags('RESERVED:7', 'TMFTMOV'),
  bytes(3),
  u32be('TASK_MANAGEMENT_FUNCTIONS_LONG_TIMEOUT'),
  u32be('TASK_MANAGEMENT_FUNCTIONS_SHORT_TIMEOUT'),
]);

/** REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data; `extended` with REPD. */
export function buildSupportedTmf(
  supported: Partial<SupportedTmf>,
  extended: boolean,
): Uint8Array<ArrayBuffer> {
  const layout = extended ? extendedData : basicData;
  return layout.encode({ ...supported, ADDITIONAL_LENGTH: layout.spanBytes - basicData.spanBytes });
}

/** Reads REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data. */
export function parseSupportedTmf(data: Uint8Array): SupportedTmf {
  return basicData.decode(data);
}
