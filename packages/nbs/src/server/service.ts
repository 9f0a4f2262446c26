import type { BlockDevice, MaybePromise } from '@lunbox/block';
import type { StatusName } from '../codec/status-table.ts';
import type { Fields } from '../codec/tlv.ts';

/** What a user may do with an object. */
export interface ObjectPermissions {
  readonly write: boolean;
  readonly snapshot: boolean;
  readonly replicate: boolean;
  readonly admin: boolean;
}

/** An object as a user finds it. */
export interface ObjectDescription {
  readonly name: string;
  /** NBS identifier, in UUID form. */
  readonly uuid: string;
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  readonly fileName?: string;
  readonly lun?: number;
  /** iSCSI name of the target that has the LUN. */
  readonly targetName?: string;
  readonly permissions: ObjectPermissions;
  /** What people wrote about it. */
  readonly description?: string;
  /** Where initiators find the target, the best place first. */
  readonly portals?: readonly { readonly address: string; readonly port: number }[];
}

/** An object that is to be made. */
export interface ObjectWish {
  readonly name: string;
  readonly sizeBytes: number;
  readonly blockSize: number | undefined;
  readonly description: string | undefined;
}

/** How an object is to be opened. */
export interface OpenRequest {
  /** Name or identity. */
  readonly name: string;
  /** Name or identity of a snapshot of it, for reading. */
  readonly snapshot: string | undefined;
  readonly readOnly: boolean;
  /** The name that was proven; undefined for nobody in particular. */
  readonly user: string | undefined;
  /** Who comes, for people. */
  readonly peer: string;
}

/** The answer of {@link OpenObject.compareAndWrite}. */
export interface CompareResult {
  readonly matched: boolean;
  /** The first byte that differs, counted from the offset. */
  readonly differsAt: number;
}

/** How a snapshot is to be taken; what is left out is up to the service. */
export type SnapshotWish = Pick<Fields, 'name' | 'level' | 'label' | 'method'>;

/** How snapshots are to be kept from now on; what is left out stays. */
export type SettingsWish = Pick<Fields, 'limitBytes' | 'whenFull' | 'method' | 'schedule'>;

/** Which snapshots are to be deleted. */
export type PruneWish = Pick<Fields, 'keep' | 'prefix' | 'label' | 'dryRun'>;

/** A run of bytes that may have changed. */
export interface ChangedRun {
  readonly offset: number;
  readonly length: number;
}

/** Who waits for work that takes long. */
export interface WorkWatch {
  /** Hears how far it has come. */
  readonly onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
  /** Nobody waits any more: the work is given up. */
  readonly signal: AbortSignal;
}

/** The snapshots of an object. A snapshot is told of as the fields of the TLV `snapshot`. */
export interface ObjectSnapshots {
  /** All of them, oldest first. */
  list(): Promise<readonly Fields[]>;
  /** Takes one. */
  create(wish: SnapshotWish): Promise<Fields>;
  /** Deletes one. */
  delete(snapshot: string): Promise<void>;
  /** Gives one another name. */
  rename(snapshot: string, name: string): Promise<Fields>;
  /** Keeps one from being deleted. */
  hold(snapshot: string, holder: string): Promise<Fields>;
  /** Ends a hold. */
  release(snapshot: string, holder: string): Promise<Fields>;
  /** Drops what one has, and keeps what has changed since. */
  bookmark(snapshot: string): Promise<Fields>;
  /** Takes one anew under its name. */
  refresh(snapshot: string, wish: SnapshotWish): Promise<Fields>;
  /** Begins to bring the object back; answers the name of the snapshot that was taken first. */
  restore(snapshot: string, options: { readonly force: boolean; readonly name?: string }): Promise<string>;
  /** Makes an object of a snapshot, and serves it. */
  clone?(snapshot: string, name: string, watch: WorkWatch): Promise<ObjectDescription>;
  /** Publishes a snapshot as a file; answers its name, and the SHA-256 of the disk in it. */
  publish?(
    snapshot: string,
    name: string | undefined,
    watch: WorkWatch,
  ): Promise<{ readonly fileName: string; readonly sha256: string }>;
  /** Reads all of a snapshot. */
  verify?(
    snapshot: string,
    watch: WorkWatch,
  ): Promise<{ readonly sound: boolean; readonly badBytes: number }>;
  /** How much room they have, and when they are taken: the fields that SNAPSHOT_SETTINGS answers with. */
  settings?(): Promise<Fields>;
  /** Changes what is given of that; answers as it is then. */
  configure?(wish: SettingsWish): Promise<Fields>;
  /** Deletes what nothing keeps; answers what becomes of each that was looked at, as the fields of `verdict`. */
  prune?(wish: PruneWish): Promise<readonly Fields[]>;
  /** Gives one a LUN of its own: the one that is named, or one that is free. */
  present?(snapshot: string, lun: number | undefined): Promise<Required<Pick<Fields, 'lun' | 'targetName'>>>;
  /** Takes that LUN away; answers which it was. */
  withdraw?(snapshot: string): Promise<number>;
  /**
   * Calls `listener` with each snapshot that is taken, by whomever. Returns a function that ends the subscription.
   */
  onTaken(listener: (snapshot: Fields) => void): () => void;
  /** What may have changed between a snapshot and a later one, or now: ascending. */
  changes(from: string, to: string | undefined): AsyncIterable<ChangedRun>;
}

