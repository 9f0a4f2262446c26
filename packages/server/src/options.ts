import type {
  AccessEntry,
  ChapAlgorithm,
  DiscoveryEntry,
  TargetHooks,
  TargetLimits,
  TlsOptions,
} from '@lunbox/iscsi-target';
import type { LogicalUnitOptions, UnitPolicy } from '@lunbox/scsi';
import type { ForeignPolicy, MirrorHooks, StorageObjectSeams } from '@lunbox/storage-object';
import type { NbdOptions } from './nbd/nbd-front.ts';
import type { NbsOptions } from './nbs/nbs-options.ts';
import type { DiskFault, DiskSnapshotEvent } from './status.ts';

/** Which number a LUN has. */
export interface LunNumber {
  /** 0 to 255; the lowest that is free when left out. */
  readonly lun?: number;
}

/** What initiators make of a LUN. */
export interface LunAppearance extends LunNumber, UnitPolicy {
  /** Refuse every change with DATA PROTECT; a container is opened for reading only. */
  readonly readOnly?: boolean;
  /**
   * A disk whose medium initiators, and `LunboxServer.eject`, can take out. What its initiators want to keep over a
   * loss of power belongs to the drive, which has no place for it: saving is refused, and what a container holds is
   * left alone.
   */
  readonly removable?: boolean;
}

/** A LUN from a container file; the server opens and closes it. */
export interface ContainerLun extends LunAppearance {
  /** The container, as `lunbox create` makes it. */
  readonly path: string;
  /** What to do with a copy of another container; by default it gets a new identity. */
  readonly foreign?: ForeignPolicy;
  /**
   * Drop what the container keeps for its initiators: persistent reservations, saved mode pages, identifying
   * information. For reservations whose holders are gone, and for a state that cannot be read.
   */
  readonly forgetState?: boolean;
}

/**
 * A LUN from any block device; whoever made the device closes it. `stateStore` and `space` give it what a container
 * has of itself: reservations that survive a loss of power, and thresholds of thin provisioning.
 */
export type DeviceLun = LunAppearance & Omit<LogicalUnitOptions, 'kind' | 'readOnly'>;

/** A CD-ROM drive with a disc from an image, such as an ISO of an installer; the server opens it for reading only. */
export interface ImageLun extends LunNumber {
  readonly image: string;
}

/** What a LUN is made from. */
export type LunOptions = ContainerLun | DeviceLun | ImageLun;

/** One iSCSI target. */
export interface ServedTargetOptions {
  /** iSCSI name; by default one made from the identity of the first LUN. */
  readonly iqn?: string;
  /** LUN 0, 1, … in this order, apart from those that have a number; at least one and at most 256. */
  readonly luns: readonly LunOptions[];
  /**
   * Who may log in, and what they have to prove first; the first entry that an initiator fits decides. Without an
   * entry, whoever comes from this machine, and nobody else.
   */
  readonly access?: readonly AccessEntry[];
}

/** A portal of which more is to be said than its address. */
export interface ServedPortalOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly portal: string;
  /** Tag of the portal group that the portal belongs to (RFC 7143 §4.4.2), 1–65535. Default 1. */
  readonly tag?: number;
  /** `host:port` that initiators are told instead of `portal`; goes before {@link ServerOptions.advertise}. */
  readonly advertise?: string;
  /** Speaks TLS at this portal; initiators need a wrapper, or speak TLS themselves. */
  readonly tls?: TlsOptions;
}

/** Options of {@link createServer}. */
export interface ServerOptions extends StorageObjectSeams, MirrorHooks {
  /** `host:port` each, or more; port 0 takes a free one. Default `127.0.0.1:3260`. */
  readonly portals?: readonly (string | ServedPortalOptions)[];
  /**
   * `host:port` that initiators are told instead of the portal in the same place of `portals`: behind NAT, in a
   * container. Portals without one are told as initiators reach them.
   */
  readonly advertise?: readonly string[];
  readonly targets: readonly ServedTargetOptions[];
  /** NBD for the same disks and their snapshots; not spoken when left out. */
  readonly nbd?: NbdOptions;
  /** NBS for the same disks; not spoken when left out. */
  readonly nbs?: NbsOptions;
  /** Bounds of sessions, lengths and times; those left out are `DEFAULT_LIMITS` of `@lunbox/iscsi-target`. */
  readonly limits?: Partial<TargetLimits>;
  /** What the program round the server decides about logins, and hears of sessions. */
  readonly hooks?: TargetHooks;
  /** Hears of a disk that takes no change any more, when its first sync fails. */
  readonly onFault?: (fault: DiskFault) => void;
  /** Hears of snapshots for which room is short, and of those that were dropped for want of it. */
  readonly onSnapshotEvent?: (event: DiskSnapshotEvent) => void;
  /** Who may ask which targets there are. By default whoever may log in to one of them; CHAP is not asked for. */
  readonly discovery?: readonly DiscoveryEntry[];
  /** The weakest CHAP algorithm that is good enough. Default 5 (MD5), the only one that every initiator has. */
  readonly minimumChapAlgorithm?: ChapAlgorithm;
  /**
   * Let initiators in without CHAP at a portal that is not loopback and does not ask for client certificates: those
   * of an access list by name and address, everybody where there is no access list.
   */
  readonly allowUnauthenticated?: boolean;
}

/** Peripheral device addressing, which every initiator understands, has one byte for the LUN (SAM-5 4.7.7.2). */
export const LUN_LIMIT = 256;
