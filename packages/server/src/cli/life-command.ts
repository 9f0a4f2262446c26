import { deleteDisk, renameDisk, SnapshotObject } from '@lunbox/snapshot';
import {
  ContainerError,
  exportContainer,
  readContainerInfo,
  shrinkContainer,
  type CopyOutcome,
} from '@lunbox/storage-object';
import { Option, type Command } from 'commander';
import { openDisks } from '../disks.ts';
import { ServerError } from '../server-error.ts';
import { sizeArgument } from './arguments.ts';
import { IMAGE_FORMATS } from './foreign-image.ts';
import { addLayoutFlags } from './layout-flags.ts';
import { importDisk, type ImportFlags } from './import-command.ts';
import { progressLine } from './progress-line.ts';
import { formatSize } from './size.ts';

interface JsonFlag {
  readonly json?: boolean;
}

interface ResizeFlags extends JsonFlag {
  readonly force?: boolean;
  readonly discardData?: boolean;
}

/** Adds the commands that change what becomes of a disk that nobody serves. */
export function addLife(program: Command): void {
  program
    .command('resize <file>')
    .argument('<size>', 'new capacity, such as 10G', sizeArgument)
    .description('change the size of a disk that is not served')
    .option('--force', 'make it smaller, too; the end of the disk goes')
    .option('--discard-data', 'with --force: also when there is data in what goes')
    .option('--json', 'print one line of JSON')
    .action(resizeDisk);
  program
    .command('rename <file> <name>')
    .description(
      'give a disk that is not served another file name, in the same file system; its snapshots go along',
    )
    .option('--json', 'print one line of JSON')
    .action(async (path: string, newPath: string, { json }: JsonFlag) => {
      await renameDisk(path, newPath);
      tell(json, { event: 'renamed', path: newPath, formerPath: path }, `${path} is ${newPath} now`);
    });
  addDelete(program);
  program
    .command('export <file> <image>')
    .description('write a disk that nobody writes as a raw image, with its holes')
    .option('--json', 'print one line of JSON')
    .action(async (path: string, imagePath: string, { json }: JsonFlag) => {
      await checkRestored(path);
      const outcome = await exportContainer(path, imagePath, { onProgress: progressLine(imagePath) });
      const text = `${imagePath} holds the disk of ${path}; ${toldOutcome(outcome)}`;
      tell(json, { event: 'exported', path, imagePath, ...outcome }, text);
    });
  addImport(program);
}

/** While a restore is not done, the file has some of what the disk had before. */
async function checkRestored(path: string): Promise<void> {
  const { attributes } = await readContainerInfo(path);
  if (attributes.snapshots === undefined) return;
  const opened = await SnapshotObject.open(path, { readOnly: true });
  const { restorePending } = opened.set;
  await opened.close();
  if (!restorePending) return;
  const message = `${path} is being restored to a snapshot; serve it until that is done`;
  throw new ContainerError('CONTAINER_HAS_SNAPSHOTS', message, { path });
}

interface DeleteFlags extends JsonFlag {
  readonly force?: boolean;
  readonly keepParts?: boolean;
  readonly withSnapshots?: boolean;
}

function addDelete(program: Command): void {
  program
    .command('delete <file>')
    .description('delete a disk that is not served, with the files that it is made of')
    .option('--force', 'also when it was not closed in order, or is damaged')
    .option('--keep-parts', 'leave the files that it is made of')
    .option('--with-snapshots', 'delete its snapshots, too')
    .option('--json', 'print one line of JSON')
    .action(async (path: string, { json, force, keepParts, withSnapshots }: DeleteFlags) => {
      const { parts, kept } = await deleteDisk(path, {
        force: force === true,
        keepParts: keepParts === true,
        withSnapshots: withSnapshots === true,
      });
      const lines = [...parts, path].map((each) => `${each} is deleted`);
      const rest = kept.map((part) => `${part.path} ${part.reason}`);
      tell(json, { event: 'deleted', path, parts, kept }, [...lines, ...rest].join('\n'));
    });
}

function addImport(program: Command): void {
  const command = program
    .command('import <image> <file>')
    .description('make a disk of an image; with the same name twice it takes the place of a raw one')
    .addOption(
      new Option('--format <format>', 'of the image (default: as its name tells, or raw)').choices(
        Object.keys(IMAGE_FORMATS),
      ),
    )
    .addOption(
      new Option('--block-size <bytes>', 'logical block length').choices(['512', '4096']).default('512'),
    )
    .option('--preallocate', 'take the space of the whole disk at once')
    .option('--delete-original', 'delete the image when the disk is complete and durable');
  addLayoutFlags(command)
    .option('--json', 'print one line of JSON')
    .action(async (imagePath: string, path: string, flags: ImportFlags & JsonFlag) => {
      const { info, outcome } = await importDisk(imagePath, path, flags);
      const { capacityBytes, identity } = info;
      const event = { event: 'imported', path, sizeBytes: capacityBytes, identity, ...outcome };
      const text = `${path}: ${formatSize(capacityBytes)}, identity ${identity}; ${toldOutcome(outcome)}`;
      tell(flags.json, event, text);
    });
}

async function resizeDisk(path: string, sizeBytes: number, flags: ResizeFlags): Promise<void> {
  const { force, discardData, json } = flags;
  const { capacityBytes } = await readContainerInfo(path);
  if (sizeBytes >= capacityBytes) await growDisk(path, sizeBytes);
  else if (force === true) await shrinkContainer(path, sizeBytes, { discardData: discardData === true });
  else {
    const message = `${path} has ${formatSize(capacityBytes)}; say --force to make it smaller`;
    throw new ServerError('SERVER_BAD_OPTIONS', message);
  }
  tell(json, { event: 'resized', path, sizeBytes }, `${path}: ${formatSize(sizeBytes)}`);
}

/** As the server does it: what keeps protection information has room for only so much. */
async function growDisk(path: string, sizeBytes: number): Promise<void> {
  const [disk] = await openDisks([{ path }], {});
  try {
    await disk?.grow?.(sizeBytes);
  } finally {
    await disk?.close();
  }
}

/** What was shared takes no space a second time. */
function toldOutcome({ sharedBytes, copiedBytes }: CopyOutcome): string {
  const copied = `${formatSize(copiedBytes)} copied`;
  if (sharedBytes === 0) return copied;
  return `${formatSize(sharedBytes)} shared${copiedBytes === 0 ? '' : `, ${copied}`}`;
}

function tell(json: boolean | undefined, event: Readonly<Record<string, unknown>>, text: string): void {
  console.log(json === true ? JSON.stringify(event) : text);
}
