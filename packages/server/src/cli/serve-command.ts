import type { Continuity } from '@lunbox/storage-object';
import { createServer, type LunboxServer } from '../server.ts';
import { accessFromFlags, type AccessFlags } from './access-flags.ts';
import { ExitCode } from './exit-code.ts';
import { connectionGuide } from './connection-guide.ts';

/** Flags of `lunbox serve`. */
export interface ServeFlags extends AccessFlags {
  readonly portal?: readonly string[];
  readonly advertise?: readonly string[];
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
  const access = accessFromFlags(flags);
  const server = await createServer({
    ...(flags.portal ? { portals: flags.portal } : {}),
    ...(flags.advertise ? { advertise: flags.advertise } : {}),
    targets: [{ ...(flags.iqn === undefined ? {} : { iqn: flags.iqn }), luns, access }],
    // Who has a secret needs it to ask for targets too: names are nobody else's business.
    discovery: access,
    allowUnauthenticated: !flags.auth,
  });
  const say = flags.json === true ? () => undefined : (line: string) => console.log(line);
  const signals = listenForSignals();
  try {
    await server.start();
    warn(server, foreign === 'keep-identity');
    console.log(flags.json === true ? readyLine(server) : connectionGuide(server, flags.chapUser));
    await signals.first;
    say('\nStopping: commands finish, data is flushed. (Ctrl-C again ends at once.)');
    await server.stop();
    say('Stopped.');
    return ExitCode.OK;
  } finally {
    signals.end();
  }
}

/** The first signal ends the wait, also when it came during the start; the second one ends the process. */
function listenForSignals(): { first: Promise<void>; end: () => void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
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
    },
  };
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
