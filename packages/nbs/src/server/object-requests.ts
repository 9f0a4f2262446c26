import type { OpcodeName } from '../codec/opcode-table.ts';
import type { DataRequest } from './data-requests.ts';
import { objectFields } from './object-fields.ts';
import { OpenHandle } from './open-handle.ts';
import { DONE, type Handler, type Reply, type RequestContext, type ServerRequest } from './request.ts';
import type { GroupRequest } from './group-requests.ts';
import type { QuiesceRequest } from './quiesce-requests.ts';
import type { ServerSession } from './session.ts';
import { NbsRefusal } from './service.ts';
import type { SnapshotRequest } from './snapshot-requests.ts';

async function listObjects(_request: ServerRequest, { core, session }: RequestContext): Promise<Reply> {
  const objects = await core.service.list(session.user);
  return { fields: { object: objects.map(objectFields) } };
}

async function openObject({ fields }: ServerRequest, { core, session }: RequestContext): Promise<Reply> {
  const { limits, service, leases } = core;
  if (session.handles.size >= limits.maxHandles)
    throw new NbsRefusal('LIMIT', `a session has at most ${limits.maxHandles} open objects`);
  const { name = '', snapshotName: snapshot, shared = false, exclusive = false } = fields;
  const readOnly = fields.readOnly === true || snapshot !== undefined;
  const { user, peer } = session;
  const object = await service.open({ name, snapshot, readOnly, user, peer });
  try {
    const described = object.describe();
    const { uuid } = described;
    const handle = new OpenHandle(session.takeHandleNumber(), object, { uuid, readOnly, shared });
    const fenced = readOnly ? [] : leases.enter(handle, { shared, exclusive });
    tellFenced(core, fenced);
    if (session.closed) {
      leases.leave(handle);
      throw new NbsRefusal('SESSION_LOST', 'the session has ended');
    }
    session.handles.set(handle.number, handle);
    watch(handle, session, limits.maxEvents);
    const epoch = readOnly ? {} : { epoch: handle.epoch };
    return { fields: { handle: handle.number, ...epoch, object: [objectFields(described)] } };
  } catch (error) {
    await object.device.close();
    throw error;
  }
}

/** The client hears what becomes of an open object. */
function watch(handle: OpenHandle, session: ServerSession, maxEvents: number): void {
  const { object, uuid, number } = handle;
  const endResize = object.device.onResize((sizeBytes) =>
    session.emit('OBJECT_CHANGED', { handle: number, sizeBytes }, maxEvents),
  );
  const endFault = object.onFault?.((fault) => session.emit('OBJECT_FAULT', { uuid, fault }, maxEvents));
  const endTaken = object.snapshots?.onTaken((snapshot) => {
    // Once for each session, however often it has the object open.
    const first = [...session.handles.values()].find((each) => each.uuid === uuid);
    if (first === handle) session.emit('SNAPSHOT_INITIATED', { uuid, snapshot: [snapshot] }, maxEvents);
  });
  handle.endWatch = () => {
    endResize();
    endFault?.();
    endTaken?.();
  };
}

function tellFenced({ sessions, limits }: RequestContext['core'], fenced: readonly OpenHandle[]): void {
  for (const session of sessions.values()) {
    for (const { number } of fenced.filter((handle) => session.handles.get(handle.number) === handle)) {
      const reason = 'another client has taken the object over';
      session.emit('LEASE_REVOKED', { handle: number, reason }, limits.maxEvents);
    }
  }
}

async function closeObject(_request: ServerRequest, { core, session, open }: RequestContext): Promise<Reply> {
  await core.closeHandle(session, open!);
  return DONE;
}

async function infoOf(_request: ServerRequest, { open }: RequestContext): Promise<Reply> {
  const { object, epoch } = open!;
  const status = await object.status?.();
  const described = objectFields(object.describe());
  return { fields: { object: [described], ...status, ...(epoch === 0 ? {} : { epoch }) } };
}

async function createObject({ fields }: ServerRequest, { core, session }: RequestContext): Promise<Reply> {
  const { name = '', sizeBytes = 0, blockSize, description } = fields;
  if (core.service.create === undefined) throw new NbsRefusal('NOTSUP', 'this server makes no objects');
  const made = await core.service.create({ name, sizeBytes, blockSize, description }, session.user);
  return { fields: { object: [objectFields(made)] } };
}

async function deleteObject(
  { fields }: ServerRequest,
  { core, session, open }: RequestContext,
): Promise<Reply> {
  const { object } = open!;
  if (object.delete === undefined) throw new NbsRefusal('NOTSUP', 'this server deletes no objects');
  await object.delete({ force: fields.force === true });
  await core.closeHandle(session, open!);
  return DONE;
}

async function setAttributes({ fields }: ServerRequest, { open }: RequestContext): Promise<Reply> {
  const { object } = open!;
  if (object.setDescription === undefined) throw new NbsRefusal('NOTSUP', 'the object keeps no texts');
  await object.setDescription(fields.description!);
  return { fields: { object: [objectFields(object.describe())] } };
}

async function resize({ fields }: ServerRequest, { open }: RequestContext): Promise<Reply> {
  const { object } = open!;
  if (object.resize === undefined) throw new NbsRefusal('NOTSUP', 'the object keeps its size');
  await object.resize(fields.sizeBytes!);
  return { fields: { sizeBytes: object.device.size } };
}

function acknowledge({ fields }: ServerRequest, { session }: RequestContext): Reply {
  session.acknowledge(fields.eventSequence!);
  return DONE;
}

function serverStatus(_request: ServerRequest, { core, session }: RequestContext): Reply {
  const { serverId, serverName, clock, startedMs, sessions } = core;
  const uptimeMs = Math.floor(clock.nowMs() - startedMs);
  const user = session.user === undefined ? {} : { user: session.user };
  return { fields: { serverId, serverName, uptimeMs, sessionCount: sessions.size, ...user } };
}

/** The other requests in a session; BYE is the connection's own. */
export type ObjectRequest = Exclude<
  OpcodeName,
  DataRequest | SnapshotRequest | GroupRequest | QuiesceRequest | 'HELLO' | 'AUTH' | 'BYE'
>;

/** What each of them does. */
export const OBJECT_HANDLERS: Readonly<Record<ObjectRequest, Handler>> = {
  PING: () => DONE,
  EVENT_ACK: acknowledge,
  SERVER_STATUS: serverStatus,
  OBJECT_LIST: listObjects,
  OPEN: openObject,
  CLOSE: closeObject,
  INFO: infoOf,
  SET_ATTRIBUTES: setAttributes,
  OBJECT_CREATE: createObject,
  OBJECT_DELETE: deleteObject,
  RESIZE: resize,
};
