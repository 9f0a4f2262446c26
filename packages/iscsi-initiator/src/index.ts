/**
 * iSCSI initiator (RFC 7143): sessions that survive their connections, and a LUN as a `BlockDevice`.
 *
 * {@link connectLun} opens a disk by its URL, {@link discoverTargets} asks a portal what it has. Below them,
 * {@link IscsiSession} sends any SCSI command. It is sans-I/O: sockets, time, randomness and cryptography come in
 * as {@link SessionSeams}, the real ones by {@link systemSeams}.
 *
 * @packageDocumentation
 */
export { InitiatorError, type InitiatorErrorCode, type InitiatorErrorDetail } from './errors.ts';
export {
  ISCSI_PORT,
  formatPortal,
  parsePortal,
  type Channel,
  type ChannelEvents,
  type Dial,
  type Portal,
} from './transport.ts';
export { ChapAlgorithm, DEFAULT_CHAP_ALGORITHMS, type ChapCredentials, type ChapDigest } from './chap.ts';
export type { DigestPolicy, NegotiationOptions, SessionParameters, TaskReporting } from './parameters.ts';
export type { ScsiRequest, ScsiResult } from './request.ts';
export type { TaskManagementRequest } from './exchanges.ts';
export type { PendingEvent, TaskManagement, TaskQuery } from './task-management.ts';
export {
  DEFAULT_INITIATOR_NAME,
  MAX_REDIRECTS,
  type OperationOptions,
  type ReconnectOptions,
  type SessionOptions,
  type SessionSeams,
} from './session-options.ts';
export type { UnitEvent } from './async-messages.ts';
export { IscsiSession, type Destination, type SessionConnection, type SessionState } from './session.ts';
export {
  discoverTargets,
  parseSendTargets,
  type DiscoveredPortal,
  type DiscoveredTarget,
} from './discovery.ts';
export { systemSeams } from './shell/seams.ts';
export { parseIscsiUrl, type IscsiUrl } from './iscsi-url.ts';
export { IscsiDisk, type DiskOptions } from './disk/iscsi-disk.ts';
export type { LunCapacity, LunProperties } from './disk/lun-properties.ts';
export { connectLun, type LunOptions, type UrlOptions } from './shell/connect-lun.ts';
