import { createGroup, type GroupOptions, type TakenGroup } from '@lunbox/snapshot';
import { ServerError } from '../server-error.ts';
import type { ControlRequest } from './control-request.ts';
import type { SnapDesk, SnapEvent } from './snap-desk.ts';
import { newOptions } from './snap-desk.ts';

/** What taking a group tells. */
export interface GroupTaken {
  readonly event: 'created';
  /** Identity of the group. */
  readonly group: TakenGroup['id'];
  /** One snapshot of each disk, in the order in which the disks were named. */
  readonly members: readonly Pick<SnapEvent, 'disk' | 'snapshot'>[];
}

/** Takes a group while what uses its disks is suspended. */
export type QuiescedTake = (options: Omit<GroupOptions, 'level'>) => Promise<TakenGroup>;

/**
 * Takes a snapshot of each of several disks at one instant, all or none.
 *
 * @param takeQuiesced - undefined where nobody serves them
 */
export async function takeGroup(
  desks: readonly SnapDesk[],
  {
    name,
    quiesce = false,
    ...more
  }: Pick<ControlRequest<'snap-group'>, 'name' | 'level' | 'labels' | 'quiesce'>,
  takeQuiesced?: QuiescedTake,
): Promise<GroupTaken> {
  const disks = desks.map(({ disk }) => disk);
  const twice = disks.find((disk, index) => disks.indexOf(disk) !== index);
  if (twice !== undefined)
    throw new ServerError('SERVER_BAD_OPTIONS', `${twice} is named twice; a group has each disk once`);
  const options = { ...newOptions(more), ...(name === undefined ? {} : { name }) };
  const { id, snapshots } = quiesce
    ? await quiesced(options, takeQuiesced)
    : await createGroup(
        desks.map(({ set }) => set),
        options,
      );
  const members = snapshots.map((snapshot, index) => ({ disk: disks[index] as string, snapshot }));
  return { event: 'created', group: id, members };
}

async function quiesced({ level, ...options }: GroupOptions, take?: QuiescedTake): Promise<TakenGroup> {
  if (level !== undefined)
    throw new ServerError('SERVER_BAD_OPTIONS', 'the level is that of what was suspended; leave it out');
  if (take === undefined)
    throw new ServerError('SERVER_WRONG_STATE', 'nobody serves the disks: there is nothing to suspend');
  return await take(options);
}

/** The same in words. */
export function groupLine({ members }: GroupTaken): string {
  const [first] = members;
  const disks = members.map(({ disk }) => disk).join(', ');
  return `snapshot ${first?.snapshot.name} of ${members.length} disks is created: ${disks}`;
}
