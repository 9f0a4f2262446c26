import type { OpcodeName } from '../codec/opcode-table.ts';
import type { Fields } from '../codec/tlv.ts';
import { DONE, type Handler, type Reply, type RequestContext, type ServerRequest } from './request.ts';
import type { OpenHandle } from './open-handle.ts';
import { takeQuiesced } from './quiesce-requests.ts';
import { NbsRefusal, type OpenObject } from './service.ts';
import type { ServerSession } from './session.ts';
import { wishOf } from './snapshot-requests.ts';

/** How long a prepared group holds changes back when nothing is said. */
const DEFAULT_HOLD_MS = 10_000;

/** Prepared groups that a session may have. */
const PREPARED_LIMIT = 16;

/** The objects of a group, which the user may take snapshots of. Throws a {@link NbsRefusal}. */
function membersOf({ object = [] }: Fields, session: ServerSession): OpenHandle[] {
  const handles = object.map(({ handle }) => session.handle(handle ?? 0));
  if (!handles.every((each) => each.object.describe().permissions.snapshot))
    throw new NbsRefusal('PERM', 'the user may not take snapshots of all of them');
  return handles;
}

const objectsOf = (handles: readonly OpenHandle[]): OpenObject[] => handles.map(({ object }) => object);

async function snapshot({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const { service } = context.core;
  if (service.groupSnapshot === undefined)
    throw new NbsRefusal('NOTSUP', 'this server takes no snapshots of several objects');
  const members = membersOf(fields, context.session);
  const objects = objectsOf(members);
  const asked = { fields, uuids: members.map(({ uuid }) => uuid), wish: wishOf(fields) };
  const { uuid, snapshots } = await takeQuiesced(context, asked, {
    take: (wish) => service.groupSnapshot!(objects, wish),
    drop: async (taken) => {
      for (const [index, each] of taken.snapshots.entries())
        await objects[index]!.snapshots!.delete(each.uuid!);
    },
  });
  return { fields: { uuid, snapshot: snapshots } };
}

async function prepare({ fields }: ServerRequest, { core, session }: RequestContext): Promise<Reply> {
  const { service, clock, limits } = core;
  if (service.prepareGroup === undefined)
    throw new NbsRefusal('NOTSUP', 'this server prepares no snapshots of several objects');
  if (session.prepared.size + session.preparing >= PREPARED_LIMIT)
    throw new NbsRefusal('LIMIT', `a session has at most ${PREPARED_LIMIT} prepared groups`);
  const holdMs = Math.min(fields.holdMs ?? DEFAULT_HOLD_MS, limits.maxHoldMs);
  const members = objectsOf(membersOf(fields, session));
  session.preparing++;
  const group = await service.prepareGroup(members, wishOf(fields)).finally(() => session.preparing--);
  const { uuid } = group;
  if (session.closed) {
    await group.abort();
    throw new NbsRefusal('SESSION_LOST', 'the session has ended');
  }
  const giveUp = (): void => {
    session.prepared.delete(uuid);
    group.abort().catch((error: unknown) => core.reportInternalError(error));
  };
  session.prepared.set(uuid, { group, cancel: clock.setTimer(holdMs, giveUp) });
  return { fields: { uuid, holdMs } };
}

async function commit({ fields }: ServerRequest, { session }: RequestContext): Promise<Reply> {
  const group = session.takePrepared(fields.uuid!);
  if (group === undefined)
    throw new NbsRefusal('TIMEOUT', 'the group was given up, or never prepared; no snapshot was taken');
  return { fields: { uuid: group.uuid, snapshot: await group.commit() } };
}

async function abort({ fields }: ServerRequest, { session }: RequestContext): Promise<Reply> {
  await session.takePrepared(fields.uuid!)?.abort();
  return DONE;
}

/** The requests about groups. */
export type GroupRequest = Extract<OpcodeName, `GROUP_${string}`>;

/** What each of them does. */
export const GROUP_HANDLERS: Readonly<Record<GroupRequest, Handler>> = {
  GROUP_SNAPSHOT: snapshot,
  GROUP_PREPARE: prepare,
  GROUP_COMMIT: commit,
  GROUP_ABORT: abort,
};
