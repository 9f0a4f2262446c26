import { checkLimits, type PortalOptions } from '@lunbox/iscsi-target';
import { resolve } from 'node:path';
import { checkAccessOptions } from './access.ts';
import { checkIscsiName } from './iscsi-name.ts';
import { numberLuns } from './lun-numbers.ts';
import { checkNbdOptions } from './nbd/nbd-front.ts';
import { checkNbsOptions } from './nbs/nbs-front.ts';
import { allLuns, wishOf } from './open-target.ts';
import { LUN_LIMIT, type ServerOptions } from './options.ts';
import { ServerError } from './server-error.ts';
import { refusedAsOptions } from './target-refusal.ts';

/** Throws a {@link ServerError} for options that no server can have. */
export function checkOptions(options: ServerOptions, portals: readonly PortalOptions[]): void {
  checkAccessOptions(options, portals);
  checkNbsOptions(options);
  checkNbdOptions(options);
  refusedAsOptions(() => checkLimits(options.limits ?? {}));
  if (portals.length === 0 || options.targets.length === 0) {
    throw new ServerError('SERVER_BAD_OPTIONS', 'a server needs a portal and a target');
  }
  for (const { iqn, luns } of options.targets) {
    if (iqn !== undefined) checkIscsiName(iqn);
    if (luns.length === 0 || luns.length > LUN_LIMIT) {
      throw new ServerError('SERVER_BAD_OPTIONS', `a target has 1 to ${LUN_LIMIT} LUNs, not ${luns.length}`);
    }
    numberLuns(luns.map(wishOf));
  }
  const paths = allLuns(options).flatMap((lun) => ('path' in lun ? [resolve(lun.path)] : []));
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  if (twice !== undefined) {
    throw new ServerError('SERVER_BAD_OPTIONS', `${twice} is given twice; a disk can be one LUN only`);
  }
}
