import { numberLuns, type LunWish } from '../lun-numbers.ts';
import type { LunOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import type { ServeFlags } from './serve-flags.ts';

/** Files of this name are disc images. */
export const DISC_IMAGE: RegExp = /\.iso$/i;

/**
 * The LUNs of `lunbox serve`: the files in their order, then those of `--cdrom`, apart from disks that say which LUN
 * they are. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` for flags of a LUN that is not there, and for disks that
 * say the same LUN.
 *
 * @param wishes the files, and the LUNs that they say they are
 */
export function lunsFromFlags(
  wishes: readonly LunWish[],
  flags: Pick<
    ServeFlags,
    | 'readOnly'
    | 'keepIdentity'
    | 'forgetState'
    | 'writeProtect'
    | 'removable'
    | 'writeSameRest'
    | 'backgroundRate'
    | 'cdrom'
  >,
): LunOptions[] {
  const { writeProtect = [], removable = [], writeSameRest = [], cdrom = [] } = flags;
  const numbers = numberLuns([...wishes, ...cdrom.map((name) => ({ name, lun: undefined }))]);
  const count = numbers.length;
  if (count === 0)
    throw new ServerError('SERVER_BAD_OPTIONS', 'name the files to serve, or a disc image with --cdrom');
  const ofLuns = {
    '--write-protect': writeProtect,
    '--removable': removable,
    '--write-same-rest': writeSameRest,
  };
  for (const [flag, luns] of Object.entries(ofLuns)) {
    const stray = luns.find((lun) => !numbers.includes(lun));
    if (stray === undefined) continue;
    throw new ServerError('SERVER_BAD_OPTIONS', `${flag} ${stray}: ${listed(numbers)}`);
  }
  const foreign = flags.keepIdentity === true ? 'keep-identity' : 'new-identity';
  const forgotten = flags.forgetState === true ? { forgetState: true } : {};
  const paced = flags.backgroundRate === undefined ? {} : { backgroundBytesPerSecond: flags.backgroundRate };
  const files = wishes.map(({ name: path }, index): LunOptions => {
    const lun = numbers[index]!;
    if (DISC_IMAGE.test(path)) return { image: path, lun };
    const readOnly = flags.readOnly === true || writeProtect.includes(lun);
    const filling = writeSameRest.includes(lun) ? ({ writeSameZero: 'rest' } as const) : {};
    return {
      path,
      lun,
      foreign,
      ...forgotten,
      readOnly,
      removable: removable.includes(lun),
      ...filling,
      ...paced,
    };
  });
  return [...files, ...cdrom.map((image, index) => ({ image, lun: numbers[files.length + index]! }))];
}

/** What one more file is served as. */
export function lunOf(
  path: string,
  { lun, readOnly }: { readonly lun: number | undefined; readonly readOnly: boolean },
): LunOptions {
  const number = lun === undefined ? {} : { lun };
  if (DISC_IMAGE.test(path)) return { image: path, ...number };
  return { path, ...number, foreign: 'new-identity', readOnly };
}

function listed(numbers: readonly number[]): string {
  const ascending = [...numbers].sort((a, b) => a - b);
  const last = ascending.at(-1) ?? 0;
  if (last === ascending.length - 1) return `there are the LUNs 0 to ${last}`;
  return `there are the LUNs ${ascending.join(', ')}`;
}
