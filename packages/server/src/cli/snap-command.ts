import { Option, type Command } from 'commander';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { ServerError } from '../server-error.ts';
import { findSnapshot } from '../snapshot-luns.ts';
import { labelArgument, lunArgument, quotaArgument, quotaOf, type QuotaArgument } from './arguments.ts';
import { progressLine } from './progress-line.ts';
import { addSnapCopies } from './snap-copy-command.ts';
import { actOn, told, type SimpleVerb, type SnapAnswer, type SnapEvent } from './snap-desk.ts';
import { diffLines } from './snap-diff.ts';
import { groupLine, takeGroup, type GroupTaken } from './snap-group.ts';
import { eventLine, listLines, policyLine } from './snap-lines.ts';
import { printDiff } from './snap-print.ts';
import { addPrune } from './snap-prune-command.ts';
import { LEVELS, METHODS, WHEN_FULL, type SnapVerb } from './snap-request.ts';
import { addSchedule } from './snap-schedule-command.ts';
import { watchRestore } from './snap-restore.ts';
import { askForGroup, askServer, snapRequest, withDesk, withDesks } from './snap-source.ts';

/** Flags that every verb has. */
interface SnapFlags {
  readonly control?: string;
  readonly json?: boolean;
}

interface NewFlags extends SnapFlags {
  readonly name?: string;
  readonly level?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly method?: string;
}

interface PolicyFlags extends SnapFlags {
  readonly limit?: QuotaArgument;
  readonly whenFull?: string;
  readonly method?: string;
}

/** Adds `lunbox snap`. */
export function addSnap(program: Command, setExitCode: (code: number) => void): void {
  const snap = program
    .command('snap')
    .description('take, list, compare, present and restore snapshots of a disk');
  addTaking(snap);
  addKeeping(snap);
  addPolicy(snap);
  addPrune(snap);
  addSchedule(snap);
  addReading(snap);
  addSnapCopies(snap, setExitCode);
}

/** A command about a disk, or a snapshot of it, that works with and without a server. */
function define(snap: Command, usage: string, description: string): Command {
  return snap
    .command(usage)
    .description(description)
    .option('--control <socket>', 'ask the server that serves the disk; it may be named by its LUN then')
    .option('--json', 'print JSON');
}

function addTaking(snap: Command): void {
  withNewFlags(define(snap, 'create <disk> [more...]', 'take a snapshot; of several disks at one instant'))
    .option('--name <name>', 'what it is called (default: the time)')
    .option('--quiesce', 'while device managers that have subscribed have suspended what uses it')
    .action(async (disk: string, more: string[], given: NewFlags & { readonly quiesce?: boolean }) => {
      const { name, level, label, method, quiesce, ...flags } = given;
      const fields = { name, level, labels: label };
      if (more.length === 0) await change(disk, 'snap-create', { ...fields, method, quiesce }, flags);
      else await createAtOnce([disk, ...more], { ...fields, quiesce }, method, flags);
    });
  withNewFlags(define(snap, 'refresh <disk> <snapshot>', 'take a snapshot anew, under its name')).action(
    async (disk: string, snapshot: string, { level, label, method, ...flags }: NewFlags) => {
      await change(disk, 'snap-refresh', { snapshot, level, labels: label, method }, flags);
    },
  );
  define(snap, 'restore <disk> <snapshot>', 'bring the disk back to what a snapshot has')
    .option('--name <name>', 'what the snapshot is called that is taken first, of what the disk has now')
    .option('--force', 'also while initiators use the disk, or have it reserved')
    .action(async (disk: string, snapshot: string, flags: SnapFlags & { name?: string; force?: boolean }) => {
      await restore(disk, snapshot, flags);
    });
}

function withNewFlags(command: Command): Command {
  return command
    .option('--label <key=value>', 'a label; repeat it for each', labelArgument)
    .addOption(new Option('--level <level>', 'how sure its content is (default: crash)').choices(LEVELS))
    .addOption(methodOption('(default: as the policy says)'));
}

function methodOption(otherwise: string): Option {
  const what = `save what is overwritten, share the space of the disk, or what is better ${otherwise}`;
  return new Option('--method <method>', what).choices(METHODS);
}

function addKeeping(snap: Command): void {
  define(snap, 'rm <disk> <snapshot>', 'delete a snapshot').action(
    async (disk: string, snapshot: string, flags: SnapFlags) => {
      await change(disk, 'snap-rm', { snapshot }, flags);
    },
  );
  define(snap, 'rename <disk> <snapshot> <name>', 'call a snapshot something else').action(
    async (disk: string, snapshot: string, name: string, flags: SnapFlags) => {
      await change(disk, 'snap-rename', { snapshot, name }, flags);
    },
  );
  for (const [verb, what] of [
    ['hold', 'keep a snapshot from being deleted'],
    ['release', 'end a hold'],
  ] as const)
    define(snap, `${verb} <disk> <snapshot>`, what)
      .option('--holder <name>', 'who holds it (default: the user)')
      .action(
        async (disk: string, snapshot: string, { holder, ...flags }: SnapFlags & { holder?: string }) => {
          await change(disk, `snap-${verb}`, { snapshot, holder: holder ?? userInfo().username }, flags);
        },
      );
  define(
    snap,
    'bookmark <disk> <snapshot>',
    'drop what a snapshot holds, and keep what has changed since',
  ).action(async (disk: string, snapshot: string, flags: SnapFlags) => {
    await change(disk, 'snap-bookmark', { snapshot }, flags);
  });
}