/** An object that is open for one client. */
export interface OpenObject {
  /** What it stores. Closed with the handle. */
  readonly device: BlockDevice;
  /** As it is now. Throws a {@link NbsRefusal} `NOENT` when it does not exist for the user any more. */
  describe(): ObjectDescription;
  /** Space and failures. */
  status?(): MaybePromise<Pick<Fields, 'usedBytes' | 'freeBytes' | 'fault'>>;
  /** Compares and writes as one action; without it, COMPARE_AND_WRITE is not supported. */
  compareAndWrite?(
    expected: Uint8Array,
    data: Uint8Array,
    offset: number,
    options: { readonly fua: boolean },
  ): MaybePromise<CompareResult>;
  /** Makes the object larger. */
  resize?(sizeBytes: number): Promise<void>;
  /** Changes what people wrote about it; an empty text drops it. */
  setDescription?(description: string): Promise<void>;
  /** Deletes it; with `force` also while others use it, and with its snapshots. */
  delete?(options: { readonly force: boolean }): Promise<void>;
  /**
   * Calls `listener` when the object takes no change any more, with the reason for people. Returns a function that ends
   * the subscription.
   */
  onFault?(listener: (fault: string) => void): () => void;
  /** Undefined where there can be none. */
  readonly snapshots?: ObjectSnapshots;
}

/** A group of snapshots about which one word has not been said yet; changes of the objects are held back. */
export interface PreparedGroup {
  /** Identity of the group. */
  readonly uuid: string;
  /** Takes the snapshots, in the order of the objects; changes go on. */
  commit(): Promise<readonly Fields[]>;
  /** Takes none; changes go on. */
  abort(): Promise<void>;
}

/**
 * What an NBS server serves. Its methods throw a {@link NbsRefusal} or a `BlockError`; all else is a mistake of theirs.
 */
export interface NbsService {
  /** The objects that exist for the user. */
  list(user: string | undefined): MaybePromise<readonly ObjectDescription[]>;
  /** Opens an object, or a snapshot of it. */
  open(request: OpenRequest): MaybePromise<OpenObject>;
  /** Makes an object, and serves it. */
  create?(wish: ObjectWish, user: string | undefined): Promise<ObjectDescription>;
  /** Gets a snapshot of each ready. */
  prepareGroup?(objects: readonly OpenObject[], wish: SnapshotWish): Promise<PreparedGroup>;
  /** Takes a snapshot of each at one instant, all or none. */
  groupSnapshot?(
    objects: readonly OpenObject[],
    wish: SnapshotWish,
  ): Promise<{ readonly uuid: string; readonly snapshots: readonly Fields[] }>;
}

/** A request that is refused, with the status that the client gets. */
export class NbsRefusal extends Error {
  /** Always `NbsRefusal`. */
  override readonly name = 'NbsRefusal';
  /** Stable, the same as {@link NbsRefusal.status} with a prefix. */
  readonly code: `NBS_${StatusName}`;
  readonly status: Exclude<StatusName, 'OK'>;
  /** What the client is told besides. */
  readonly fields: Fields;

  /** @param message - one line for people; the client gets it, too. */
  constructor(status: Exclude<StatusName, 'OK'>, message: string, fields: Fields = {}) {
    super(message);
    this.code = `NBS_${status}`;
    this.status = status;
    this.fields = fields;
  }
}
