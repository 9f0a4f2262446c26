import type { Command } from 'commander';
import { resolve } from 'node:path';
import { sizeArgument } from './arguments.ts';
import { EXIT_CODES, ExitCode } from './exit-code.ts';
import { progressLine } from './progress-line.ts';
import { formatSize } from './size.ts';
import { copyOn, type CopyResults, type CopyVerb } from './snap-copies.ts';
import { askServer, snapRequest, withDesk } from './snap-source.ts';

interface CopyFlags {
  readonly control?: string;
  readonly json?: boolean;
  readonly rate?: number;
}

/** Longer than anything takes. */
const LONG_MS = 1 << 30;

/** Adds `lunbox snap publish`, `clone` and `verify`. */
export function addSnapCopies(snap: Command, setExitCode: (code: number) => void): void {
  define(snap, 'publish <disk> <snapshot>', 'make of a snapshot a container of its own, with a manifest')
    .requiredOption('--to <directory>', 'where to; NAME.lun and NAME.json are made there')
    .option('--name <name>', 'NAME (default: that of the disk and of the snapshot)')
    .action(async (disk: string, snapshot: string, flags: CopyFlags & { to: string; name?: string }) => {
      const fields = { snapshot, directory: resolve(flags.to), name: flags.name };
      const { manifest } = await copy(disk, 'snap-publish', fields, flags);
      if (flags.json !== true)
        console.log(
          `snapshot ${manifest.snapshot.name} is published as ${resolve(flags.to, manifest.container.file)},` +
            ` SHA-256 ${manifest.sha256.file}`,
        );
    });
  define(snap, 'clone <disk> <snapshot> <file>', 'make of a snapshot a disk that can be written').action(
    async (disk: string, snapshot: string, file: string, flags: CopyFlags) => {
      const { clone } = await copy(disk, 'snap-clone', { snapshot, target: resolve(file) }, flags);
      const how = clone.method === 'reflink' ? 'shares space with the disk' : 'has space of its own';
      if (flags.json !== true) console.log(`${clone.path} is a clone, identity ${clone.identity}; it ${how}`);
    },
  );
  define(snap, 'verify <disk> <snapshot>', 'read all of a snapshot, and compare its checksums')
    .option('--manifest <file>', 'also compare its SHA-256 with that of a publication')
    .action(async (disk: string, snapshot: string, flags: CopyFlags & { manifest?: string }) => {
      const manifest = flags.manifest === undefined ? undefined : resolve(flags.manifest);
      const result = await copy(disk, 'snap-verify', { snapshot, manifest }, flags);
      if (flags.json !== true) for (const line of reportLines(result)) console.log(line);
      setExitCode(result.report.sound ? ExitCode.OK : EXIT_CODES.loss);
    });
}

function define(snap: Command, usage: string, description: string): Command {
  return snap
    .command(usage)
    .description(description)
    .option('--rate <size>', 'read no more than this in a second, such as 50M', sizeArgument)
    .option('--control <socket>', 'ask the server that serves the disk; it may be named by its LUN then')
    .option('--json', 'print JSON');
}

async function copy<V extends CopyVerb>(
  disk: string,
  verb: V,
  fields: Readonly<Record<string, unknown>>,
  { control, json, rate }: CopyFlags,
): Promise<CopyResults[V]> {
  const all = { ...fields, bytesPerSecond: rate };
  const onProgress = progressLine(disk);
  // Waiting for its rate keeps no process alive.
  const awake = setInterval(() => undefined, LONG_MS);
  try {
    const result =
      control === undefined
        ? await withDesk(disk, (desk) => copyOn(desk, snapRequest(verb, all), { onProgress }))
        : await ask(control, disk, verb, all, onProgress);
    if (json === true) console.log(JSON.stringify(result));
    return result;
  } finally {
    clearInterval(awake);
  }
}

async function ask<V extends CopyVerb>(
  socket: string,
  disk: string,
  verb: V,
  fields: Readonly<Record<string, unknown>>,
  onProgress: ReturnType<typeof progressLine>,
): Promise<CopyResults[V]> {
  const connection = await askServer(socket, disk, verb, fields);
  try {
    return (await connection.result(onProgress)) as CopyResults[V];
  } finally {
    connection.close();
  }
}

function reportLines({ snapshot, report }: CopyResults['snap-verify']): string[] {
  const { sound, bad, badBytes, checkedGrains, sha256 } = report;
  if (sound) return [`snapshot ${snapshot.name} is sound; ${checkedGrains} checksums were compared`];
  const lines = bad.map(({ offset, length, reason }) => `  ${offset} ${length} ${reason}`);
  const differs = badBytes === 0 && sha256 !== undefined;
  const what = differs ? 'is not what was published' : `has ${formatSize(badBytes)} that are bad`;
  return [`snapshot ${snapshot.name} ${what}`, ...lines];
}
