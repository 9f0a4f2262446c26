import {
  IscsiServer,
  type AccessEntry,
  type DiscoveryEntry,
  type PortalOptions,
  type SecurityOptions,
  type TargetOptions,
} from '@lunbox/iscsi-target';
import { CopyDomain, type PortGroupChange, type UnitNames } from '@lunbox/scsi';
import debug from 'debug';
import { accessOf, checkAccessOptions } from './access.ts';
import { checkOptions } from './check-options.ts';
import { closeDisks, openDisks } from './disks.ts';
import type { Drive } from './drive.ts';
import { listen, probePortals } from './listening.ts';
import { NbdFront } from './nbd/nbd-front.ts';
import type { NbsHost } from './nbs/nbs-host.ts';
import type { NbsUser } from './nbs/nbs-options.ts';
import { NbsFront } from './nbs/nbs-front.ts';
import type { UserChange, UserList } from './object-users.ts';
import { allLuns, divide, type OpenTarget } from './open-target.ts';
import type { ServerOptions } from './options.ts';
import { formatPortal, toldPortal } from './portal.ts';
import { LiveChanges } from './live-changes.ts';
import { stopAll, urlOf, type Running } from './running.ts';
import { ServerError } from './server-error.ts';
import type { MeasuredTarget, ServedObject, ServedTarget } from './status.ts';
import { refusedAsOptions } from './target-refusal.ts';
import { ServedSnapshots } from './served-snapshots.ts';
import { Volumes } from './volumes.ts';
import { wantedPortals } from './wanted-portals.ts';

const log = debug('lunbox:server:server');

/** How long commands that are running may take to finish when a server stops. */
const STOP_TIMEOUT_MS = 10_000;

/** What may be done to the iSCSI side of a server while it runs. */
export type IscsiOperations = Pick<
  IscsiServer,
  'sessions' | 'statistics' | 'capture' | 'drain' | 'resume' | 'maintenance'
>;

/** Options of {@link LunboxServer.eject}. */
export interface EjectOptions {
  /** Also when an initiator prevents it. Default false. */
  readonly force?: boolean;
  /** Default 0. */
  readonly targetIndex?: number;
}

/** Options of {@link LunboxServer.setPortGroup}. */
export interface PortGroupScope {
  /** Default: all LUNs of the target. */
  readonly lun?: number;
  /** Default 0. */
  readonly targetIndex?: number;
}

