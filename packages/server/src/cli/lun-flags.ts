import type { LunOptions } from '../options.ts';
import { ServerError } from '../server-error.ts';
import type { ServeFlags } from './serve-flags.ts';

/** The LUNs of `lunbox serve`. Throws a {@link ServerError} `SERVER_BAD_OPTIONS` for flags of a LUN that is not there. */
export function lunsFromFlags(
  paths: readonly string[],
  flags: Pick<ServeFlags, 'readOnly' | 'keepIdentity' | 'writeProtect' | 'removable'>,
): LunOptions[] {
  const { writeProtect = [], removable = [] } = flags;
  for (const [flag, luns] of Object.entries({ '--write-protect': writeProtect, '--removable': removable })) {
    const stray = luns.find((lun) => lun >= paths.length);
    if (stray === undefined) continue;
    throw new ServerError(
      'SERVER_BAD_OPTIONS',
      `${flag} ${stray}: there are the LUNs 0 to ${paths.length - 1}`,
    );
  }
  const foreign = flags.keepIdentity === true ? 'keep-identity' : 'new-identity';
  return paths.map((path, lun) => ({
    path,
    foreign,
    readOnly: flags.readOnly === true || writeProtect.includes(lun),
    removable: removable.includes(lun),
  }));
}
