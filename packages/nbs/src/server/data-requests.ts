import { isPromise, mapMaybe, type Extent, type MaybePromise } from '@lunbox/block';
import { Flag, HEADER_BYTES } from '../codec/header.ts';
import type { Fields } from '../codec/tlv.ts';
import type { OpenHandle } from './open-handle.ts';
import { DONE, type Handler, type Reply, type RequestContext, type ServerRequest } from './request.ts';
import { NbsRefusal, type ChangedRun } from './service.ts';

/** Extents that one answer tells of. */
const EXTENT_LIMIT = 1024;

/** Bytes that COPY_RANGE moves at a time. */
const COPY_BYTES = 1 << 20;

const hasFua = ({ flags }: ServerRequest): boolean => (flags & Flag.FUA) !== 0;

/** The object that a request is about, which may be changed by it. */
function writable({ epoch }: ServerRequest, { open }: RequestContext): OpenHandle {
  open!.checkWriter(epoch);
  return open!;
}

function read(
  { offset, length }: ServerRequest,
  { core, open, memory }: RequestContext,
): MaybePromise<Reply> {
  if (length > core.limits.maxPayloadBytes)
    throw new NbsRefusal('INVAL', `a READ of ${length} bytes is longer than a payload`);
  const message = memory.take(HEADER_BYTES + length);
  const failed = (error: unknown): never => {
    memory.give(message);
    throw error;
  };
  try {
    const done = open!.object.device.read([message.subarray(HEADER_BYTES)], offset);
    return isPromise(done) ? done.then(() => ({ message }), failed) : { message };
  } catch (error) {
    return failed(error);
  }
}

function write(request: ServerRequest, context: RequestContext): MaybePromise<Reply> {
  const { data, offset, length } = request;
  const { object } = writable(request, context);
  if (data.length !== length)
    throw new NbsRefusal('INVAL', `LENGTH is ${length}, the payload has ${data.length} bytes`);
  return mapMaybe(object.device.write([data], offset, { fua: hasFua(request) }), () => DONE);
}

function flush(_request: ServerRequest, { open }: RequestContext): MaybePromise<Reply> {
  return mapMaybe(open!.object.device.flush(), () => DONE);
}

function trim(request: ServerRequest, context: RequestContext): MaybePromise<Reply> {
  const { device } = writable(request, context).object;
  return mapMaybe(device.unmap(request.offset, request.length), () => DONE);
}

function writeZeroes(request: ServerRequest, context: RequestContext): MaybePromise<Reply> {
  const { device } = writable(request, context).object;
  const mayUnmap = (request.flags & Flag.NO_HOLE) === 0;
  const zeroed = device.writeZeroes(request.offset, request.length, { mayUnmap });
  return mapMaybe(zeroed, () => mapMaybe(hasFua(request) ? device.flush() : undefined, () => DONE));
}

function blockStatus(request: ServerRequest, { open }: RequestContext): MaybePromise<Reply> {
  const { fields, offset, length } = request;
  const { context = 'alloc', from, to } = fields;
  if (context === 'alloc') {
    const found = open!.object.device.extents(offset, length, { limit: EXTENT_LIMIT });
    return mapMaybe(found, (extents) => ({ fields: statusFields(offset, extents) }));
  }
  const { snapshots, device } = open!.object;
  if (context !== 'changed' || from === undefined)
    throw new NbsRefusal('INVAL', 'context is alloc, or changed with a snapshot in from');
  if (snapshots === undefined) throw new NbsRefusal('NOTSUP', 'the object has no snapshots');
  if (offset + length > device.size) throw new NbsRefusal('INVAL', 'the range leaves the object');
  return changedStatus(snapshots.changes(from, to), offset, length);
}

function statusFields(offset: number, extents: readonly Extent[]): Fields {
  const last = extents.at(-1);
  const extent = extents.map((each) => ({ offset: each.offset, length: each.length, state: each.state }));
  return { length: last === undefined ? 0 : last.offset + last.length - offset, extent };
}

/** What has changed in the range, as far as one answer can tell. */
async function changedStatus(
  runs: AsyncIterable<ChangedRun>,
  offset: number,
  length: number,
): Promise<Reply> {
  const extent: Fields[] = [];
  const end = offset + length;
  for await (const run of runs) {
    const start = Math.max(offset, run.offset);
    const stop = Math.min(end, run.offset + run.length);
    if (run.offset >= end) break;
    if (extent.length === EXTENT_LIMIT) return { fields: { length: start - offset, extent } };
    if (start < stop) extent.push({ offset: start, length: stop - start, state: 'changed' });
  }
  return { fields: { length, extent } };
}

async function compareAndWrite(request: ServerRequest, context: RequestContext): Promise<Reply> {
  const { data, offset, length } = request;
  const { object } = writable(request, context);
  if (object.compareAndWrite === undefined)
    throw new NbsRefusal('NOTSUP', 'the object cannot compare and write as one action');
  if (data.length !== 2 * length)
    throw new NbsRefusal('INVAL', `the payload has ${data.length} bytes, and not twice ${length}`);
  const [expected, replacement] = [data.subarray(0, length), data.subarray(length)];
  const { matched, differsAt } = await object.compareAndWrite(expected, replacement, offset, {
    fua: hasFua(request),
  });
  if (!matched) throw new NbsRefusal('MISCOMPARE', 'the bytes are not as expected', { differsAt });
  return DONE;
}

async function copyRange(request: ServerRequest, context: RequestContext): Promise<Reply> {
  const { fields, offset, length } = request;
  const { core, session } = context;
  const target = writable(request, context);
  const source = session.handle(fields.sourceHandle!);
  const from = fields.sourceOffset!;
  if (length > core.limits.maxCopyBytes)
    throw new NbsRefusal('INVAL', `at most ${core.limits.maxCopyBytes} bytes are copied at a time`);
  if (source === target && from < offset + length && offset < from + length)
    throw new NbsRefusal('INVAL', 'the ranges overlap');
  const buffer = new Uint8Array(Math.min(length, COPY_BYTES));
  for (let done = 0; done < length; done += COPY_BYTES) {
    const piece = buffer.subarray(0, Math.min(COPY_BYTES, length - done));
    await source.object.device.read([piece], from + done);
    target.checkWriter(request.epoch);
    await target.object.device.write([piece], offset + done, { fua: hasFua(request) });
  }
  return DONE;
}

/** The requests about data. */
export type DataRequest =
  'READ' | 'WRITE' | 'FLUSH' | 'TRIM' | 'WRITE_ZEROES' | 'BLOCK_STATUS' | 'COMPARE_AND_WRITE' | 'COPY_RANGE';

/** What each of them does. */
export const DATA_HANDLERS: Readonly<Record<DataRequest, Handler>> = {
  READ: read,
  WRITE: write,
  FLUSH: flush,
  TRIM: trim,
  WRITE_ZEROES: writeZeroes,
  BLOCK_STATUS: blockStatus,
  COMPARE_AND_WRITE: compareAndWrite,
  COPY_RANGE: copyRange,
};
