/** Which program serves the LUN: Lunbox itself, or the reference that it is compared with. */
export type TargetKind = 'lunbox' | 'tgtd';

/** What the caller chooses about a target. */
export interface TargetOptions {
  /** Directory of the backing file; it must exist and belongs to the caller. */
  readonly directory: string;
  /** Capacity of the LUN in bytes, used when the backing file has yet to be made. Default 512 MiB. */
  readonly sizeBytes?: number;
  /** Name of the backing file in `directory`. A file that is already there is served as it is. */
  readonly fileName?: string;
  /** Logical block length; only Lunbox honours 4096. Default 512. */
  readonly blockSize?: 512 | 4096;
  /** TCP port; 0 takes a free one. Default 0. */
  readonly port?: number;
  /** Listen at two portals, which are two paths to the LUN. Default false. */
  readonly twoPaths?: boolean;
  /** Agree to CRC32C digests, which `tgtd` does only when it is told to. Default false. */
  readonly digests?: boolean;
  /** A LUN whose medium can be taken out. Default false. */
  readonly removable?: boolean;
  /** A LUN that refuses every change. Default false. */
  readonly writeProtected?: boolean;
  /** Asks initiators for this name and secret (CHAP); `tgtd` only, flags of `lunbox serve` say it for Lunbox. */
  readonly chap?: { readonly user: string; readonly secret: string };
}

/** A running iSCSI target with one disk, seen from outside: a portal, a name, a process and a file. */
export interface TargetUnderTest {
  readonly kind: TargetKind;
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly portal: string;
  readonly iqn: string;
  /** Number of the LUN that is the disk (`tgtd` keeps LUN 0 for its controller). */
  readonly lun: number;
  /** `iscsi://host:port/iqn/lun`, as libiscsi and QEMU take it. */
  readonly url: string;
  /** The same LUN at the other portal, when there are two. */
  readonly otherUrl?: string;
  /** The file in which the disk lives. */
  readonly filePath: string;
  /** Where in the file the disk's first byte is. */
  readonly dataOffset: number;
  readonly sizeBytes: number;
  /** True until the process has ended. */
  readonly running: () => boolean;
  /** What the process has printed. */
  readonly log: () => string;
  /** Orderly stop; returns the exit status. */
  stop(): Promise<number | null>;
  /** `kill -9`: nothing gets a chance to flush. */
  kill9(): Promise<void>;
}

/** Capacity used when none is asked for: below 2^21 blocks, so that READ(6) can run off its end. */
export const defaultSizeBytes: number = 512 << 20;
