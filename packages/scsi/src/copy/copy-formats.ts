// The data of third-party copies, for both sides of a nexus.

export {
  buildCscdDescriptor,
  COPY_MANAGER_CSCD_ID,
  CSCD_DESCRIPTOR_BYTES,
  IDENTIFICATION_CSCD,
  parseCscdDescriptor,
  type CscdDescriptor,
} from './cscd-descriptor.ts';
export {
  buildSegment,
  parseSegment,
  SegmentType,
  type BlockSegment,
  type OffsetSegment,
  type Segment,
  type VerifySegment,
} from './segment-descriptor.ts';
export {
  buildExtendedCopyList,
  ListIdUsage,
  parseExtendedCopyHeader,
  type ExtendedCopyHeader,
  type ExtendedCopyKind,
  type ParsedExtendedCopyHeader,
} from './extended-copy-list.ts';
export {
  buildPopulateTokenList,
  buildWriteUsingTokenList,
  parsePopulateTokenList,
  parseWriteUsingTokenList,
  type PopulateTokenList,
  type TokenRanges,
  type WriteUsingTokenList,
} from './token-list.ts';
export {
  buildAllRodTokens,
  buildRodToken,
  buildZeroRodToken,
  parseAllRodTokens,
  parseRodToken,
  ROD_MANAGEMENT_TOKEN_BYTES,
  ROD_TOKEN_BYTES,
  RodType,
  type RodTokenContents,
  type RodTokenHeader,
} from './rod-token.ts';
export { buildCopyParameters, parseCopyParameters, type CopyParameters } from './copy-parameters.ts';
export {
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
  type CopyFailureDetails,
  type CopyStatus,
  type CopyStatusLid1,
} from './copy-status-data.ts';
