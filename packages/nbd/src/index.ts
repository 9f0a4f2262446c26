/**
 * NBD server for any block device: {@link NbdServer} exports what an {@link NbdExports} has, by TCP, UNIX sockets and
 * TLS, with structured replies and meta contexts. {@link NbdConnection} is the same without a socket.
 *
 * @packageDocumentation
 */
export { NbdConnection, type NbdOwner } from './connection.ts';
export type { ChangedRun, NbdExport, NbdExportInfo, NbdExports, NbdPeer } from './exports.ts';
export { ALLOCATION, CHANGED_PREFIX } from './meta-contexts.ts';
export {
  NbdServer,
  type NbdPortalOptions,
  type NbdServerOptions,
  type NbdTlsOptions,
} from './shell/nbd-server.ts';
export type { NbdTransport } from './transport.ts';
