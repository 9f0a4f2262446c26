/**
 * A virtual disk in an ordinary file.
 *
 * {@link StorageObject} creates and opens containers: a small header, attributes in JSON, and then the disk
 * itself as a plain raw image that any tool can read at its offset. Blocks take space when they are written.
 * One process at a time has an object open; {@link readContainerInfo} looks at it from outside.
 *
 * @packageDocumentation
 */
export type { ForeignPolicy } from './adoption.ts';
export type { Attributes, InquiryAttribute, SnapshotsAttribute } from './attributes.ts';
export {
  Catalog,
  type CatalogContent,
  type CatalogObject,
  type PartFile,
  type UnusableFile,
} from './catalog/catalog.ts';
export {
  CatalogScanner,
  scanCatalog,
  type CatalogOptions,
  type ScanOptions,
} from './catalog/scan-catalog.ts';
export { withOpenObjects } from './catalog/with-open.ts';
export {
  checkContainer,
  findSharedIdentities,
  type CheckOptions,
  type CheckReport,
} from './check/check-container.ts';
export type { ScanProgress } from './check/data-scan.ts';
export { findDrafts, repairDrafts, type Draft, type DraftRepairOptions } from './check/drafts.ts';
export {
  finding,
  SEVERITIES,
  worstOf,
  type Finding,
  type FindingCode,
  type Severity,
} from './check/finding.ts';
export {
  repairContainer,
  type RepairOptions,
  type RepairReport,
  type RepairStep,
} from './check/repair-container.ts';
export {
  ContainerError,
  type ContainerErrorCode,
  type ContainerErrorData,
  type ContainerHolder,
} from './container-error.ts';
export { readContainerInfo, type ContainerInfo } from './container-info.ts';
export type { NewContainer, NewContent } from './create-container.ts';
export type { LegProgress } from './layout/combination.ts';
export { layoutFromHints, type LayoutHints, type NewLayout } from './layout/layout-plan.ts';
export type { LayoutStatus } from './layout/layout-status.ts';
export type { MirrorEvent, MirrorHooks } from './layout/mirror-event.ts';
export {
  LAYOUT_DEPTH_LIMIT,
  LAYOUT_PART_LIMIT,
  type LayoutConcat,
  type LayoutMirror,
  type LayoutNode,
  type LayoutPart,
  type LayoutSlice,
  type LayoutStripe,
} from './layout/layout.ts';
export type { Continuity } from './file-stamp.ts';
export { CAPACITY_LIMIT_BYTES } from './format.ts';
export type { BesideKeeper, DiskBeside } from './life/beside.ts';
export type { CopyOutcome, CopyProgress, OnCopyProgress } from './life/copy-stored.ts';
export { createCopy, type NewCopy } from './life/create-copy.ts';
export { deleteContainer, type DeletedContainer, type DeleteOptions } from './life/delete-container.ts';
export { exportContainer, type ExportOptions } from './life/export-container.ts';
export { importImage, type ImportOptions } from './life/import-image.ts';
export { renameContainer, type RenameOptions } from './life/rename-container.ts';
export { shrinkContainer, type ShrinkOptions } from './life/shrink-container.ts';
export type { NewProtection, ProtectedParts, ProtectionPlace } from './protection-region.ts';
export type { OpenOptions, SnapshotKeeper } from './open-container.ts';
export { SystemProcessTable, type ProcessIdentity, type ProcessTable } from './process-identity.ts';
export type { StorageObjectSeams } from './seams.ts';
export type { CreateOptions, ObjectSpace, OpenRequest } from './object-options.ts';
export { StorageObject } from './storage-object.ts';
export {
  isUser,
  isUserName,
  PERMISSIONS,
  type ObjectRights,
  type Permission,
  type UserAttribute,
} from './user-rights.ts';
export { formatUuid, parseUuid } from './uuid.ts';
export { makeWhole } from './whole-file.ts';
