import type { LunOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import type { ServeFlags } from './serve-flags.ts';

/** Files of this name are disc images. */
const DISC_IMAGE = /\.iso$/i;

/**
 * The LUNs of `lunbox serve`: the files in their order, then those of `--cdrom`. Throws a {@link ServerError}
 * `SERVER_BAD_OPTIONS` for flags of a LUN that is not there.
 */
export function lunsFromFlags(
  paths: readonly string[],
  flags: Pick<
    ServeFlags,
    'readOnly' | 'keepIdentity' | 'forgetState' | 'writeProtect' | 'removable' | 'cdrom'
  >,
): LunOptions[] {
  const { writeProtect = [], removable = [], cdrom = [] } = flags;
  const count = paths.length + cdrom.length;
  if (count === 0)
    throw new ServerError('SERVER_BAD_OPTIONS', 'name the files to serve, or a disc image with --cdrom');
  for (const [flag, luns] of Object.entries({ '--write-protect': writeProtect, '--removable': removable })) {
    const stray = luns.find((lun) => lun >= count);
    if (stray === undefined) continue;
    throw new ServerError('SERVER_BAD_OPTIONS', `${flag} ${stray}: there are the LUNs 0 to ${count - 1}`);
  }
  const foreign = flags.keepIdentity === true ? 'keep-identity' : 'new-identity';
  const forgotten = flags.forgetState === true ? { forgetState: true } : {};
  const files = paths.map((path, lun): LunOptions => {
    if (DISC_IMAGE.test(path)) return { image: path };
    const readOnly = flags.readOnly === true || writeProtect.includes(lun);
    return { path, foreign, ...forgotten, readOnly, removable: removable.includes(lun) };
  });
  return [...files, ...cdrom.map((image) => ({ image }))];
}
