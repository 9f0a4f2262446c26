import { readContainerInfo, type ContainerInfo, type Continuity } from '@lunbox/storage-object';
import { formatSize } from './size.ts';

/** Flags of `lunbox info`. */
export interface InfoFlags {
  readonly json?: boolean;
}

const STATES: Readonly<Record<Continuity, string>> = {
  clean: 'closed in order',
  unclean: 'not closed in order: whoever served it last ended early',
  modified: 'closed in order, but written by another program since',
  foreign: 'a copy: it gets a new identity when it is served for writing',
};

/** `lunbox info`: prints what a container says of itself, without opening it. */
export async function printInfo(path: string, flags: InfoFlags): Promise<void> {
  const info = await readContainerInfo(path);
  if (flags.json === true) {
    console.log(JSON.stringify(info, null, 2));
    return;
  }
  const rows = rowsOf(info);
  const width = Math.max(...rows.map(([label]) => label.length));
  for (const [label, value] of rows) console.log(`${label.padEnd(width)}  ${value}`);
}

function rowsOf(info: ContainerInfo): [string, string][] {
  const { holder, origin } = info;
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
    ['data offset', `${info.dataOffset} bytes`],
    ['state', served ?? STATES[info.continuity]],
    ['attributes', JSON.stringify(info.attributes)],
  ];
}
