/**
 * How bad a finding is.
 *
 * - `note`: worth knowing; nothing is wrong.
 * - `warning`: the disk can be served, and somebody should look.
 * - `error`: something is damaged, and can be mended from what is whole.
 * - `loss`: something is damaged, and nothing in the file can mend it.
 */
export type Severity = 'note' | 'warning' | 'error' | 'loss';

/** From the least to the worst. */
export const SEVERITIES: readonly Severity[] = ['note', 'warning', 'error', 'loss'];

/** Stable code of a {@link Finding}; `docs/cli.md` says what each means and what to do. */
export type FindingCode =
  | 'IN_USE'
  | 'UNCLEAN'
  | 'FILE_LONG'
  | 'LOCK_STALE'
  | 'LOCK_DAMAGED'
  | 'DRAFT_IN_WORK'
  | 'DRAFT_LEFT'
  | 'FOREIGN'
  | 'MODIFIED'
  | 'ATTRIBUTES_INVALID'
  | 'RESERVED_WRITTEN'
  | 'IDENTITY_SHARED'
  | 'LUN_SHARED'
  | 'SAME_FILE'
  | 'RENAMED'
  | 'MIRROR_DEGRADED'
  | 'FILE_GONE'
  | 'FILE_REPLACED'
  | 'FAULTED'
  | 'DELETION_UNFINISHED'
  | 'IDENTITY_BLOCK_DAMAGED'
  | 'HEADER_DAMAGED'
  | 'HEADERS_DAMAGED'
  | 'HEADERS_CONTRADICT'
  | 'NEWER_FORMAT'
  | 'GEOMETRY_INVALID'
  | 'FILE_SHORT'
  | 'DATA_UNREADABLE'
  | 'PART_MISSING'
  | 'PART_WRONG'
  | 'PART_DAMAGED'
  | 'PART_STALE'
  | 'RESTORE_UNFINISHED'
  | 'SNAPSHOT_LEFTOVER'
  | 'SNAPSHOT_INDEX_DAMAGED'
  | 'SNAPSHOTS_DETACHED'
  | 'SNAPSHOTS_SUSPECT'
  | 'SNAPSHOT_DAMAGED'
  | 'SNAPSHOTS_DAMAGED'
  | 'SNAPSHOTS_MISSING';

const SEVERITY_OF: Readonly<Record<FindingCode, Severity>> = {
  IN_USE: 'note',
  UNCLEAN: 'note',
  FILE_LONG: 'note',
  LOCK_STALE: 'note',
  RENAMED: 'note',
  DRAFT_IN_WORK: 'note',
  LOCK_DAMAGED: 'warning',
  DRAFT_LEFT: 'warning',
  FOREIGN: 'warning',
  MODIFIED: 'warning',
  ATTRIBUTES_INVALID: 'warning',
  RESERVED_WRITTEN: 'warning',
  IDENTITY_SHARED: 'warning',
  LUN_SHARED: 'warning',
  SAME_FILE: 'warning',
  MIRROR_DEGRADED: 'warning',
  FILE_GONE: 'error',
  FILE_REPLACED: 'error',
  FAULTED: 'error',
  DELETION_UNFINISHED: 'warning',
  IDENTITY_BLOCK_DAMAGED: 'error',
  HEADER_DAMAGED: 'error',
  HEADERS_DAMAGED: 'loss',
  HEADERS_CONTRADICT: 'loss',
  NEWER_FORMAT: 'loss',
  GEOMETRY_INVALID: 'loss',
  FILE_SHORT: 'loss',
  DATA_UNREADABLE: 'loss',
  PART_MISSING: 'loss',
  PART_WRONG: 'loss',
  PART_DAMAGED: 'loss',
  PART_STALE: 'loss',
  RESTORE_UNFINISHED: 'note',
  SNAPSHOT_LEFTOVER: 'note',
  SNAPSHOT_INDEX_DAMAGED: 'note',
  SNAPSHOTS_DETACHED: 'warning',
  SNAPSHOTS_SUSPECT: 'warning',
  SNAPSHOT_DAMAGED: 'loss',
  SNAPSHOTS_DAMAGED: 'loss',
  SNAPSHOTS_MISSING: 'loss',
};

/** One thing that a check has found. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** One line for people. */
  readonly message: string;
  /** The bytes of the file that it is about, where it is about some. */
  readonly place?: { readonly offset: number; readonly lengthBytes: number };
}

/** Makes a finding of the severity that goes with its code. */
export function finding(code: FindingCode, message: string, place?: Finding['place']): Finding {
  return { code, severity: SEVERITY_OF[code], message, ...(place ? { place } : {}) };
}

/** The worst severity of findings; `note` when there are none. */
export function worstOf(findings: readonly Finding[]): Severity {
  const ranks = findings.map(({ severity }) => SEVERITIES.indexOf(severity));
  return SEVERITIES[Math.max(0, ...ranks)] as Severity;
}
