import type { Capture, DrainOptions } from '@lunbox/iscsi-target';
import { checkIscsiName } from '../iscsi-name.ts';
import { formatPortal, parsePortal } from '../portal.ts';
import { ServerError } from '../server-error.ts';
import type { IscsiOperations, LunboxServer } from '../server.ts';
import { checkControlRequest, type ControlRequest, type ControlVerb } from './control-request.ts';
import { reloadOf, type ConfigReload } from './config-reload.ts';
import { readLocations } from './disk-locations.ts';
import { lunOf } from './lun-flags.ts';
import type { Asker, ControlAnswer } from './control-socket.ts';
import type { Redirects } from './redirects.ts';
import { withSnapshotLists, type ListedCatalog } from './catalog-snapshots.ts';
import type { CatalogNow, ServedCatalog } from './served-catalog.ts';
import { SNAP_CONTROL } from './snap-verbs.ts';
import { controlUsers } from './users-verb.ts';

/** What the verbs work on. */
export interface Controlled {
  readonly server: LunboxServer;
  readonly redirects: Redirects;
  readonly catalog: ServedCatalog;
  /** The configuration file, where the server has one. */
  readonly reload: ConfigReload | undefined;
  /** The ring, when one was asked for. */
  readonly capture: Capture | undefined;
  /** True from a drain until logins are taken again. */
  draining: boolean;
  /** True while somebody works in the quiet: nobody else may end it. */
  maintained: boolean;
}

/** What is told of the catalog. */
export type ToldCatalog = ListedCatalog & Omit<CatalogNow, 'catalog'>;

/** What does what one verb asks for. */
export type Verb<V extends ControlVerb> = (
  controlled: Controlled,
  request: ControlRequest<V>,
  asker: Asker,
) => ControlAnswer | Promise<ControlAnswer>;

const VERBS: { readonly [V in ControlVerb]: Verb<V> } = {
  status: async (controlled) => ({ result: await statusOf(controlled) }),
  statistics: ({ server }) => ({ result: iscsiOf(server).statistics() }),
  catalog: async ({ catalog }) => ({ result: await toldCatalog(catalog) }),
  rescan: async ({ catalog }) => {
    await catalog.rescan();
    return { result: await toldCatalog(catalog) };
  },
  capture: ({ capture }) => {
    if (capture) return { result: {}, payload: capture.toPcap() };
    throw new ServerError(
      'SERVER_WRONG_STATE',
      'nothing is recorded; start the server with --capture-seconds',
    );
  },
  drain,
  resume: (controlled) => {
    checkUnmaintained(controlled);
    iscsiOf(controlled.server).resume();
    controlled.draining = false;
    return { result: {} };
  },
  maintenance,
  redirect,
  eject: async ({ server, catalog }, { lun, force = false }) => {
    await server.eject(lun, { force });
    await catalog.rescan();
    return { result: {} };
  },
  insert: async ({ server, catalog }, { lun, path }) => {
    await server.insert(lun, path);
    await catalog.rescan();
    return { result: {} };
  },
  attach: async ({ server, catalog }, { path, lun, readOnly = false }) => {
    const [wish] = lun === undefined ? await readLocations([path]) : [{ lun }];
    const number = await server.live.attach(lunOf(path, { lun: wish?.lun, readOnly }));
    await catalog.rescan();
    return { result: { lun: number, url: server.url(number) } };
  },
  detach: async ({ server, catalog }, { lun, force = false }) => {
    await server.live.detach(lun, { force });
    await catalog.rescan();
    return { result: {} };
  },
  resize: async ({ server }, { lun, sizeBytes }) => {
    await server.resize(lun, sizeBytes);
    return { result: {} };
  },
  rename: async ({ server }, { lun, product, revision }) => {
    if (product === undefined && revision === undefined)
      throw new ServerError('SERVER_BAD_OPTIONS', 'rename needs a product or a revision');
    await server.rename(lun, {
      ...(product === undefined ? {} : { product }),
      ...(revision === undefined ? {} : { revision }),
    });
    return { result: {} };
  },
  alua: ({ server }, { portalGroup, state, lun }) => {
    server.setPortGroup(portalGroup, { state }, lun === undefined ? {} : { lun });
    return { result: {} };
  },
  users: ({ server }, request) => controlUsers(server, request),
  'config-diff': async ({ reload }, { path }) => ({ result: { changes: await reloadOf(reload).diff(path) } }),
  'config-apply': async ({ reload, catalog }, { path, force = false }) => {
    const changes = await reloadOf(reload).apply(path, { force });
    await catalog.rescan();
    return { result: { changes } };
  },
  ...SNAP_CONTROL,
};

