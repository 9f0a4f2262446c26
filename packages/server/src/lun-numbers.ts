import { LUN_LIMIT } from './options.ts';
import { ServerError } from './server-error.ts';

/** What is to be a LUN. */
export interface LunWish {
  /** What people call it. */
  readonly name: string;
  /** The number that it must have; any that is free when left out. */
  readonly lun: number | undefined;
}

/**
 * The numbers of the LUNs of one target: those that were asked for, and for the others the lowest that are free, in
 * their order. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` when two want the same, or one wants what cannot be.
 */
export function numberLuns(wishes: readonly LunWish[]): number[] {
  const taken = new Map<number, string>();
  for (const { name, lun } of wishes) {
    if (lun === undefined) continue;
    if (!Number.isInteger(lun) || lun < 0 || lun >= LUN_LIMIT) {
      throw bad(`${name} wants to be LUN ${lun}; there are 0 to ${LUN_LIMIT - 1}`);
    }
    const other = taken.get(lun);
    if (other !== undefined)
      throw bad(`${other} and ${name} both want to be LUN ${lun}; give one another location.lun`);
    taken.set(lun, name);
  }
  let next = 0;
  return wishes.map(({ name, lun }) => {
    if (lun !== undefined) return lun;
    while (taken.has(next)) next += 1;
    taken.set(next, name);
    return next;
  });
}

/** The number of one more LUN. Throws a {@link ServerError} as {@link numberLuns} does. */
export function numberAnother(drives: readonly { readonly lun: number }[], wish: LunWish): number {
  const wishes = drives.map(({ lun }) => ({ name: `LUN ${lun}`, lun }));
  const number = numberLuns([...wishes, wish]).at(-1)!;
  if (number < LUN_LIMIT) return number;
  throw new ServerError('SERVER_WRONG_STATE', `the target has ${LUN_LIMIT} LUNs already; close one first`);
}

function bad(message: string): ServerError {
  return new ServerError('SERVER_BAD_OPTIONS', message);
}
