/** Pieces of one request at work at the same time. */
const MAX_PARALLEL = 8;

/** One piece of a range. */
export type PieceWorker = (offset: number, length: number) => Promise<void>;

/**
 * Does a range in pieces of at most `pieceLength`, a bounded number of them at a time. After a failure no further
 * piece is begun; it rejects when those under way have ended, so that buffers are free by then.
 */
export async function inPieces(
  offset: number,
  length: number,
  pieceLength: number,
  work: PieceWorker,
): Promise<void> {
  if (length <= pieceLength) return work(offset, length);
  const end = offset + length;
  let next = offset;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < end && failure === undefined) {
      const at = next;
      next += pieceLength;
      try {
        await work(at, Math.min(pieceLength, end - at));
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_PARALLEL }, worker));
  if (failure !== undefined) throw failure.error;
}
