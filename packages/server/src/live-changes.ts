import type { IscsiServer } from '@lunbox/iscsi-target';
import type { CopyDomain } from '@lunbox/scsi';
import { closeDisks, openDisks } from './disks.ts';
import { Drive, identitiesIn } from './drive.ts';
import { checkUnused } from './drive-use.ts';
import { numberAnother } from './lun-numbers.ts';
import { divide, wishOf, type OpenTarget } from './open-target.ts';
import type { LunOptions, ServedTargetOptions, ServerOptions } from './options.ts';
import { retireDrive } from './retire-drive.ts';
import { ServerError } from './server-error.ts';
import { refusedAsOptions } from './target-refusal.ts';

/** What a running server has of what it serves. */
export interface LiveParts {
  readonly iscsi: Pick<IscsiServer, 'addTarget' | 'removeTarget'>;
  readonly targets: OpenTarget[];
  readonly copyDomain: CopyDomain;
}

/** The server whose disks come and go. */
export interface LiveServer {
  /** Throws a {@link ServerError} `SERVER_WRONG_STATE` unless the server runs. */
  running(): LiveParts;
  options(): ServerOptions;
  /** Throws a {@link ServerError} for options that no server can have. */
  check(options: ServerOptions): void;
  /** These are the options from now on. */
  adopt(options: ServerOptions): void;
}

/** Options of {@link LiveChanges.detach}. */
export interface DetachOptions {
  /** Also while somebody uses the disk. Default false. */
  readonly force?: boolean;
  /** Also when it is the only one of its target. Default false. */
  readonly evenLast?: boolean;
  /** The door of who asks, whose own use does not count; see `unitUse`. */
  readonly door?: string;
  /** Default 0. */
  readonly targetIndex?: number;
}

/** Targets that a server may have when more of them come while it runs. */
const TARGET_LIMIT = 256;

const FORCE = 'take it away with --force all the same';

/** Disks and targets that come and go while a server runs. One change follows the other. */
export class LiveChanges {
  readonly #server: LiveServer;
  #changes: Promise<unknown> = Promise.resolve();

  /** @internal */
  constructor(server: LiveServer) {
    this.#server = server;
  }

