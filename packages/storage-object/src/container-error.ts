/** What went wrong with a container; stable, to be matched by callers. */
export type ContainerErrorCode =
  | 'CONTAINER_NOT_FOUND'
  | 'CONTAINER_EXISTS'
  | 'CONTAINER_NOT_LUNBOX'
  | 'CONTAINER_CORRUPT'
  | 'CONTAINER_UNSUPPORTED_FEATURE'
  | 'CONTAINER_LOCKED'
  | 'CONTAINER_FOREIGN'
  | 'CONTAINER_READ_ONLY'
  | 'CONTAINER_CLOSED'
  | 'CONTAINER_BAD_SIZE'
  | 'CONTAINER_BAD_SOURCE'
  | 'CONTAINER_NOT_EMPTY'
  | 'CONTAINER_UNCLEAN'
  | 'CONTAINER_HAS_SNAPSHOTS'
  | 'CONTAINER_BAD_ATTRIBUTES'
  | 'CONTAINER_ATTRIBUTES_FULL'
  | 'CONTAINER_BAD_LAYOUT'
  | 'CONTAINER_DELETING'
  | 'CONTAINER_IS_PART'
  | 'CONTAINER_PART_MISSING'
  | 'CONTAINER_PART_WRONG'
  | 'CONTAINER_PART_DAMAGED'
  | 'CONTAINER_PART_STALE'
  | 'CONTAINER_IO';

/** Who has a container open, as far as the lock file tells. */
export interface ContainerHolder {
  readonly host: string;
  readonly pid: number;
  /** When it was opened, milliseconds since 1970. */
  readonly openedAtMs: number;
}

/** Facts that go with a {@link ContainerError}; which are present depends on its code. */
export interface ContainerErrorData {
  /** The container, or the part of a combination that the error is about. */
  readonly path: string;
  /** `CONTAINER_LOCKED`: the process that holds the lock, when it left its name. */
  readonly holder?: ContainerHolder;
  /** `CONTAINER_LOCKED`: the lock file, which a person may delete once the holder is known to be gone. */
  readonly lockPath?: string;
  /** `CONTAINER_UNSUPPORTED_FEATURE`: the incompatible feature bits that this version does not know. */
  readonly unknownFeatures?: number;
  readonly cause?: unknown;
}

/** Every failure of this package that is not a programming mistake. Match on {@link ContainerError.code}. */
export class ContainerError extends Error {
  override readonly name: string = 'ContainerError';
  readonly code: ContainerErrorCode;
  readonly data: ContainerErrorData;

  /** @param message - one line for people; programs look at `code` and `data`. */
  constructor(code: ContainerErrorCode, message: string, data: ContainerErrorData) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause });
    this.code = code;
    this.data = data;
  }
}
