import { BlockError, type BlockErrorCode } from '@lunbox/block';
import { NbsCodecError } from '../codec/nbs-error.ts';
import type { StatusName } from '../codec/status-table.ts';
import { NbsRefusal } from './service.ts';

/** How each code of a `BlockError` is told to the client. */
const OF_BLOCK: Readonly<Record<BlockErrorCode, Exclude<StatusName, 'OK'>>> = {
  BLOCK_OUT_OF_RANGE: 'INVAL',
  BLOCK_UNALIGNED: 'INVAL',
  BLOCK_INVALID: 'INVAL',
  BLOCK_CLOSED: 'NOENT',
  BLOCK_READ_ONLY: 'READONLY',
  BLOCK_RESERVED: 'RESERVED',
  BLOCK_BUSY: 'BUSY',
  BLOCK_UNSUPPORTED: 'NOTSUP',
  BLOCK_NO_SPACE: 'NOSPC',
  BLOCK_IO: 'IO',
  BLOCK_FAULTED: 'FAULTED',
};

/** The refusal that a failure is to the client; undefined for a mistake of ours. */
export function refusalOf(error: unknown): NbsRefusal | undefined {
  if (error instanceof NbsRefusal) return error;
  if (error instanceof NbsCodecError) return new NbsRefusal('INVAL', error.message);
  if (!(error instanceof BlockError)) return undefined;
  const { code, data } = error;
  return new NbsRefusal(data.errno === 'EDQUOT' ? 'QUOTA' : OF_BLOCK[code], error.message);
}
