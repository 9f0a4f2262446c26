/**
 * Lunbox as a library: {@link createServer} makes a complete iSCSI target from container files, or from any
 * block device, in a few lines. The same is behind the `lunbox` command.
 *
 * @packageDocumentation
 */
export {
  ChapSecret,
  type AccessEntry,
  type ChapAlgorithm,
  type ChapCredentials,
  type ChapCrypto,
  type ChapSecretOptions,
  type DiscoveryEntry,
  type TargetCredentials,
  type TargetLimits,
  type TlsOptions,
} from '@lunbox/iscsi-target';
export {
  LUN_LIMIT,
  type ContainerLun,
  type DeviceLun,
  type ImageLun,
  type LunAppearance,
  type LunNumber,
  type LunOptions,
  type ServedPortalOptions,
  type ServedTargetOptions,
  type ServerOptions,
} from './options.ts';
export { LiveChanges, type DetachOptions } from './live-changes.ts';
export type { FrontPortal } from './front-portals.ts';
export type { NbdOptions } from './nbd/nbd-front.ts';
export type { NbsOptions, NbsUser } from './nbs/nbs-options.ts';
export type { UserChange, UserList } from './object-users.ts';
export { formatPortal, isLoopback, ISCSI_PORT, parsePortal, type Portal } from './portal.ts';
export {
  createServer,
  LunboxServer,
  type EjectOptions,
  type PortGroupScope,
  type IscsiOperations,
  type StopOptions,
} from './server.ts';
export { ServedSnapshots, type OpenSnapshotOptions, type RestoreOptions } from './served-snapshots.ts';
export { ServerError, type ServerErrorCode, type ServerErrorData } from './server-error.ts';
export { type Volume, Volumes, type VolumeStatus, type VolumeUse } from './volumes.ts';
export type {
  DiskFault,
  MeasuredLun,
  MeasuredTarget,
  ServedLun,
  ServedObject,
  ServedSnapshot,
  DiskSnapshotEvent,
  ServedTarget,
} from './status.ts';
