/** What happened to a leg of a mirror. */
export interface MirrorEvent {
  /** The container of the disk. */
  readonly path: string;
  /** The backing files and volumes of the leg, as the layout names them. */
  readonly parts: readonly string[];
  /**
   * `failed`: it missed a change, and is not used any more. `resyncing`: it is being made equal to the others.
   * `in-sync`: it is as good as they are. What a mirror holds is noted durably before it is told of.
   */
  readonly event: 'failed' | 'resyncing' | 'in-sync';
}

/** Who wants to hear of what becomes of mirrors. */
export interface MirrorHooks {
  /** Called for each leg; must not throw. */
  readonly onMirrorEvent?: (event: MirrorEvent) => void;
}
