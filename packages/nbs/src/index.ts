/**
 * NBS, Network Block Services: a light protocol for block access to objects, and remote control of their snapshots.
 * docs/nbs-protocol.md specifies it.
 *
 * {@link NbsServer} serves an {@link NbsService} over TCP or TLS, {@link connectNbs} makes a client, and
 * {@link NbsDisk} is an object as a `BlockDevice`. {@link NbsEngine} and {@link NbsClient} are the same without
 * sockets. The codec works in a browser.
 *
 * @packageDocumentation
 */
export { makeVerifier, MIN_ITERATIONS, type SaslCrypto, type ScramVerifier } from './auth/sasl-crypto.ts';
export { NbsClient, type EventListener } from './client/client.ts';
export { NbsClientError, type NbsClientErrorCode } from './client/client-error.ts';
export type { ClientLink, Dial, NbsClientOptions, NbsCredentials } from './client/client-options.ts';
export { NbsDisk, type NbsDiskOptions } from './client/nbs-disk.ts';
export type { ClientReply, RequestParts, RequestTarget, Waiter } from './client/pending.ts';
export * from './codec.ts';
export type { NbsAuthentication } from './server/authentication.ts';
export { NbsEngine, type NbsConnection, type NbsEngineOptions } from './server/engine.ts';
export type { QuiescedResult } from './server/quiesce.ts';
export type { GuessLimits } from './server/guess-brake.ts';
export { DEFAULT_NBS_LIMITS, type NbsLimits } from './server/limits.ts';
export {
  NbsRefusal,
  type ChangedRun,
  type CompareResult,
  type NbsService,
  type ObjectDescription,
  type ObjectPermissions,
  type ObjectSnapshots,
  type ObjectWish,
  type OpenObject,
  type OpenRequest,
  type PreparedGroup,
  type PruneWish,
  type SettingsWish,
  type SnapshotWish,
  type WorkWatch,
} from './server/service.ts';
export { connectNbs, type ConnectOptions, type NbsAddress } from './shell/connect.ts';
export { nodeSaslCrypto } from './shell/node-sasl-crypto.ts';
export {
  NbsServer,
  type NbsPortalOptions,
  type NbsServerOptions,
  type NbsTlsOptions,
} from './shell/nbs-server.ts';
export type { NbsTransport } from './transport.ts';
