import type { OpcodeName } from '../codec/opcode-table.ts';
import type { Fields } from '../codec/tlv.ts';
import { takeQuiesced } from './quiesce-requests.ts';
import { objectFields } from './object-fields.ts';
import { DONE, type Handler, type Reply, type RequestContext, type ServerRequest } from './request.ts';
import { NbsRefusal, type ObjectSnapshots, type SnapshotWish, type WorkWatch } from './service.ts';

/** So many times is told how far work has come. */
const PROGRESS_STEPS = 20;

/** The snapshots of the object that a request is about. */
function snapshotsOf({ open }: RequestContext): ObjectSnapshots {
  const { snapshots } = open!.object;
  if (snapshots === undefined) throw new NbsRefusal('NOTSUP', 'the object has no snapshots');
  return snapshots;
}

/** How a snapshot is to be taken. */
export function wishOf({ name, level, label, method }: Fields): SnapshotWish {
  return {
    ...(name === undefined ? {} : { name }),
    ...(level === undefined ? {} : { level }),
    ...(label === undefined ? {} : { label }),
    ...(method === undefined ? {} : { method }),
  };
}

/** One that does something to the snapshot that is named, and tells of it. */
const onOne =
  (act: (snapshots: ObjectSnapshots, name: string, fields: Fields) => Promise<Fields>): Handler =>
  async ({ fields }, context): Promise<Reply> => ({
    fields: { snapshot: [await act(snapshotsOf(context), fields.snapshotName!, fields)] },
  });

async function create({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const snapshots = snapshotsOf(context);
  const asked = { fields, uuids: [context.open!.uuid], wish: wishOf(fields) };
  const snapshot = await takeQuiesced(context, asked, {
    take: (wish) => snapshots.create(wish),
    drop: ({ uuid }) => snapshots.delete(uuid!),
  });
  return { fields: { snapshot: [snapshot] } };
}

async function restore({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const { force = false, name } = fields;
  const options = { force, ...(name === undefined ? {} : { name }) };
  return { fields: { safety: await snapshotsOf(context).restore(fields.snapshotName!, options) } };
}

/** Tells the client of each twentieth of the work, for as long as its session is there. */
function watchFor({ handle, fields }: ServerRequest, { core, session }: RequestContext): WorkWatch {
  const { snapshotName = '' } = fields;
  let told = 0;
  return {
    signal: session.over.signal,
    onProgress: ({ doneBytes, totalBytes }) => {
      const steps = Math.floor((doneBytes / totalBytes) * PROGRESS_STEPS);
      if (steps <= told) return;
      told = steps;
      session.emitIfRoom('PROGRESS', { handle, snapshotName, doneBytes, totalBytes }, core.limits.maxEvents);
    },
  };
}

async function clone(request: ServerRequest, context: RequestContext): Promise<Reply> {
  const { fields } = request;
  const snapshots = snapshotsOf(context);
  if (snapshots.clone === undefined) throw new NbsRefusal('NOTSUP', 'this server makes no clones');
  return {
    fields: {
      object: [
        objectFields(await snapshots.clone(fields.snapshotName!, fields.name!, watchFor(request, context))),
      ],
    },
  };
}

async function publish(request: ServerRequest, context: RequestContext): Promise<Reply> {
  const { fields } = request;
  const snapshots = snapshotsOf(context);
  if (snapshots.publish === undefined) throw new NbsRefusal('NOTSUP', 'this server publishes no snapshots');
  const { fileName, sha256 } = await snapshots.publish(
    fields.snapshotName!,
    fields.name,
    watchFor(request, context),
  );
  return { fields: { fileName, sha256 } };
}

async function verify(request: ServerRequest, context: RequestContext): Promise<Reply> {
  const { fields } = request;
  const snapshots = snapshotsOf(context);
  if (snapshots.verify === undefined) throw new NbsRefusal('NOTSUP', 'this server verifies no snapshots');
  const { sound, badBytes } = await snapshots.verify(fields.snapshotName!, watchFor(request, context));
  return { fields: { ...(sound ? { sound } : {}), badBytes } };
}

async function settings(_request: ServerRequest, context: RequestContext): Promise<Reply> {
  const snapshots = snapshotsOf(context);
  if (snapshots.settings === undefined) throw new NbsRefusal('NOTSUP', 'this server has no such settings');
  return { fields: await snapshots.settings() };
}

async function configure({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const snapshots = snapshotsOf(context);
  if (snapshots.configure === undefined) throw new NbsRefusal('NOTSUP', 'this server has no such settings');
  return { fields: await snapshots.configure(fields) };
}

async function prune({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const snapshots = snapshotsOf(context);
  if (snapshots.prune === undefined) throw new NbsRefusal('NOTSUP', 'this server prunes no snapshots');
  return { fields: { verdict: await snapshots.prune(fields) } };
}

async function present({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const snapshots = snapshotsOf(context);
  if (snapshots.present === undefined) throw new NbsRefusal('NOTSUP', 'this server has no LUNs for them');
  return { fields: await snapshots.present(fields.snapshotName!, fields.lun) };
}

async function withdraw({ fields }: ServerRequest, context: RequestContext): Promise<Reply> {
  const snapshots = snapshotsOf(context);
  if (snapshots.withdraw === undefined) throw new NbsRefusal('NOTSUP', 'this server has no LUNs for them');
  return { fields: { lun: await snapshots.withdraw(fields.snapshotName!) } };
}

/** The requests about snapshots. */
export type SnapshotRequest = Extract<OpcodeName, `SNAPSHOT_${string}`>;

/** What each of them does. */
export const SNAPSHOT_HANDLERS: Readonly<Record<SnapshotRequest, Handler>> = {
  SNAPSHOT_CREATE: create,
  SNAPSHOT_LIST: async (_request, context) => ({
    fields: { snapshot: await snapshotsOf(context).list() },
  }),
  SNAPSHOT_DELETE: async ({ fields }, context) => {
    await snapshotsOf(context).delete(fields.snapshotName!);
    return DONE;
  },
  SNAPSHOT_RESTORE: restore,
  SNAPSHOT_REFRESH: onOne((snapshots, name, fields) => snapshots.refresh(name, wishOf(fields))),
  SNAPSHOT_HOLD: onOne((snapshots, name, { holder }) => snapshots.hold(name, holder![0]!)),
  SNAPSHOT_RELEASE: onOne((snapshots, name, { holder }) => snapshots.release(name, holder![0]!)),
  SNAPSHOT_BOOKMARK: onOne((snapshots, name) => snapshots.bookmark(name)),
  SNAPSHOT_RENAME: onOne((snapshots, name, fields) => snapshots.rename(name, fields.name!)),
  SNAPSHOT_CLONE: clone,
  SNAPSHOT_MATERIALISE: publish,
  SNAPSHOT_VERIFY: verify,
  SNAPSHOT_SETTINGS: settings,
  SNAPSHOT_SET: configure,
  SNAPSHOT_PRUNE: prune,
  SNAPSHOT_PRESENT: present,
  SNAPSHOT_WITHDRAW: withdraw,
};
