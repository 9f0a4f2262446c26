import type { SnapshotEvent } from '@lunbox/snapshot';
import type { PortGroupStatus, ProtectionType, UnitKind } from '@lunbox/scsi';
import type { CatalogObject, Continuity, LayoutStatus } from '@lunbox/storage-object';

/** A snapshot that is being served as a LUN. */
export interface ServedSnapshot {
  /** The LUN of the disk that it is a snapshot of. */
  readonly lun: number;
  /** In UUID form. */
  readonly id: string;
  readonly name: string;
}

/** A LUN that is being served. */
export interface ServedLun {
  readonly lun: number;
  /** What libiscsi, QEMU and others take: `iscsi://host:port/iqn/lun`, at the first portal. */
  readonly url: string;
  readonly kind: UnitKind;
  /** False while the medium of a removable LUN is out. */
  readonly mediumPresent: boolean;
  /** The file; undefined for a LUN made from a device, and while there is no medium. */
  readonly path: string | undefined;
  /** 0 without a medium. */
  readonly sizeBytes: number;
  readonly blockSize: number;
  /** What the disk is formatted with: 1, 2 or 3; 0 is no protection information yet, undefined no room for it. */
  readonly protectionType: ProtectionType | undefined;
  /** Blocks without their protection information after an unclean stop: `ProtectedDevice.unknownBlocks`. */
  readonly unprotectedBlocks: number;
  readonly readOnly: boolean;
  /** In UUID form; that of its first disk, where the medium can be taken out. */
  readonly identity: string;
  /** The target port groups, which are its ways, and their access states. */
  readonly portGroups: readonly PortGroupStatus[];
  /**
   * Why the disk takes no change any more: a sync of it or of its snapshots has failed. It is whole again, as far as it
   * was flushed, when its file is opened again. Undefined while none has.
   */
  readonly fault: string | undefined;
  /** How the container came back when it was opened; `clean` for a device. */
  readonly continuity: Continuity;
  /** What it is a snapshot of; undefined for a LUN that is none. */
  readonly snapshot: ServedSnapshot | undefined;
  /** The parts that it is made of, and what its mirrors hold; undefined where it is in one file. */
  readonly layout: LayoutStatus | undefined;
}

/** A target that is being served. */
export interface ServedTarget {
  readonly iqn: string;
  readonly luns: readonly ServedLun[];
}

/** A LUN with the space of its disk as it is at the moment. */
export interface MeasuredLun extends ServedLun {
  /** Space that the container takes with its parts; undefined where nobody tells it. */
  readonly usedBytes?: number;
  /** Capacity for which no space has been taken yet. */
  readonly freeBytes?: number;
}

/** A target whose LUNs tell their space. */
export interface MeasuredTarget extends ServedTarget {
  readonly luns: readonly MeasuredLun[];
}

/** An object of a catalog that this server serves. */
export interface ServedObject extends CatalogObject {
  /** The LUN that it is; `lun` is the same. Undefined for one that is not served. */
  readonly served?: { readonly iqn: string; readonly lun: number };
}

/** What the snapshots of a disk tell: that room for them is short, or that one was dropped for want of it. */
export interface DiskSnapshotEvent extends Pick<ServedLun, 'lun' | 'path'> {
  readonly event: Exclude<SnapshotEvent, { readonly kind: 'faulted' | 'taken' }>;
}

/** A disk that takes no change any more, since a sync of it or of its snapshots has failed. */
export interface DiskFault extends Pick<ServedLun, 'lun' | 'path'> {
  /** One line for people. */
  readonly fault: string;
}
