import type { AccessEntry } from '@lunbox/iscsi-target';
import { ScsiTarget, type CopyDomain } from '@lunbox/scsi';
import { accessOf } from './access.ts';
import type { Disk } from './disks.ts';
import { Drive } from './drive.ts';
import { checkIscsiName, defaultIscsiName } from './iscsi-name.ts';
import { numberLuns, type LunWish } from './lun-numbers.ts';
import type { LunOptions, ServerOptions } from './options.ts';
import { SnapshotLuns } from './snapshot-luns.ts';

/** A target with its disks open. */
export interface OpenTarget {
  readonly iqn: string;
  /** Those of snapshots come and go while the server runs. */
  readonly drives: Drive[];
  readonly scsi: ScsiTarget;
  readonly snapshotLuns: SnapshotLuns;
  readonly access: readonly AccessEntry[];
}

/** All LUNs of all targets, in one row. */
export const allLuns = (options: ServerOptions): LunOptions[] => options.targets.flatMap(({ luns }) => luns);

/** Gives each target its disks, which were opened in one row. */
export function divide(disks: readonly Disk[], options: ServerOptions, copyDomain: CopyDomain): OpenTarget[] {
  let from = 0;
  return options.targets.map((target) => {
    const { iqn, luns } = target;
    const own = disks.slice(from, (from += luns.length));
    const numbers = numberLuns(luns.map(wishOf));
    const drives = own.map((disk, index) => new Drive(numbers[index]!, disk, luns[index]!, options));
    const identity = own[0]?.unit.identity ?? new Uint8Array();
    const name = iqn === undefined ? defaultIscsiName(identity) : checkIscsiName(iqn);
    const scsi = new ScsiTarget({ copyDomain });
    for (const { lun, unit, disk } of drives)
      scsi.addUnit(lun, unit, unit.removable ? undefined : disk?.users?.rightsOf);
    const snapshotLuns = new SnapshotLuns({ drives, scsi });
    return { iqn: name, drives, scsi, snapshotLuns, access: accessOf(target, options) };
  });
}

/** The number that a LUN must have, and what people call it. */
export function wishOf(options: LunOptions): LunWish {
  const name = 'path' in options ? options.path : 'image' in options ? options.image : 'a device';
  return { name, lun: options.lun };
}