function addPolicy(snap: Command): void {
  define(snap, 'policy <disk>', 'say, or change, what is done when there is no room for snapshots')
    .option('--limit <size>', 'what they may take, such as 10G, or none', quotaArgument)
    .addOption(
      new Option('--when-full <what>', 'delete the oldest that nobody holds, or refuse writes').choices(
        WHEN_FULL,
      ),
    )
    .addOption(methodOption('(default: auto)'))
    .action(async (disk: string, { limit, whenFull, method, ...flags }: PolicyFlags) => {
      await change(disk, 'snap-policy', { limitBytes: quotaOf(limit), whenFull, method }, flags);
    });
}

function addReading(snap: Command): void {
  define(snap, 'ls <disk>', 'list the snapshots of a disk, oldest first').action(
    async (disk: string, flags: SnapFlags) => {
      await change(disk, 'snap-ls', {}, flags);
    },
  );
  define(
    snap,
    'diff <disk> <snapshot> [until]',
    'list what has changed since a snapshot, until a later one or now',
  ).action(async (disk: string, snapshot: string, until: string | undefined, flags: SnapFlags) => {
    await diff(disk, { snapshot, until }, flags);
  });
  define(snap, 'open <disk> <snapshot>', 'present a snapshot as a LUN, write protected, of the server')
    .option('--lun <n>', 'which LUN (default: the lowest that is free)', lunArgument)
    .action(async (disk: string, snapshot: string, { lun, ...flags }: SnapFlags & { lun?: number }) => {
      const result = await present(disk, 'snap-open', { snapshot, asLun: lun }, flags);
      if (flags.json !== true)
        console.log(`snapshot ${result.snapshot.name} is LUN ${result.lun}: ${result.url}`);
    });
  define(snap, 'close <disk> <snapshot>', 'take the LUN of a snapshot away').action(
    async (disk: string, snapshot: string, flags: SnapFlags) => {
      const result = await present(disk, 'snap-close', { snapshot }, flags);
      if (flags.json !== true) console.log(`snapshot ${result.snapshot.name} is LUN ${result.lun} no more`);
    },
  );
}

type Fields = Readonly<Record<string, unknown>>;

/** Does what one answer comes of, and prints it. */
async function change(disk: string, verb: SimpleVerb, fields: Fields, flags: SnapFlags): Promise<void> {
  const request = snapRequest(verb, fields);
  const result =
    flags.control === undefined
      ? await withDesk(disk, (desk) => actOn(desk, request))
      : ((await answerOf(flags.control, disk, verb, fields)) as SnapAnswer);
  if (flags.json === true) console.log(JSON.stringify(result));
  else if ('snapshots' in result) for (const line of listLines(result, Date.now())) console.log(line);
  else console.log('whenFull' in result ? policyLine(result) : eventLine(result));
}

/** Takes snapshots of several disks at one instant, and prints what was taken. */
async function createAtOnce(
  disks: readonly string[],
  fields: Fields,
  method: string | undefined,
  flags: SnapFlags,
): Promise<void> {
  if (method === 'reflink')
    throw new ServerError('SERVER_BAD_OPTIONS', 'snapshots of several disks at once are logs, not images');
  const places = disks.map((disk) => resolve(disk));
  const request = snapRequest('snap-group', { disks: places, ...fields });
  let result: GroupTaken;
  if (flags.control === undefined) result = await withDesks(disks, (desks) => takeGroup(desks, request));
  else {
    const connection = await askForGroup(flags.control, disks, fields);
    const answer = connection.result().finally(() => {
      connection.close();
    });
    result = (await answer) as GroupTaken;
  }
  console.log(flags.json === true ? JSON.stringify(result) : groupLine(result));
}

async function answerOf(socket: string, disk: string, verb: SnapVerb, fields: Fields): Promise<unknown> {
  const connection = await askServer(socket, disk, verb, fields);
  return connection.result(progressLine(disk)).finally(() => {
    connection.close();
  });
}

async function restore(
  disk: string,
  snapshot: string,
  { control, json, ...fields }: SnapFlags & { name?: string; force?: boolean },
): Promise<void> {
  const request = snapRequest('snap-restore', { snapshot, ...fields });
  const result =
    control === undefined
      ? await withDesk(disk, async (desk) => {
          const info = findSnapshot(desk.set, snapshot);
          const begun = await desk.set.restore(info.id, request.name);
          await watchRestore(desk.set, begun, progressLine(disk));
          return { ...told(desk, 'restored', info), safety: begun.safety };
        })
      : ((await answerOf(control, disk, 'snap-restore', { snapshot, ...fields })) as SnapEvent & {
          safety: SnapEvent['snapshot'];
        });
  if (json === true) console.log(JSON.stringify(result));
  else console.log(`${eventLine(result)}; what the disk had is in the snapshot ${result.safety.name}`);
}

async function diff(disk: string, fields: Fields, { control, json }: SnapFlags): Promise<void> {
  const { snapshot, until } = snapRequest('snap-diff', fields);
  const print = (lines: AsyncIterable<Uint8Array>): Promise<void> => printDiff(lines, json === true);
  if (control === undefined) {
    await withDesk(disk, (desk) => print(diffLines(desk, snapshot, until)));
    return;
  }
  const connection = await askServer(control, disk, 'snap-diff', fields);
  try {
    await connection.result();
    await print(connection.rest());
  } finally {
    connection.close();
  }
}

async function present(
  disk: string,
  verb: 'snap-open' | 'snap-close',
  fields: Fields,
  { control, json }: SnapFlags,
): Promise<SnapEvent & { lun: number; url?: string }> {
  if (control === undefined)
    throw new ServerError(
      'SERVER_BAD_OPTIONS',
      'only a server has LUNs: name its socket with --control SOCKET',
    );
  const result = (await answerOf(control, disk, verb, fields)) as SnapEvent & { lun: number; url?: string };
  if (json === true) console.log(JSON.stringify(result));
  return result;
}
