import type { GroupOptions, TakenGroup } from '@lunbox/snapshot';
import { ServerError } from '../server-error.ts';
import type { LunboxServer } from '../server.ts';
import type { ControlRequest } from './control-request.ts';
import type { Verb } from './control-verbs.ts';
import type { Asker } from './control-socket.ts';
import { copyOn, type CopyVerb } from './snap-copies.ts';
import { actOn, told, type SimpleVerb, type SnapDesk } from './snap-desk.ts';
import { diffLines } from './snap-diff.ts';
import { takeGroup } from './snap-group.ts';
import { prune } from './snap-prune.ts';
import type { SnapVerb } from './snap-request.ts';
import { decideSchedule } from './snap-schedule-command.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import { ServedSnapshots } from '../served-snapshots.ts';
import { watchRestore } from './snap-restore.ts';

/** A desk for the disk that a request is about. */
export function deskOf(
  server: LunboxServer,
  { lun, path }: Pick<ControlRequest<'snap-ls'>, 'lun' | 'path'>,
): SnapDesk & { readonly served: ServedSnapshots } {
  const { targets } = server;
  const luns = targets.flatMap((target, targetIndex) =>
    target.luns.map((each) => ({ ...each, targetIndex })),
  );
  const found = luns.find((each) => (lun === undefined ? each.path === path : each.lun === lun));
  if (found === undefined || (lun === undefined && path === undefined)) {
    const what = lun === undefined ? (path ?? 'a disk without a name') : `LUN ${lun}`;
    const there = luns.map((each) => `${each.lun} (${each.path ?? each.kind})`).join(', ');
    throw new ServerError('SERVER_WRONG_STATE', `the server has no ${what}; it has the LUNs ${there}`);
  }
  const served = server.snapshots(found.lun, found.targetIndex);
  return {
    disk: found.path ?? `LUN ${found.lun}`,
    set: served.set,
    served,
    lunOf: (id) => served.lunOf(id),
    createQuiesced: (options) => served.createQuiesced(options),
    delete: (snapshot) => served.delete(snapshot),
  };
}

const simple = async (
  { server }: { readonly server: LunboxServer },
  request: ControlRequest<SimpleVerb>,
): Promise<{ result: unknown }> => ({ result: await actOn(deskOf(server, request), request) });

/** Goes on as long as the asker waits for it. */
const copy = async (
  { server }: { readonly server: LunboxServer },
  request: ControlRequest<CopyVerb>,
  { ended, progress }: Asker,
): Promise<{ result: unknown }> => {
  const wanted = new AbortController();
  void ended.then(() => wanted.abort());
  const options = { onProgress: seldom(progress), signal: wanted.signal };
  return { result: await copyOn(deskOf(server, request), request, options) };
};

/** Tells of each percent once: who asks may be slow to read. */
function seldom(tell: Asker['progress']): Asker['progress'] {
  let shown = -1;
  return ({ doneBytes, totalBytes }) => {
    const percent = Math.floor((doneBytes / totalBytes) * 100);
    if (percent !== shown) tell({ doneBytes, totalBytes });
    shown = percent;
  };
}

/** What a server that runs does with the snapshots of its disks. */
export const SNAP_CONTROL: { readonly [V in SnapVerb]: Verb<V> } = {
  'snap-ls': simple,
  'snap-policy': simple,
  'snap-create': simple,
  'snap-rm': simple,
  'snap-rename': simple,
  'snap-hold': simple,
  'snap-release': simple,
  'snap-refresh': simple,
  'snap-bookmark': simple,
  'snap-group': async ({ server }, { disks, ...request }) => {
    const desks = disks.map((disk) =>
      deskOf(server, typeof disk === 'number' ? { lun: disk } : { path: disk }),
    );
    const served = desks.map((desk) => desk.served);
    const take = (options: Omit<GroupOptions, 'level'>): Promise<TakenGroup> =>
      ServedSnapshots.createGroupQuiesced(served, options);
    return { result: await takeGroup(desks, request, take) };
  },
  'snap-prune': async ({ server }, request) => ({
    result: await prune(deskOf(server, request), request, Date.now()),
  }),
  'snap-schedule': async ({ server }, request) => ({
    result: await decideSchedule(deskOf(server, request), request, Date.now()),
  }),
  'snap-publish': copy,
  'snap-clone': copy,
  'snap-verify': copy,
  'snap-diff': ({ server }, request) => {
    const payload = diffLines(deskOf(server, request), request.snapshot, request.until);
    return { result: {}, payload };
  },
  'snap-open': ({ server }, request) => {
    const desk = deskOf(server, request);
    const { asLun, snapshot } = request;
    const lun = desk.served.open(snapshot, asLun === undefined ? {} : { lun: asLun });
    const url = server.url(lun);
    return { result: { ...told(desk, 'opened', findSnapshot(desk.set, snapshot)), lun, url } };
  },
  'snap-close': async ({ server }, request) => {
    const desk = deskOf(server, request);
    const info = findSnapshot(desk.set, request.snapshot);
    const lun = await desk.served.close(info.id);
    return { result: { ...told(desk, 'closed', info), lun } };
  },
  'snap-restore': async ({ server }, request, { progress }) => {
    const desk = deskOf(server, request);
    const { snapshot, name, force = false } = request;
    const info = findSnapshot(desk.set, snapshot);
    const begun = await desk.served.restore(info.id, { force, ...(name === undefined ? {} : { name }) });
    await watchRestore(desk.set, begun, progress);
    return { result: { ...told(desk, 'restored', info), safety: begun.safety } };
  },
};