/** Does what a request asks for. Throws a {@link ServerError}. */
export async function control(
  controlled: Controlled,
  request: unknown,
  asker: Asker,
): Promise<ControlAnswer> {
  const checked = checkControlRequest(request);
  return (VERBS[checked.verb] as Verb<ControlVerb>)(controlled, checked, asker);
}

async function toldCatalog(served: ServedCatalog): Promise<ToldCatalog> {
  const { catalog, ...scan } = await served.now();
  return { ...scan, ...(await withSnapshotLists(catalog)) };
}

async function statusOf({ server, redirects, draining }: Controlled): Promise<Record<string, unknown>> {
  const { portals, tlsPortals, nbsPortals, nbdPortals } = server;
  const { sessions } = iscsiOf(server);
  const targets = await server.measure();
  return {
    pid: process.pid,
    portals,
    tlsPortals,
    nbsPortals,
    nbdPortals,
    targets,
    draining,
    redirects: redirects.rules,
    sessions,
  };
}

async function drain(controlled: Controlled, request: ControlRequest<'drain'>): Promise<ControlAnswer> {
  checkUnmaintained(controlled);
  const options = drainOptions(request);
  const iscsi = iscsiOf(controlled.server);
  controlled.draining = true;
  await iscsi.drain(options);
  return { result: {} };
}

/** Keeps everybody out until the asker ends, which it does by its will or not: logins are never left shut. */
async function maintenance(
  controlled: Controlled,
  request: ControlRequest<'maintenance'>,
  { begin, ended }: Asker,
): Promise<ControlAnswer> {
  checkUnmaintained(controlled);
  const options = drainOptions(request);
  const iscsi = iscsiOf(controlled.server);
  const work = (): Promise<void> => {
    begin();
    return ended;
  };
  controlled.draining = controlled.maintained = true;
  try {
    await iscsi.maintenance(work, options);
    return { result: {} };
  } finally {
    controlled.draining = controlled.maintained = false;
  }
}

function drainOptions({ address, timeoutMs }: ControlRequest<'drain' | 'maintenance'>): DrainOptions {
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(address === undefined ? {} : { redirectTo: checkAddress(address) }),
  };
}

function checkUnmaintained({ maintained }: Controlled): void {
  if (!maintained) return;
  throw new ServerError('SERVER_WRONG_STATE', 'there is maintenance, which ends with its command');
}

function redirect({ redirects }: Controlled, request: ControlRequest<'redirect'>): ControlAnswer {
  const { address, permanent = false, initiator, portalGroup, sessions } = request;
  if (address === undefined) redirects.clear();
  else {
    redirects.add({
      address: checkAddress(address),
      permanent,
      ...(initiator === undefined ? {} : { initiator: checkIscsiName(initiator) }),
      ...(portalGroup === undefined ? {} : { portalGroup }),
      ...(sessions === undefined ? {} : { sessions }),
    });
  }
  return { result: { redirects: redirects.rules } };
}

function checkAddress(text: string): string {
  return formatPortal(parsePortal(text));
}

function iscsiOf(server: LunboxServer): IscsiOperations {
  if (server.iscsi) return server.iscsi;
  throw new ServerError('SERVER_WRONG_STATE', 'the server is stopping');
}
