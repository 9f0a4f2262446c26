import * as copy from '../cdb/copy-cdbs.ts';
import type { AnyCdbDefinition } from '../cdb/cdb-definition.ts';
import { checkedCopyList } from '../copy/checked-copy-list.ts';
import { buildCopyParameters, parseCopyParameters } from '../copy/copy-parameters.ts';
import {
  buildCopyFailureDetails,
  buildCopyStatus,
  buildCopyStatusLid1,
  buildRodTokenInformation,
  CopyCommandStatus,
  CopyOperationStatus,
  parseCopyFailureDetails,
  parseCopyStatus,
  parseCopyStatusLid1,
  parseRodTokenInformation,
  TransferCountUnits,
} from '../copy/copy-status-data.ts';
import { buildExtendedCopyList, type ExtendedCopyKind } from '../copy/extended-copy-list.ts';
import { buildAllRodTokens, parseAllRodTokens, parseRodToken, RodType } from '../copy/rod-token.ts';
import { SegmentType } from '../copy/segment-descriptor.ts';
import {
  buildPopulateTokenList,
  buildWriteUsingTokenList,
  parsePopulateTokenList,
  parseWriteUsingTokenList,
} from '../copy/token-list.ts';
import type { DataFormat } from '../description/data-format.ts';
import type { Meanings } from '../description/description.ts';
import type { CommandData } from './command-data.ts';

const NONE = 'no data';

function words(codes: Readonly<Record<string, number>>): Readonly<Record<number, string>> {
  const pairs = Object.entries(codes).map(([name, code]) => [code, name.toLowerCase().replaceAll('_', ' ')]);
  return Object.fromEntries(pairs) as Readonly<Record<number, string>>;
}

const STATUS: Meanings = {
  status: words(CopyOperationStatus),
  transferCountUnits: words(TransferCountUnits),
};

const ROD: Meanings = { rodType: words(RodType) };

function copyList(kind: ExtendedCopyKind): DataFormat {
  return {
    name: 'EXTENDED COPY parameter list',
    build: buildExtendedCopyList,
    parse: (data) => {
      const { header, cscds, segments } = checkedCopyList(kind, data);
      return {
        ...header,
        cscd: cscds.map(({ item }) => item),
        segment: segments.map(({ item }) => item),
      };
    },
    meanings: { type: words(SegmentType) },
  };
}

function dataOut(cdb: AnyCdbDefinition, format: DataFormat): CommandData {
  return { cdb, dataIn: NONE, dataOut: format };
}

function dataIn(cdb: AnyCdbDefinition, format: DataFormat): CommandData {
  return { cdb, dataIn: format, dataOut: NONE };
}

/** The data of the third-party copy commands. */
export const COPY_DATA: readonly CommandData[] = [
  dataOut(copy.EXTENDED_COPY_LID1, copyList('lid1')),
  dataOut(copy.EXTENDED_COPY, copyList('lid4')),
  dataOut(copy.POPULATE_TOKEN, {
    name: 'POPULATE TOKEN parameter list',
    build: buildPopulateTokenList,
    parse: parsePopulateTokenList,
    meanings: ROD,
  }),
  dataOut(copy.WRITE_USING_TOKEN, {
    name: 'WRITE USING TOKEN parameter list',
    build: buildWriteUsingTokenList,
    parse: parseWriteUsingTokenList,
  }),
  { cdb: copy.COPY_OPERATION_ABORT, dataIn: NONE, dataOut: NONE },
  dataIn(copy.RECEIVE_COPY_STATUS_LID1, {
    name: 'copy status',
    build: buildCopyStatusLid1,
    parse: parseCopyStatusLid1,
    meanings: { status: words(CopyCommandStatus) },
  }),
  dataIn(copy.RECEIVE_COPY_OPERATING_PARAMETERS, {
    name: 'copy operating parameters',
    build: buildCopyParameters,
    parse: parseCopyParameters,
  }),
  dataIn(copy.RECEIVE_COPY_FAILURE_DETAILS_LID1, {
    name: 'copy failure details',
    build: buildCopyFailureDetails,
    parse: parseCopyFailureDetails,
  }),
  dataIn(copy.RECEIVE_COPY_STATUS, {
    name: 'copy status',
    build: buildCopyStatus,
    parse: parseCopyStatus,
    meanings: STATUS,
  }),
  dataIn(copy.RECEIVE_ROD_TOKEN_INFORMATION, {
    name: 'ROD token information',
    build: buildRodTokenInformation,
    parse: parseRodTokenInformation,
    meanings: STATUS,
  }),
  dataIn(copy.REPORT_ALL_ROD_TOKENS, {
    name: 'ROD tokens',
    build: buildAllRodTokens,
    parse: (data) => parseAllRodTokens(data).map(parseRodToken),
    meanings: ROD,
  }),
];
