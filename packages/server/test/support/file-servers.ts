import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startDaemon, type Daemon } from './processes.ts';
import { requiresTools } from './requires.ts';

/** A file server that exports one directory, for reading, on a loopback port of its own. */
export interface FileServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A port that was free a moment ago: these servers take no port 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
}

const stopper = (daemon: Daemon) => async (): Promise<void> => void (await daemon.end('SIGTERM'));

/** The share, as docs/file-sharing.md has it. */
export function smbShare(storage: string): string {
  return `[storage]
  path = ${storage}
  read only = yes
  oplocks = no
  level2 oplocks = no
  posix locking = yes
`;
}

/** Everybody on this machine may read, and all of Samba's own files lie in `home`. */
function smbConfiguration(home: string, storage: string, port: number): string {
  const own = ['lock', 'state', 'cache', 'pid', 'private'].map((kind) => {
    const name = kind === 'private' ? 'private dir' : `${kind} directory`;
    return `  ${name} = ${join(home, kind)}`;
  });
  return `[global]
  server role = standalone server
  interfaces = 127.0.0.1/8
  bind interfaces only = yes
  smb ports = ${port}
  map to guest = Bad User
  guest account = root
  load printers = no
  disable spoolss = yes
  printcap name = /dev/null
  log file = ${join(home, 'log')}
  ncalrpc dir = ${join(home, 'ncalrpc')}
${own.join('\n')}
${smbShare(storage)}  guest ok = yes
`;
}

/** Starts smbd for the share `storage`; `home` is where it keeps its own files. */
export async function startSmbd(home: string, storage: string): Promise<FileServer> {
  const port = await freePort();
  for (const kind of ['', 'lock', 'state', 'cache', 'pid', 'private', 'ncalrpc']) {
    mkdirSync(join(home, kind), { recursive: true, mode: 0o755 });
  }
  const configuration = join(home, 'smb.conf');
  writeFileSync(configuration, smbConfiguration(home, storage, port));
  const args = ['--foreground', '--debug-stdout', `--configfile=${configuration}`];
  const daemon = await startDaemon('smbd', args, { probe: () => answers(port) });
  return { port, stop: stopper(daemon) };
}

/** True when NFS-Ganesha and its module for ordinary directories are installed; as `requiresTools` otherwise. */
export function requiresGanesha(): boolean {
  if (!requiresTools('ganesha.nfsd')) return false;
  const found = readdirSync('/usr/lib').some((folder) =>
    existsSync(join('/usr/lib', folder, 'ganesha/libfsalvfs.so')),
  );
  if (!found && process.env['CI'] === 'true') throw new Error('interop tests need nfs-ganesha-vfs');
  return found;
}

/** The export, as docs/file-sharing.md has it. */
export function ganeshaExport(storage: string): string {
  return `EXPORT {
  Export_Id = 1;
  Path = ${storage};
  Pseudo = /storage;
  Access_Type = RO;
  Squash = No_Root_Squash;
  SecType = sys;
  Transports = TCP;
  FSAL { Name = VFS; }
}
`;
}

function ganeshaConfiguration(home: string, storage: string, port: number): string {
  return `NFS_CORE_PARAM {
  Protocols = 4;
  NFS_Port = ${port};
  Bind_addr = 127.0.0.1;
  Enable_UDP = false;
  Enable_NLM = false;
  Enable_RQUOTA = false;
}
NFSV4 {
  Graceless = true;
  RecoveryBackend = fs;
  RecoveryRoot = ${join(home, 'recovery')};
}
${ganeshaExport(storage)}`;
}

/** Starts NFS-Ganesha, NFSv4 alone; the directory is exported as `/storage`. */
export async function startGanesha(home: string, storage: string): Promise<FileServer> {
  const port = await freePort();
  mkdirSync(join(home, 'recovery'), { recursive: true });
  const configuration = join(home, 'ganesha.conf');
  writeFileSync(configuration, ganeshaConfiguration(home, storage, port));
  const args = ['-F', '-f', configuration, '-L', '/dev/stdout', '-p', join(home, 'pid'), '-N', 'EVENT'];
  const daemon = await startDaemon('ganesha.nfsd', args, { probe: () => answers(port), timeoutMs: 30_000 });
  return { port, stop: stopper(daemon) };
}