  /**
   * Serves another disk as a LUN of a target; its initiators hear of it (REPORTED LUNS DATA HAS CHANGED). Answers the
   * number of the LUN, the lowest that is free unless the options say one.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE`, `SERVER_BAD_OPTIONS` or `SERVER_DUPLICATE_IDENTITY`, or what
   * opening a container throws.
   */
  attach(lun: LunOptions, targetIndex = 0): Promise<number> {
    return this.#inTurn(async () => {
      const { targets } = this.#server.running();
      const target = targetAt(targets, targetIndex);
      const number = numberAnother(target.drives, wishOf(lun));
      const wanted = { ...lun, lun: number };
      const changed = this.#withLuns(targetIndex, (luns) => [...luns, wanted]);
      this.#server.check(changed);
      const [disk] = await openDisks([wanted], changed, identitiesIn(allDrives(targets)));
      try {
        const drive = new Drive(number, disk!, wanted, changed);
        const { unit } = drive;
        target.scsi.addUnit(number, unit, unit.removable ? undefined : disk!.users?.rightsOf);
        target.drives.push(drive);
      } catch (error) {
        await disk!.close();
        throw error;
      }
      this.#server.adopt(changed);
      return number;
    });
  }

  /**
   * Serves a LUN no more: what is under way ends first, for 10 seconds at most, and the disk is flushed and closed.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` for a LUN that is not there, is a snapshot or has snapshots open,
   * is the only one of its target, or is in use and `force` is not set.
   */
  detach(lun: number, options: DetachOptions = {}): Promise<void> {
    return this.#inTurn(async () => {
      const { evenLast = false, targetIndex = 0 } = options;
      this.checkDetachable(lun, options);
      const target = targetAt(this.#server.running().targets, targetIndex);
      const disks = target.drives.filter(({ snapshot }) => snapshot === undefined);
      const drive = disks.find((each) => each.lun === lun)!;
      if (disks.length === 1 && !evenLast)
        throw wrongState(`LUN ${lun} is the only one of its target, and stays`);
      const changed = this.#withLuns(targetIndex, (luns) => luns.filter((each) => each !== drive.options));
      // It is gone, whatever closing it came to.
      await retireDrive(target, drive).finally(() => this.#server.adopt(changed));
    });
  }

  /** Throws a {@link ServerError} `SERVER_WRONG_STATE` for what keeps a LUN from being detached now. */
  checkDetachable(lun: number, { force = false, door, targetIndex = 0 }: DetachOptions = {}): void {
    const target = targetAt(this.#server.running().targets, targetIndex);
    const drive = target.drives.find((each) => each.lun === lun && each.snapshot === undefined);
    if (drive === undefined) throw wrongState(`there is no disk with the LUN ${lun}`);
    target.snapshotLuns.checkClosed(drive);
    if (!force) checkUnused(drive, FORCE, door);
  }

  /** What the LUNs of a target were opened from, each with its number; snapshots are none. */
  lunsOf(targetIndex = 0): readonly LunOptions[] {
    const { drives } = targetAt(this.#server.running().targets, targetIndex);
    const disks = drives.filter(({ snapshot }) => snapshot === undefined);
    return disks.map(({ options, lun }) => ({ ...options, lun }));
  }

  /**
   * Serves another target, by all portals. Answers its iSCSI name.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE`, `SERVER_BAD_OPTIONS`, `SERVER_AUTHENTICATION_REQUIRED` or
   * `SERVER_DUPLICATE_IDENTITY`, or what opening a container throws.
   */
  addTarget(target: ServedTargetOptions): Promise<string> {
    return this.#inTurn(async () => {
      const { iscsi, targets, copyDomain } = this.#server.running();
      if (targets.length >= TARGET_LIMIT)
        throw wrongState(`there are ${TARGET_LIMIT} targets already; remove one first`);
      const options = this.#server.options();
      const changed = { ...options, targets: [...options.targets, target] };
      this.#server.check(changed);
      const disks = await openDisks(target.luns, options, identitiesIn(allDrives(targets)));
      try {
        const [open] = divide(disks, { ...options, targets: [target] }, copyDomain);
        const { iqn: name, scsi, access } = open!;
        refusedAsOptions(() => iscsi.addTarget({ name, scsi, access }));
        targets.push(open!);
        this.#server.adopt(changed);
        return name;
      } catch (error) {
        await closeDisks(disks);
        throw error;
      }
    });
  }

  /**
   * Serves another target, for those who may use one that is there. Answers its iSCSI name. Throws as
   * {@link LiveChanges.addTarget} does.
   */
  addTargetBeside(iqn: string, luns: readonly LunOptions[]): Promise<string> {
    const index = this.#server.running().targets.findIndex((target) => target.iqn === iqn);
    const access = this.#server.options().targets[index]?.access;
    return this.addTarget({ luns, ...(access === undefined ? {} : { access }) });
  }

  /**
   * Serves a target no more: its sessions are dropped, and its disks are flushed and closed.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` for a target that is not there, is the only one, or is in use and
   * `force` is not set.
   */
  removeTarget(iqn: string, { force = false, door }: Omit<DetachOptions, 'targetIndex'> = {}): Promise<void> {
    return this.#inTurn(async () => {
      const { iscsi, targets } = this.#server.running();
      const index = targets.findIndex((target) => target.iqn === iqn);
      const target = targetAt(targets, index);
      if (targets.length === 1) throw wrongState(`${iqn} is the only target, and stays`);
      for (const drive of force ? [] : target.drives) checkUnused(drive, FORCE, door);
      await iscsi.removeTarget(iqn);
      // Snapshots before the disks that they are read from.
      const drives = [...target.drives].sort(
        (a, b) => Number(b.snapshot !== undefined) - Number(a.snapshot !== undefined),
      );
      targets.splice(index, 1);
      const options = this.#server.options();
      this.#server.adopt({ ...options, targets: options.targets.filter((_, at) => at !== index) });
      for (const drive of drives) await retireDrive(target, drive);
    });
  }

  /** Completes when no change is under way. */
  async settled(): Promise<void> {
    await this.#changes;
  }

  /** The options with other LUNs of a target. */
  #withLuns(
    targetIndex: number,
    change: (luns: readonly LunOptions[]) => readonly LunOptions[],
  ): ServerOptions {
    const options = this.#server.options();
    const targets = options.targets.map((target, index) =>
      index === targetIndex ? { ...target, luns: change(target.luns) } : target,
    );
    return { ...options, targets };
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }
}

const allDrives = (targets: readonly OpenTarget[]): Drive[] => targets.flatMap(({ drives }) => drives);

function targetAt(targets: readonly OpenTarget[], index: number): OpenTarget {
  const target = targets[index];
  if (target !== undefined) return target;
  throw wrongState('there is no such target now');
}

function wrongState(message: string): ServerError {
  return new ServerError('SERVER_WRONG_STATE', message);
}
