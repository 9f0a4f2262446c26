import * as copy from '../cdb/copy-cdbs.ts';
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
import { valueWords, type Meanings } from '../description/description.ts';
import { returns, takes, withoutData, type CommandData } from './command-data-row.ts';

const STATUS: Meanings = {
  status: valueWords(CopyOperationStatus),
  transferCountUnits: valueWords(TransferCountUnits),
};

const ROD: Meanings = { rodType: valueWords(RodType) };

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
    meanings: { type: valueWords(SegmentType) },
  };
}

/** The data of the third-party copy commands. */
export const COPY_DATA: readonly CommandData[] = [
  takes(copy.EXTENDED_COPY_LID1, copyList('lid1')),
  takes(copy.EXTENDED_COPY, copyList('lid4')),
  takes(copy.POPULATE_TOKEN, {
    name: 'POPULATE TOKEN parameter list',
    build: buildPopulateTokenList,
    parse: parsePopulateTokenList,
    meanings: ROD,
  }),
  takes(copy.WRITE_USING_TOKEN, {
    name: 'WRITE USING TOKEN parameter list',
    build: buildWriteUsingTokenList,
    parse: parseWriteUsingTokenList,
  }),
  ...withoutData(copy.COPY_OPERATION_ABORT),
  returns(copy.RECEIVE_COPY_STATUS_LID1, {
    name: 'copy status',
    build: buildCopyStatusLid1,
    parse: parseCopyStatusLid1,
    meanings: { status: valueWords(CopyCommandStatus) },
  }),
  returns(copy.RECEIVE_COPY_OPERATING_PARAMETERS, {
    name: 'copy operating parameters',
    build: buildCopyParameters,
    parse: parseCopyParameters,
  }),
  returns(copy.RECEIVE_COPY_FAILURE_DETAILS_LID1, {
    name: 'copy failure details',
    build: buildCopyFailureDetails,
    parse: parseCopyFailureDetails,
  }),
  returns(copy.RECEIVE_COPY_STATUS, {
    name: 'copy status',
    build: buildCopyStatus,
    parse: parseCopyStatus,
    meanings: STATUS,
  }),
  returns(copy.RECEIVE_ROD_TOKEN_INFORMATION, {
    name: 'ROD token information',
    build: buildRodTokenInformation,
    parse: parseRodTokenInformation,
    meanings: STATUS,
  }),
  returns(copy.REPORT_ALL_ROD_TOKENS, {
    name: 'ROD tokens',
    build: buildAllRodTokens,
    parse: (data) => parseAllRodTokens(data).map(parseRodToken),
    meanings: ROD,
  }),
];
