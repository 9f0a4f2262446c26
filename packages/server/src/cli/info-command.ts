import { readContainerInfo, type ContainerInfo, type Continuity } from '@lunbox/storage-object';
import type { ProtectionType } from '@lunbox/scsi';
import type { Command } from 'commander';
import { readProtectionType } from '../protection.ts';
import { layoutTree } from './layout-tree.ts';
import { userLines } from './show-users.ts';
import { formatSize } from './size.ts';

interface InfoFlags {
  readonly json?: boolean;
}

const STATES: Readonly<Record<Continuity, string>> = {
  clean: 'closed in order',
  unclean: 'not closed in order: whoever served it last ended early',
  modified: 'closed in order, but written by another program since',
  foreign: 'a copy: it gets a new identity when it is served for writing',
};

const PROTECTIONS: Readonly<Record<ProtectionType, string>> = {
  0: 'none; FORMAT UNIT can give it a type',
  1: 'type 1',
  2: 'type 2',
  3: 'type 3',
};

/** Adds `lunbox info`. */
export function addInfo(program: Command): void {
  program
    .command('info <file>')
    .description('describe a disk, also while it is served')
    .option('--json', 'print JSON')
    .action(async (file: string, flags: InfoFlags) => {
      await printInfo(file, flags);
    });
}

/** Prints what a container says of itself, without opening it. */
async function printInfo(path: string, flags: InfoFlags): Promise<void> {
  const info = await readContainerInfo(path);
  const protectionType = await readProtectionType(info);
  if (flags.json === true) {
    console.log(JSON.stringify({ ...info, protectionType }, null, 2));
    return;
  }
  const rows = rowsOf(info, protectionType);
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`${label.padEnd(width)}  ${value}`.trimEnd());
}

function rowsOf(info: ContainerInfo, protectionType: ProtectionType | undefined): [string, string][] {
  const { holder, origin, layout, partOf, attributes } = info;
  const bytes = (count: number): string => `${formatSize(count)} (${count} bytes)`;
  const served = holder && `served by process ${holder.pid} on ${holder.host}`;
  return [
    ['file', info.path],
    ['identity', info.identity],
    ...(origin === undefined ? [] : [['copied from', origin] satisfies [string, string]]),
    ['capacity', bytes(info.capacityBytes)],
    ['used', bytes(info.usedBytes)],
    ['free', bytes(info.freeBytes)],
    ['block size', `${info.blockSize} bytes`],
    ...(protectionType === undefined
      ? []
      : [['protection', PROTECTIONS[protectionType]] satisfies [string, string]]),
    ['data offset', `${info.dataOffset} bytes`],
    ['state', served ?? STATES[info.continuity]],
    ...userRows(info),
    ...(partOf === undefined ? [] : [['part of', `the disk ${partOf}`] satisfies [string, string]]),
    ...(layout === undefined ? [] : layoutTree(layout)).map((line, index): [string, string] => [
      index === 0 ? 'layout' : '',
      line,
    ]),
    ['attributes', JSON.stringify(layout === undefined ? attributes : { ...attributes, layout: undefined })],
  ];
}

function userRows({ attributes: { users } }: ContainerInfo): [string, string][] {
  return users === undefined ? [] : userLines(users).map((line) => ['user', line]);
}
