import type { AccessEntry, SessionEndReason, SessionStatus } from '@lunbox/iscsi-target';
import { CatalogScanner, type Continuity } from '@lunbox/storage-object';
import type { Command } from 'commander';
import { readConfig } from './read-config.ts';
import type { Config } from '../config/schema.ts';
import type { ServerOptions } from '../options.ts';
import type { DiskFault, DiskSnapshotEvent } from '../status.ts';
import { createServer, type LunboxServer } from '../server.ts';
import { AccessWatcher } from './access-watcher.ts';
import { warnOfSnapshots } from './catalog-snapshots.ts';
import { ConfigReload } from './config-reload.ts';
import { connectionGuide } from './connection-guide.ts';
import { ControlSocket } from './control-socket.ts';
import { control, type Controlled } from './control-verbs.ts';
import { ExitCode } from './exit-code.ts';
import { sickLegs } from './layout-tree.ts';
import { MirrorLines } from './mirror-lines.ts';
import { Redirects } from './redirects.ts';
import { runSchedules } from './run-schedules.ts';
import { addServeFlags, refuseBesideConfig, type ServeFlags } from './serve-flags.ts';
import { settingsFromConfig, settingsFromFlags, type ServeSettings } from './serve-settings.ts';
import { ServedCatalog } from './served-catalog.ts';
import { SourceFiles } from './source-files.ts';

/** What people must be told of a disk that did not come back as it was left. */
const WARNINGS: Readonly<Record<Continuity, string | undefined>> = {
  clean: undefined,
  unclean: 'was not closed in order; every flushed write is there',
  modified: 'was written by another program since it was last served',
  foreign: 'is a copy of another disk (FOREIGN)',
};

/** Adds `lunbox serve`. */
export function addServe(program: Command, setExitCode: (code: number) => void): void {
  const serve = program
    .command('serve [file...]')
    .description('serve disks and disc images as LUN 0, 1, … of one iSCSI target, until Ctrl-C');
  addServeFlags(serve).action(async (files: string[], flags: ServeFlags) => {
    if (flags.config !== undefined) refuseBesideConfig(serve, files);
    setExitCode(await serveDisks(files, flags));
  });
}

/** Serves until it is told to stop, and answers the exit code. */
async function serveDisks(paths: readonly string[], flags: ServeFlags): Promise<number> {
  const files = new SourceFiles();
  const scanner = new CatalogScanner();
  const config = flags.config === undefined ? undefined : readConfig(flags.config);
  const settings =
    config === undefined
      ? await settingsFromFlags(paths, flags, scanner)
      : await settingsFromConfig(config, scanner);
  const access = settings.readAccess(files);
  const redirects = new Redirects(() => server.iscsi?.sessions.length ?? 0);
  const mirrors = new MirrorLines(flags.json === true);
  const server: LunboxServer = await createServer({
    ...serverOptions(settings, access, redirects),
    onMirrorEvent: (event) => {
      mirrors.add(event);
    },
  });
  const say = flags.json === true ? () => undefined : (line: string) => console.log(line);
  let reload: ConfigReload | undefined;
  const signals = listenForSignals(
    flags.config === undefined ? undefined : () => reloadNow(reload, flags.config!),
  );
  try {
    await server.start();
    const running = await startCompanions({ server, settings, files, redirects, scanner, config });
    ({ reload } = running);
    warn(server, keptIdentities(settings));
    await warnOfSnapshots(server);
    console.log(flags.json === true ? readyLine(server) : connectionGuide(server, settings.chapUser));
    mirrors.begin();
    await signals.first;
    say('\nStopping: commands finish, data is flushed. (Ctrl-C again ends at once.)');
    await running.end();
    say('Stopped.');
    return ExitCode.OK;
  } finally {
    signals.end();
  }
}

function serverOptions(
  settings: ServeSettings,
  access: readonly AccessEntry[],
  redirects: Redirects,
): ServerOptions {
  const { advertise, allowUnauthenticated, iqn, limits, luns, minimumChapAlgorithm, nbd, nbs, portals } =
    settings;
  return {
    ...(portals ? { portals } : {}),
    ...(nbs ? { nbs } : {}),
    ...(nbd ? { nbd } : {}),
    ...(advertise ? { advertise } : {}),
    targets: [{ ...(iqn === undefined ? {} : { iqn }), luns, access }],
    // Who has a secret needs it to ask for targets too: names are nobody else's business.
    discovery: access,
    ...(minimumChapAlgorithm === undefined ? {} : { minimumChapAlgorithm }),
    limits,
    hooks: { redirect: (login) => redirects.find(login), onSessionEnd: warnOfTwins },
    onFault: tellFault,
    onSnapshotEvent: tellSnapshotEvent,
    allowUnauthenticated,
  };
}

/** What belongs to a running server. */
interface Companions {
  readonly server: LunboxServer;
  readonly settings: ServeSettings;
  readonly files: SourceFiles;
  readonly redirects: Redirects;
  readonly scanner: CatalogScanner;
  /** What the configuration file says, where there is one. */
  readonly config: Config | undefined;
}

