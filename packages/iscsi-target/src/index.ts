/**
 * iSCSI target (RFC 7143): {@link TargetEngine}, a sans-I/O engine (bytes and ticks in, bytes out), and
 * {@link IscsiServer}, the thin shell that puts it on TCP. Targets serve a `ScsiTarget` of `@lunbox/scsi`.
 *
 * @packageDocumentation
 */
export {
  checkAccess,
  type AccessEntry,
  type ChapCredentials,
  type DiscoveryEntry,
  type TargetCredentials,
} from './auth/access-entry.ts';
export type { SecurityOptions } from './auth/admission.ts';
export { ChapAlgorithm, type ChapCrypto } from './auth/chap-crypto.ts';
export { ChapSecret, type ChapSecretOptions } from './auth/chap-secret.ts';
export { TargetEngine, type EngineOptions, type TargetConnection } from './engine.ts';
export { TargetError, type TargetErrorCode, type TargetErrorDetail } from './errors.ts';
export type { LoginAttempt, Redirect, SessionEndReason, TargetHooks } from './hooks.ts';
export { checkLimits } from './check-limits.ts';
export { DEFAULT_LIMITS, type TargetLimits } from './limits.ts';
export type { SessionStatus } from './session-status.ts';
export type { SessionIdentity } from './session.ts';
export { PORTAL_GROUP_TAG, type TargetOptions } from './target.ts';
export type { Endpoint, Portal, Transport } from './transport.ts';
export {
  IscsiServer,
  type CloseOptions,
  type IscsiServerOptions,
  type DrainOptions,
  type ListeningPortal,
} from './shell/iscsi-server.ts';
export { COMMAND_CHANNEL, type CommandTrace } from './shell/command-trace.ts';
export type { AdvertisedAddress, PortalOptions, TlsOptions } from './shell/portal-options.ts';
export { Capture, type CaptureClock, type CaptureEnds, type CaptureOptions } from './trace/capture.ts';
export type { CommandStatistics } from './trace/command-counters.ts';
export type { CommandObserver, ObservedCommand } from './trace/command-observer.ts';
export type { LatencyBucket } from './trace/latency-histogram.ts';
export type {
  LunStatistics,
  OpcodeStatistics,
  SessionStatistics,
  TargetStatistics,
} from './trace/statistics.ts';
