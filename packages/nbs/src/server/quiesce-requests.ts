import type { OpcodeName } from '../codec/opcode-table.ts';
import type { Fields } from '../codec/tlv.ts';
import type { Said } from './quiesce.ts';
import { DONE, type Handler, type Reply, type RequestContext, type ServerRequest } from './request.ts';
import { NbsRefusal, type SnapshotWish } from './service.ts';

/** How long clients have to suspend what uses objects, when nothing is said. */
const DEFAULT_READY_MS = 30_000;

/**
 * Takes snapshots: while what uses the objects is suspended, when the request asks for that. They are deleted when it
 * turns out that something went on before. Throws a {@link NbsRefusal}.
 */
export async function takeQuiesced<T>(
  { core }: RequestContext,
  {
    fields,
    uuids,
    wish,
  }: { readonly fields: Fields; readonly uuids: readonly string[]; readonly wish: SnapshotWish },
  {
    take,
    drop,
  }: { readonly take: (wish: SnapshotWish) => Promise<T>; readonly drop: (taken: T) => Promise<void> },
): Promise<T> {
  if (fields.quiesce !== true) return await take(wish);
  if (wish.level !== undefined)
    throw new NbsRefusal('INVAL', 'with quiesce, the level is that of what was suspended; leave it out');
  const readyMs = Math.min(fields.readyMs ?? DEFAULT_READY_MS, core.limits.maxReadyMs);
  const { result, isHeld } = await core.quiesce.during(uuids, readyMs, (level) => take({ ...wish, level }));
  if (isHeld) return result;
  await drop(result);
  throw new NbsRefusal(
    'QUIESCE_FAILED',
    'something went on before the snapshot was taken, which was deleted',
  );
}

function subscribe(_request: ServerRequest, { open }: RequestContext): Reply {
  open!.quiesces = true;
  return DONE;
}

const telling =
  (said: (fields: Fields) => Said): Handler =>
  ({ fields }, { core, session }) => {
    core.quiesce.tell(fields.uuid!, session, said(fields));
    return DONE;
  };

/** The requests of clients that suspend what uses objects. */
export type QuiesceRequest = Extract<OpcodeName, `QUIESCE_${string}`>;

/** What each of them does. */
export const QUIESCE_HANDLERS: Readonly<Record<QuiesceRequest, Handler>> = {
  QUIESCE_SUBSCRIBE: subscribe,
  QUIESCE_READY: telling(({ level = 'crash' }) => ({ level })),
  QUIESCE_REFUSE: telling(({ reason = 'no reason was given' }) => ({ refusal: reason })),
  QUIESCE_HELD: telling(({ held = false }) => ({ held })),
};