/** Options of {@link LunboxServer.stop}. */
export interface StopOptions {
  /** How long running commands may take to finish, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
}

/**
 * A complete target in one object: opens the disks, listens at the portals, and takes everything down in
 * order. Made by {@link createServer}.
 */
export class LunboxServer {
  #options: ServerOptions;
  readonly #wantedPortals: readonly PortalOptions[];
  #running: Running | undefined;
  #stopping: Promise<void> | undefined;
  /** The disks and snapshots, for those who come by another way than iSCSI. */
  readonly volumes: Volumes = new Volumes(() => this.#running?.targets ?? []);
  /** Disks and targets that come and go while the server runs. */
  readonly live: LiveChanges = new LiveChanges({
    running: () => this.#servedNow(),
    options: () => this.#options,
    check: (options) => checkOptions(options, this.#wantedPortals),
    adopt: (options) => {
      this.#options = options;
    },
  });

  /** Checks the options and does nothing else. Throws a {@link ServerError}. */
  constructor(options: ServerOptions) {
    this.#options = options;
    this.#wantedPortals = wantedPortals(options);
    checkOptions(options, this.#wantedPortals);
  }

  /** The iSCSI side of a running server: statistics, captures, drain and maintenance. Undefined until it runs. */
  get iscsi(): IscsiOperations | undefined {
    return this.#running?.iscsi;
  }

  /** Where the server listens, `host:port` each, with the port that was really taken. Empty until it runs. */
  get portals(): readonly string[] {
    return this.#running?.portals.map(formatPortal) ?? [];
  }

  /** Those of {@link LunboxServer.portals} that speak TLS. */
  get tlsPortals(): readonly string[] {
    return this.#running?.portals.filter(({ tls }) => tls !== undefined).map(formatPortal) ?? [];
  }

  /** Where NBS is spoken: `host:port` or `unix:PATH`. Empty until the server runs. */
  get nbsPortals(): readonly string[] {
    return this.#running?.nbs?.portals ?? [];
  }

  /**
   * Replaces who may come in by NBS. Sessions that are there stay.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` where NBS is not spoken, or `SERVER_BAD_OPTIONS`, also when
   * whoever comes would be let in, or no longer.
   */
  async setNbsUsers(users: readonly NbsUser[]): Promise<void> {
    const { nbs } = this.#servedNow();
    if (nbs === undefined) throw new ServerError('SERVER_WRONG_STATE', 'the server does not speak NBS');
    await nbs.users.replace(users);
  }

  /** Where NBD is spoken, in the same way. */
  get nbdPortals(): readonly string[] {
    return this.#running?.nbd?.portals ?? [];
  }

  /** What is served. Empty until the server runs. */
  get targets(): readonly ServedTarget[] {
    const running = this.#running;
    if (!running) return [];
    return running.targets.map(({ iqn, drives }) => ({
      iqn,
      luns: drives.map((drive) => drive.describe(urlOf(running, iqn, drive.lun))),
    }));
  }

  /** The same with the space of each disk at the moment. */
  async measure(): Promise<readonly MeasuredTarget[]> {
    const running = this.#running;
    const measured = running?.targets.map(async ({ iqn, drives }) => ({
      iqn,
      luns: await Promise.all(drives.map((drive) => drive.measure(urlOf(running, iqn, drive.lun)))),
    }));
    return await Promise.all(measured ?? []);
  }

  /** What a catalog says of the containers that are served, as they are now. */
  async catalogEntries(): Promise<readonly ServedObject[]> {
    const targets = this.#running?.targets ?? [];
    const asked = targets.flatMap(({ iqn, drives }) => drives.map((drive) => drive.catalogEntry(iqn)));
    return (await Promise.all(asked)).filter((entry) => entry !== undefined);
  }

  /** `iscsi://host:port/iqn/lun` of one LUN. Throws a {@link ServerError} `SERVER_WRONG_STATE`. */
  url(lun: number, targetIndex = 0): string {
    const { running, target } = this.#drive(lun, targetIndex);
    return urlOf(running, target.iqn, lun);
  }

  /**
   * Takes the medium of a removable LUN out: what goes on with it ends, it is flushed, and its file is closed.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE`, also while an initiator prevents the removal and `force` is not
   * set; or what flushing or closing the disk throws.
   */
  async eject(lun: number, { force = false, targetIndex = 0 }: EjectOptions = {}): Promise<void> {
    const { target, drive } = this.#drive(lun, targetIndex);
    target.snapshotLuns.checkClosed(drive);
    await drive.eject(force);
  }

  /**
   * Puts the medium in a file into a removable LUN that has none, or closes the tray over the one that an initiator has
   * ejected. Initiators hear that the medium may have changed; the LUN keeps its identity.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` or `SERVER_DUPLICATE_IDENTITY`, or what opening the file throws.
   */
  async insert(lun: number, path?: string, targetIndex = 0): Promise<void> {
    const { running, drive } = this.#drive(lun, targetIndex);
    const others = running.targets.flatMap(({ drives }) => drives).filter((other) => other !== drive);
    await drive.insert(path, this.#options, others);
  }

  /**
   * Makes the disk of a LUN larger while it is served: durably first, then initiators hear that its capacity has
   * changed (2Ah/09h), and what is in it stays. It keeps its size when that is `sizeBytes` already.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` for a smaller size, a LUN without a medium, and one that is no
   * container; or what `StorageObject.grow` throws.
   */
  async resize(lun: number, sizeBytes: number, targetIndex = 0): Promise<void> {
    await this.#drive(lun, targetIndex).drive.resize(sizeBytes);
  }

  /** Who may do what with the disk of a LUN. Throws a {@link ServerError} `SERVER_WRONG_STATE` where nobody can say. */
  users(lun: number, targetIndex = 0): UserList {
    return this.#drive(lun, targetIndex).drive.users;
  }

  /**
   * Changes who may do what with the disk of a LUN: durably, and then in force for the sessions that are there too. Who
   * may not see it any more loses it with the commands that are under way.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` for a LUN that is no container or removable, `SERVER_BAD_OPTIONS`
   * for a change that means nothing; or what `StorageObject.updateAttributes` throws.
   */
  async changeUsers(lun: number, change: UserChange, targetIndex = 0): Promise<void> {
    const { target, drive } = this.#drive(lun, targetIndex);
    await drive.changeUsers(change);
    for (const each of [drive, ...target.snapshotLuns.of(drive)]) target.scsi.rightsChanged(each.lun);
  }

  /** The snapshots of the disk of a LUN. Throws a {@link ServerError} `SERVER_WRONG_STATE` without such a LUN. */
  snapshots(lun: number, targetIndex = 0): ServedSnapshots {
    const { target, drive } = this.#drive(lun, targetIndex);
    return new ServedSnapshots(drive, target.snapshotLuns, this.#running?.nbs);
  }

  /**
   * Gives a target port group, which the portals with one tag are, another access state: of one LUN, or of all of the
   * target. Every initiator hears of it on every path (2Ah/06h). It lasts until the server stops. All or none: throws a
   * {@link ServerError} `SERVER_WRONG_STATE` when there is no such LUN, or no such group.
   */
  setPortGroup(group: number, change: PortGroupChange, { lun, targetIndex = 0 }: PortGroupScope = {}): void {
    const target = this.#target(targetIndex);
    if (lun !== undefined) this.#drive(lun, targetIndex);
    const drives = target.drives.filter((drive) => lun === undefined || drive.lun === lun);
    if (!drives.every(({ unit }) => unit.portGroups.some((each) => each.group === group))) {
      throw new ServerError('SERVER_WRONG_STATE', `there is no portal group ${group}`);
    }
    for (const { unit } of drives) unit.setPortGroup(group, change);
  }

  /**
   * Changes what INQUIRY calls a LUN: its PRODUCT IDENTIFICATION (up to 16 characters) and PRODUCT REVISION LEVEL
   * (4), of printable ASCII. Kept in its container, where it has one; initiators hear that INQUIRY data has changed
   * (3Fh/03h).
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE`, what `StorageObject.updateAttributes` throws, or a RangeError
   * for a text that does not fit.
   */
  async rename(lun: number, names: UnitNames, targetIndex = 0): Promise<void> {
    await this.#drive(lun, targetIndex).drive.rename(names);
  }

  /**
   * Opens the disks and listens. When it completes, initiators can log in. When it fails, nothing is left
   * open, and a portal that is taken has left the disks untouched.
   *
   * Throws a {@link ServerError}, or a `ContainerError` of `@lunbox/storage-object`.
   */
  async start(): Promise<void> {
    if (this.#running) throw new ServerError('SERVER_WRONG_STATE', 'the server runs already');
    await probePortals(this.#wantedPortals);
    const disks = await openDisks(allLuns(this.#options), this.#options);
    try {
      // An initiator can copy between all the disks that it may use.
      const copyDomain = new CopyDomain();
      const targets = divide(disks, this.#options, copyDomain);
      const { hooks = {}, limits = {} } = this.#options;
      const settings = {
        targets: targets.map(({ iqn: name, scsi, access }): TargetOptions => ({ name, scsi, access })),
        security: security(this.#options),
        hooks,
        limits,
      };
      const iscsi = refusedAsOptions(() => new IscsiServer(settings));
      this.#running = { iscsi, targets, copyDomain, portals: await listen(iscsi, this.#wantedPortals) };
      const { nbs, nbd } = this.#options;
      if (nbs) this.#running = { ...this.#running, nbs: await NbsFront.open(nbs, this.#host()) };
      if (nbd) this.#running = { ...this.#running, nbd: await NbdFront.open(nbd, this.volumes) };
    } catch (error) {
      await this.#running?.nbs?.close();
      await this.#running?.iscsi.close({ timeoutMs: 0 });
      this.#running = undefined;
      await closeDisks(disks);
      throw error;
    }
    log('listening at %o', this.portals);
  }

  /**
   * Replaces the access list of a target that is served, as to change a secret: list the new one before the old
   * one until every initiator has changed. Sessions that are there stay.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE`, `SERVER_BAD_OPTIONS` or `SERVER_AUTHENTICATION_REQUIRED`.
   */
  setAccess(access: readonly AccessEntry[], targetIndex = 0): void {
    const target = this.#running?.targets[targetIndex];
    if (!this.#running || !target) {
      throw new ServerError('SERVER_WRONG_STATE', `there is no target ${targetIndex} now`);
    }
    const targets = this.#options.targets.map((served, index) =>
      index === targetIndex ? { ...served, access } : served,
    );
    const options = { ...this.#options, targets };
    checkAccessOptions(options, this.#wantedPortals);
    const { iscsi } = this.#running;
    refusedAsOptions(() => iscsi.setAccess(target.iqn, accessOf({ access }, options)));
    this.#options = options;
  }

  /**
   * Replaces who may ask which targets there are. Sessions that are there stay.
   *
   * Throws a {@link ServerError} `SERVER_WRONG_STATE` or `SERVER_BAD_OPTIONS`.
   */
  setDiscovery(discovery: readonly DiscoveryEntry[]): void {
    if (!this.#running) throw new ServerError('SERVER_WRONG_STATE', 'the server does not run');
    const options = { ...this.#options, discovery };
    checkAccessOptions(options, this.#wantedPortals);
    const { iscsi } = this.#running;
    refusedAsOptions(() => iscsi.setDiscovery(discovery));
    this.#options = options;
  }

  #host(): NbsHost {
    const { volumes, live } = this;
    const running = this.#servedNow();
    return {
      volumes,
      live,
      seams: this.#options,
      targets: () => this.targets,
      initiatorPortals: running.portals.map(toldPortal),
    };
  }

  /** What runs and does not stop. */
  #servedNow(): Running {
    if (this.#running !== undefined && this.#stopping === undefined) return this.#running;
    throw new ServerError('SERVER_WRONG_STATE', 'the server does not run');
  }

  #drive(lun: number, targetIndex: number): { running: Running; target: OpenTarget; drive: Drive } {
    const running = this.#running;
    const target = running?.targets[targetIndex];
    const drive = target?.drives.find((each) => each.lun === lun);
    if (running && target && drive) return { running, target, drive };
    throw new ServerError('SERVER_WRONG_STATE', `there is no LUN ${lun} at target ${targetIndex} now`);
  }

  #target(targetIndex: number): OpenTarget {
    const target = this.#running?.targets[targetIndex];
    if (target !== undefined) return target;
    throw new ServerError('SERVER_WRONG_STATE', `there is no target ${targetIndex} now`);
  }

  /**
   * Stops in order: no new logins, running commands finish, sessions are asked to log out, data is flushed,
   * containers are closed. Idempotent.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const running = this.#running;
    if (!running) return;
    const { timeoutMs = STOP_TIMEOUT_MS } = options;
    this.#stopping ??= this.live
      .settled()
      .then(() => stopAll(running, timeoutMs))
      .finally(() => {
        this.#running = undefined;
        this.#stopping = undefined;
      });
    await this.#stopping;
  }
}

/** Makes a server from its options; {@link LunboxServer.start} sets it going. Throws a {@link ServerError}. */
export async function createServer(options: ServerOptions): Promise<LunboxServer> {
  return new LunboxServer(options);
}

function security({ discovery, minimumChapAlgorithm }: ServerOptions): SecurityOptions {
  return {
    ...(discovery === undefined ? {} : { discovery }),
    ...(minimumChapAlgorithm === undefined ? {} : { minimumAlgorithm: minimumChapAlgorithm }),
  };
}
