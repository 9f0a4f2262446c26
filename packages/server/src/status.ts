import type { Continuity } from '@lunbox/storage-object';

/** A LUN that is being served. */
export interface ServedLun {
  readonly lun: number;
  /** What libiscsi, QEMU and others take: `iscsi://host:port/iqn/lun`, at the first portal. */
  readonly url: string;
  /** The container file; undefined for a LUN made from a device. */
  readonly path: string | undefined;
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  /** In UUID form. */
  readonly identity: string;
  /** How the container came back when it was opened; `clean` for a device. */
  readonly continuity: Continuity;
}

/** A target that is being served. */
export interface ServedTarget {
  readonly iqn: string;
  readonly luns: readonly ServedLun[];
}