/** What goes on beside a running server: its control socket, its ring of PDUs, and the eye on its access files. */
async function startCompanions({
  server,
  settings,
  files,
  redirects,
  scanner,
  config,
}: Companions): Promise<{ end: () => Promise<void>; reload: ConfigReload | undefined }> {
  const capture = settings.capture && server.iscsi?.capture(settings.capture);
  const watcher = new AccessWatcher(settings.readAccess, files, (access) => {
    // Those of clones have the list of what they are clones of.
    for (const index of server.targets.keys()) server.setAccess(access, index);
    server.setDiscovery(access);
  });
  const reload = config && new ConfigReload(server, watcher, config);
  try {
    const socket =
      settings.control === undefined
        ? undefined
        : await openControl(settings.control, {
            server,
            redirects,
            reload,
            catalog: await ServedCatalog.open(server, scanner),
            capture,
            draining: false,
            maintained: false,
          });
    const schedules = runSchedules(server);
    const end = async (): Promise<void> => {
      watcher.close();
      await schedules.close();
      await socket?.close();
      await server.stop();
    };
    return { end, reload };
  } catch (error) {
    watcher.close();
    await server.stop({ timeoutMs: 0 });
    throw error;
  }
}

function openControl(path: string, controlled: Controlled): Promise<ControlSocket> {
  return ControlSocket.open(path, (request, asker) => control(controlled, request, asker));
}

/** Makes the server as its configuration file says now; what cannot be is told, and stays as it was. */
function reloadNow(reload: ConfigReload | undefined, file: string): void {
  reload?.apply(file).then(
    (changes) => {
      for (const { key, what } of changes) console.error(`lunbox: ${key}: ${what}`);
      console.error(`lunbox: ${file} was read again`);
    },
    (error: unknown) => console.error(`lunbox: warning: ${(error as Error).message}`),
  );
}

/**
 * The first signal ends the wait, also when it came during the start; the second one ends the process.
 *
 * @param onHangUp - what SIGHUP does instead of that
 */
function listenForSignals(onHangUp?: () => void): { first: Promise<void>; end: () => void } {
  const names: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', ...(onHangUp ? [] : (['SIGHUP'] as const))];
  if (onHangUp) process.on('SIGHUP', onHangUp);
  let onSignal = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    let count = 0;
    onSignal = () => {
      count += 1;
      if (count > 1) process.exit(ExitCode.FORCED);
      resolve();
    };
  });
  for (const name of names) process.on(name, onSignal);
  return {
    first,
    end: () => {
      for (const name of names) process.off(name, onSignal);
      if (onHangUp) process.off('SIGHUP', onHangUp);
    },
  };
}

function readyLine(server: LunboxServer): string {
  const [target] = server.targets;
  const luns = target?.luns.map(({ lun, url, kind, path, sizeBytes, blockSize, identity }) => ({
    lun,
    url,
    kind,
    path,
    sizeBytes,
    blockSize,
    identity,
  }));
  const { portals, tlsPortals, nbsPortals, nbdPortals } = server;
  return JSON.stringify({
    event: 'ready',
    portal: portals[0],
    portals,
    tlsPortals,
    nbsPortals,
    nbdPortals,
    iqn: target?.iqn,
    luns,
  });
}

/** T-L9: only an initiator whose session has failed logs in again under the same ISID. */
function warnOfTwins({ initiatorName, remotes }: SessionStatus, reason: SessionEndReason): void {
  if (reason !== 'taken-over') return;
  const address = remotes[0]?.address ?? 'its address';
  console.error(
    `lunbox: warning: ${initiatorName} logged in again while its session from ${address} still answered; ` +
      'do two hosts go by one initiator name?',
  );
}

function tellFault({ lun, path, fault }: DiskFault): void {
  console.error(`lunbox: error: LUN ${lun} (${path ?? ''}) takes no change any more: ${fault}`);
}

function tellSnapshotEvent({ lun, path, event }: DiskSnapshotEvent): void {
  const words: Readonly<Record<typeof event.kind, string>> = {
    'low-space': 'warning: its snapshots have nearly reached their limit',
    dropped: `error: its snapshot ${'name' in event ? event.name : ''} was deleted, since there was no room for it`,
    refused: 'error: a write was refused, since there was no room for what snapshots need of the disk',
  };
  console.error(`lunbox: LUN ${lun} (${path ?? ''}): ${words[event.kind]}`);
}

/** Paths of the disks that keep the identity of their originals. */
function keptIdentities({ luns }: ServeSettings): ReadonlySet<string> {
  return new Set(luns.flatMap((lun) => ('path' in lun && lun.foreign === 'keep-identity' ? [lun.path] : [])));
}

function warn(server: LunboxServer, keptIdentity: ReadonlySet<string>): void {
  for (const { path, identity, continuity, unprotectedBlocks, layout } of server.targets.flatMap(
    ({ luns }) => luns,
  )) {
    if (unprotectedBlocks > 0) {
      const lost = `${unprotectedBlocks} blocks of it have no protection information until they are written again`;
      console.error(`lunbox: warning: ${path ?? ''}: ${lost}`);
    }
    for (const leg of layout === undefined ? [] : sickLegs(layout))
      console.error(`lunbox: warning: ${path ?? ''}: ${leg}; it is brought back in the background`);
    const warning = WARNINGS[continuity];
    if (warning === undefined) continue;
    const kept = keptIdentity.has(path ?? '') ? 'it keeps the identity' : 'it now has the identity';
    const more = continuity === 'foreign' ? `; ${kept} ${identity}` : '';
    console.error(`lunbox: warning: ${path ?? ''} ${warning}${more}`);
  }
}
