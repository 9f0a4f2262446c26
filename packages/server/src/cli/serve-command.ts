import type { Continuity } from '@lunbox/storage-object';
import { createServer, type LunboxServer } from '../server.ts';
import { ExitCode } from './exit-code.ts';
import { connectionGuide } from './connection-guide.ts';

/** Flags of `lunbox serve`. */
export interface ServeFlags {
  readonly portal?: readonly string[];
  readonly iqn?: string;
  readonly readOnly?: boolean;
  readonly keepIdentity?: boolean;
  /** False when `--no-auth` was said. */
  readonly auth: boolean;
  readonly json?: boolean;
}

/** What people must be told of a disk that did not come back as it was left. */
const WARNINGS: Readonly<Record<Continuity, string | undefined>> = {
  clean: undefined,
  unclean: 'was not closed in order; every flushed write is there',
  modified: 'was written by another program since it was last served',
  foreign: 'is a copy of another disk (FOREIGN)',
};

/** `lunbox serve`: serves until it is told to stop, and answers the exit code. */
export async function serveDisks(paths: readonly string[], flags: ServeFlags): Promise<number> {
  const foreign = flags.keepIdentity === true ? 'keep-identity' : 'new-identity';
  const luns = paths.map((path) => ({ path, readOnly: flags.readOnly === true, foreign }) as const);
  const server = await createServer({
    ...(flags.portal ? { portals: flags.portal } : {}),
    targets: [flags.iqn === undefined ? { luns } : { iqn: flags.iqn, luns }],
    allowUnauthenticated: !flags.auth,
  });
  await server.start();
  warn(server, foreign === 'keep-identity');
  console.log(flags.json === true ? readyLine(server) : connectionGuide(server));
  return await untilStopped(server, flags.json === true);
}

function readyLine(server: LunboxServer): string {
  const [target] = server.targets;
  const luns = target?.luns.map(({ lun, url, path, sizeBytes, blockSize, identity }) => ({
    lun,
    url,
    path,
    sizeBytes,
    blockSize,
    identity,
  }));
  const portals = server.portals;
  return JSON.stringify({ event: 'ready', portal: portals[0], portals, iqn: target?.iqn, luns });
}

function warn(server: LunboxServer, keptIdentity: boolean): void {
  for (const { path, identity, continuity } of server.targets.flatMap(({ luns }) => luns)) {
    const warning = WARNINGS[continuity];
    if (warning === undefined) continue;
    const kept = keptIdentity ? 'it keeps the identity' : 'it now has the identity';
    const more = continuity === 'foreign' ? `; ${kept} ${identity}` : '';
    console.error(`lunbox: warning: ${path ?? ''} ${warning}${more}`);
  }
}

/** The first signal stops in order, the second one at once. */
async function untilStopped(server: LunboxServer, quiet: boolean): Promise<number> {
  return await new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (): void => {
      if (stopping) process.exit(ExitCode.FORCED);
      stopping = true;
      if (!quiet) console.log('\nStopping: commands finish, data is flushed. (Ctrl-C again ends at once.)');
      server.stop().then(() => {
        if (!quiet) console.log('Stopped.');
        resolve(ExitCode.OK);
      }, reject);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
  });
}
