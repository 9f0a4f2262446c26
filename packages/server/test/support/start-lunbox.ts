import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine, type CommandLineOptions } from '../../../block/test/support/command-line.ts';
import { run, runOrThrow, startDaemon, type Finished } from './processes.ts';
import { defaultSizeBytes, type TargetOptions, type TargetUnderTest } from './target-under-test.ts';

/** Options that only Lunbox has. */
export interface LunboxOptions extends TargetOptions, CommandLineOptions {
  /** More flags of `lunbox serve`. */
  readonly serveFlags?: readonly string[];
}

const packageDirectory = fileURLToPath(new URL('../../', import.meta.url));

/** The arguments of `node` that run the command line, from sources or compiled. */
export function lunboxArguments(options: CommandLineOptions = {}): string[] {
  return commandLine('server', options);
}

/** Runs one `lunbox` command to its end. */
export function lunbox(args: readonly string[], timeoutMs = 30_000): Promise<Finished> {
  return run(process.execPath, [...lunboxArguments(), ...args], { cwd: packageDirectory, timeoutMs });
}

/** What `lunbox info --json` tells, as far as the tests need it. */
export interface LunboxInfo {
  readonly dataOffset: number;
  readonly [attribute: string]: unknown;
}

/** Reads a container's attributes through the command line; fails when the header is not valid. */
export async function lunboxInfo(filePath: string): Promise<LunboxInfo> {
  const args = [...lunboxArguments(), 'info', filePath, '--json'];
  return JSON.parse(await runOrThrow(process.execPath, args, { cwd: packageDirectory })) as LunboxInfo;
}

interface ReadyLine {
  readonly event: 'ready';
  readonly portal: string;
  readonly portals: readonly string[];
  readonly iqn: string;
  readonly luns: readonly { readonly lun: number; readonly url: string; readonly path: string }[];
}

function parseReady(line: string): ReadyLine | undefined {
  if (!line.startsWith('{')) return undefined;
  const value = JSON.parse(line) as Partial<ReadyLine>;
  return value.event === 'ready' ? (value as ReadyLine) : undefined;
}

/** Where the disk's first byte is in a file: that of a disc image is the first. */
async function firstByteOf(filePath: string): Promise<number> {
  return filePath.endsWith('.iso') ? 0 : (await lunboxInfo(filePath)).dataOffset;
}

/** Creates the container when it is not there yet, and serves it with the `lunbox` command line. */
export async function startLunbox(options: LunboxOptions): Promise<TargetUnderTest> {
  const filePath = join(options.directory, options.fileName ?? 'disk.lun');
  const sizeBytes = options.sizeBytes ?? defaultSizeBytes;
  if (!existsSync(filePath)) {
    const blockSize = ['--block-size', String(options.blockSize ?? 512)];
    const create = ['create', filePath, '--size', String(sizeBytes), ...blockSize];
    await runOrThrow(process.execPath, [...lunboxArguments(), ...create], { cwd: packageDirectory });
  }
  const dataOffset = await firstByteOf(filePath);
  let ready: ReadyLine | undefined;
  const otherPortal = options.twoPaths === true ? ['--portal', '127.0.0.1:0'] : [];
  const portal = ['--portal', `127.0.0.1:${String(options.port ?? 0)}`, ...otherPortal];
  const lunFlags = [
    ...(options.removable === true ? ['--removable', '0'] : []),
    ...(options.writeProtected === true ? ['--write-protect', '0'] : []),
  ];
  const serve = ['serve', filePath, ...portal, '--json', ...lunFlags, ...(options.serveFlags ?? [])];
  const daemon = await startDaemon(process.execPath, [...lunboxArguments(options), ...serve], {
    cwd: packageDirectory,
    // Lines about its mirrors may follow at once.
    isReadyLine: (line) => (ready ??= parseReady(line)) !== undefined,
  });
  const unit = ready?.luns[0];
  if (!ready || !unit) {
    await daemon.end('SIGKILL');
    throw new Error(`the ready line names no LUN: ${daemon.log()}`);
  }
  const other = ready.portals[1];
  const separator = ready.portal.lastIndexOf(':');
  return {
    kind: 'lunbox',
    pid: daemon.pid,
    host: ready.portal.slice(0, separator),
    port: Number(ready.portal.slice(separator + 1)),
    portal: ready.portal,
    iqn: ready.iqn,
    lun: unit.lun,
    url: unit.url,
    ...(other === undefined ? {} : { otherUrl: unit.url.replace(ready.portal, other) }),
    filePath,
    dataOffset,
    sizeBytes,
    running: daemon.running,
    log: daemon.log,
    stop: () => daemon.end('SIGTERM', 15_000),
    kill9: async () => void (await daemon.end('SIGKILL')),
  };
}
