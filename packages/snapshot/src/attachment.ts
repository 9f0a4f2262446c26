/** How a disk remembers, in itself, which snapshots it has. */
export interface SnapshotAttachment {
  /** Identity of its set of snapshots, in UUID form; undefined when it has none. */
  readonly set: string | undefined;
  /** The set was being made: where none is found, there never was one. */
  readonly pending: boolean;
  /** The disk was changed around its snapshots, so none of them can be relied on. */
  readonly suspect: boolean;
  /** Why there can be no snapshots, in words for people; undefined when there can. */
  readonly refusal: string | undefined;
  /** Notes durably, before the first snapshot is there, which set is being made. */
  attach(set: string): Promise<void>;
  /** Notes durably that the set is there. */
  confirm(set: string): Promise<void>;
  /** Notes durably that the disk has no snapshots any more. */
  detach(): Promise<void>;
}
