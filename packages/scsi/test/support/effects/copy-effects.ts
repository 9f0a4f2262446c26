import { expect } from 'vitest';
import {
  buildExtendedCopyList,
  buildPopulateTokenList,
  buildSegment,
  buildWriteUsingTokenList,
  buildZeroRodToken,
  COPY_OPERATION_ABORT,
  CopyCommandStatus,
  CopyOperationStatus,
  EXTENDED_COPY,
  EXTENDED_COPY_LID1,
  parseAllRodTokens,
  parseCopyFailureDetails,
  parseCopyParameters,
  parseCopyStatus,
  parseCopyStatusLid1,
  parseRodToken,
  parseRodTokenInformation,
  POPULATE_TOKEN,
  RECEIVE_COPY_FAILURE_DETAILS_LID1,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS,
  RECEIVE_COPY_STATUS_LID1,
  RECEIVE_ROD_TOKEN_INFORMATION,
  REPORT_ALL_ROD_TOKENS,
  RodType,
  Status,
  WRITE_USING_TOKEN,
  type ExtendedCopyKind,
} from '../../../src/index.ts';
import { blocks, Copier, OWN } from '../copier.ts';
import { effect, STORED, type CommandEffect, type Scene } from './command-effect.ts';

const ALLOCATION_LENGTH = 4096;
const LIST_IDENTIFIER = 7;
const segment = blocks({ source: OWN, destination: OWN, blockCount: 4, destinationLba: 70 });

function list(kind: ExtendedCopyKind, more: { immediate?: boolean; blockCount?: number } = {}): Uint8Array {
  const { immediate = false, blockCount = segment.blockCount } = more;
  const header = { listId: LIST_IDENTIFIER, immediate };
  const built = buildSegment({ ...segment, blockCount });
  return buildExtendedCopyList(kind, header, [], immediate ? [built, built] : [built]);
}

const copied = ({ device }: Scene): void => expect(device.blocks(70, 4)).toEqual(STORED.subarray(0, 4 * 512));

/** A copy has been made, or has failed, or a token. */
const copy = ({ initiator }: Scene) => new Copier(initiator).send(list('lid4'), 'lid4');
const failedCopy = ({ initiator }: Scene) => new Copier(initiator).send(list('lid1', { blockCount: 1000 }));
const ranges = [{ lba: 2, blockCount: 3 }];

async function populated({ initiator }: Scene): Promise<void> {
  const dataOut = buildPopulateTokenList({ ranges });
  const cdb = POPULATE_TOKEN.encode({ LIST_IDENTIFIER, PARAMETER_LIST_LENGTH: dataOut.length });
  expect((await initiator.send(cdb, { dataOut })).status).toBe(Status.GOOD);
}

const tokenList = buildPopulateTokenList({ ranges });
const zeroes = buildWriteUsingTokenList({ token: buildZeroRodToken(), ranges });

/** What the third-party copy commands do. */
export const COPY_EFFECTS: readonly CommandEffect[] = [
  effect(EXTENDED_COPY_LID1, { PARAMETER_LIST_LENGTH: list('lid1').length }, copied, {
    dataOut: list('lid1'),
  }),
  effect(EXTENDED_COPY, { PARAMETER_LIST_LENGTH: list('lid4').length }, copied, { dataOut: list('lid4') }),
  effect(
    POPULATE_TOKEN,
    { LIST_IDENTIFIER, PARAMETER_LIST_LENGTH: tokenList.length },
    async ({ initiator }) => {
      const { token = new Uint8Array(0) } = await new Copier(initiator).information(LIST_IDENTIFIER);
      expect(parseRodToken(token)).toMatchObject({
        rodType: RodType.POINT_IN_TIME_CHANGE_VULNERABLE,
        lengthBytes: 3 * 512,
      });
    },
    { dataOut: tokenList },
  ),
  effect(
    WRITE_USING_TOKEN,
    { LIST_IDENTIFIER, PARAMETER_LIST_LENGTH: zeroes.length },
    ({ device }) => expect(device.blocks(2, 3)).toEqual(new Uint8Array(3 * 512)),
    { dataOut: zeroes },
  ),
  effect(
    COPY_OPERATION_ABORT,
    { LIST_IDENTIFIER },
    async ({ initiator }) => {
      const { status } = await new Copier(initiator).information(LIST_IDENTIFIER);
      expect(status.status).toBe(CopyOperationStatus.TERMINATED);
    },
    // The copy begins, and has not had a turn for its second segment when it is aborted.
    {
      prepare: ({ initiator }: Scene) =>
        new Copier(initiator).send(list('lid4', { immediate: true }), 'lid4'),
    },
  ),
  effect(
    RECEIVE_COPY_STATUS_LID1,
    { LIST_IDENTIFIER, ALLOCATION_LENGTH },
    (_scene, { data }) =>
      expect(parseCopyStatusLid1(data)).toEqual({
        status: CopyCommandStatus.COMPLETED,
        segmentsProcessed: 1,
        transferredBytes: 4 * 512,
      }),
    { prepare: ({ initiator }: Scene) => new Copier(initiator).send(list('lid1')) },
  ),
  effect(RECEIVE_COPY_OPERATING_PARAMETERS, { ALLOCATION_LENGTH }, (_scene, { data }) =>
    expect([...parseCopyParameters(data).descriptorTypes]).toEqual([0x02, 0x07, 0x0a, 0xe4]),
  ),
  effect(
    RECEIVE_COPY_FAILURE_DETAILS_LID1,
    { LIST_IDENTIFIER, ALLOCATION_LENGTH },
    (_scene, { data }) =>
      expect(parseCopyFailureDetails(data)).toMatchObject({ status: Status.CHECK_CONDITION }),
    { prepare: failedCopy },
  ),
  effect(
    RECEIVE_COPY_STATUS,
    { LIST_IDENTIFIER, ALLOCATION_LENGTH },
    (_scene, { data }) =>
      expect(parseCopyStatus(data)).toMatchObject({
        serviceAction: 0x01,
        status: CopyOperationStatus.COMPLETED,
        transferCount: 4 * 512,
      }),
    { prepare: copy },
  ),
  effect(
    RECEIVE_ROD_TOKEN_INFORMATION,
    { LIST_IDENTIFIER, ALLOCATION_LENGTH },
    (_scene, { data }) => expect(parseRodTokenInformation(data).token).toHaveLength(512),
    { prepare: populated },
  ),
  effect(
    REPORT_ALL_ROD_TOKENS,
    { ALLOCATION_LENGTH },
    (_scene, { data }) =>
      expect(parseAllRodTokens(data).map((token) => parseRodToken(token).lengthBytes)).toEqual([3 * 512]),
    { prepare: populated },
  ),
];
