import { SnapshotObject } from '@lunbox/snapshot';
import {
  isUserName,
  PERMISSIONS,
  readContainerInfo,
  type Attributes,
  type Permission,
} from '@lunbox/storage-object';
import { Option, type Command } from 'commander';
import { changedUsers } from '../object-users.ts';
import { ServerError } from '../server-error.ts';
import { quotaArgument, quotaOf, userArgument, type QuotaArgument } from './arguments.ts';
import { changeOf } from './attribute-keys.ts';
import { describeChange, userLines } from './show-users.ts';

interface ShowFlags {
  readonly json?: boolean;
}

interface UserFlags extends ShowFlags {
  readonly permission?: Permission;
  readonly quota?: QuotaArgument;
  readonly remove?: boolean;
}

/** Adds `lunbox attributes`. */
export function addAttributes(program: Command): void {
  const attributes = program.command('attributes').description('show and change what a disk says of itself');
  attributes
    .command('show <file>')
    .description('show the attributes of a disk, also while it is served')
    .option('--json', 'print JSON')
    .action(async (path: string, flags: ShowFlags) => {
      const { attributes, capacityBytes, usedBytes, freeBytes } = await readContainerInfo(path);
      print({ ...attributes, capacityBytes, usedBytes, freeBytes }, flags);
    });
  attributes
    .command('set <file> <key=value...>')
    .description('set attributes of a disk that nobody serves; nothing behind the = takes one away')
    .option('--json', 'print JSON')
    .action(async (path: string, words: string[], flags: ShowFlags) => {
      print(await changeAttributes(path, (before) => changeOf(words, before)), flags);
    });
  attributes
    .command('user <file> <name>')
    .description('say what a user may do with a disk; who is not in the list does not see it any more')
    .addOption(new Option('--permission <permission>', 'what the user may do').choices(PERMISSIONS))
    .option('--quota <size>', 'how far the user may fill the disk, such as 10G, or none', quotaArgument)
    .option('--remove', 'take the user out of the list')
    .option('--json', 'print JSON')
    .action(async (path: string, name: string, flags: UserFlags) => {
      await changeUser(path, userArgument(name), flags);
    });
}

async function changeUser(path: string, user: string, flags: UserFlags): Promise<void> {
  if (!isUserName(user))
    throw new ServerError('SERVER_BAD_OPTIONS', 'a user has 1 to 255 characters on one line');
  const { permission, remove } = flags;
  const quotaBytes = quotaOf(flags.quota);
  const change = {
    user,
    ...(permission === undefined ? {} : { permission }),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(remove === undefined ? {} : { remove }),
  };
  let told = '';
  const after = await changeAttributes(path, ({ users }) => {
    const next = changedUsers(users, change);
    told = describeChange(users, next);
    return { users: [...(next ?? [])] };
  });
  if (flags.json === true) print(after, flags);
  else console.log(told);
}

/** Opens a disk, changes its attributes and closes it; nothing is changed when the change does not fit. */
async function changeAttributes(
  path: string,
  change: (before: Attributes) => Attributes,
): Promise<Attributes> {
  // Before the disk is opened, which gives a copy an identity of its own: a word that is wrong changes nothing.
  change((await readContainerInfo(path)).attributes);
  const opened = await SnapshotObject.open(path);
  const { object } = opened;
  try {
    await object.updateAttributes(change(object.attributes));
    return object.attributes;
  } finally {
    await opened.close();
  }
}

function print(attributes: Attributes, flags: ShowFlags): void {
  if (flags.json === true) {
    console.log(JSON.stringify(attributes, null, 2));
    return;
  }
  const { users, ...others } = attributes;
  for (const [key, value] of Object.entries(others).flatMap(flatten)) console.log(`${key}: ${value}`);
  for (const line of userLines(users)) console.log(`user ${line}`);
}

/** `location: {lun: 3}` as `location.lun: 3`, one level deep; what is deeper as JSON. */
function flatten([key, value]: [string, unknown]): [string, string][] {
  if (typeof value === 'string') return [[key, value]];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[key, JSON.stringify(value)]];
  return Object.entries(value).map(([inner, each]) => [
    `${key}.${inner}`,
    typeof each === 'string' ? each : JSON.stringify(each),
  ]);
}
