import type { BlockDevice } from '@lunbox/block';

/** An export as clients are told of it. */
export interface NbdExportInfo {
  /** Up to 4096 bytes of UTF-8. */
  readonly name: string;
  readonly description?: string;
  readonly sizeBytes: number;
  readonly blockSize: number;
  readonly readOnly: boolean;
  /** Points from which on changes can be told: contexts `lunbox:changed:NAME`. */
  readonly changedSince?: readonly string[];
}

/** A run of bytes that may have changed. */
export interface ChangedRun {
  readonly offset: number;
  readonly length: number;
}

/** An export that is open for one client. */
export interface NbdExport {
  /** Closed when the client goes. */
  readonly device: BlockDevice;
  /** What may have changed from a point on: ascending. */
  changes?(from: string): AsyncIterable<ChangedRun>;
}

/** Who asks. */
export interface NbdPeer {
  /** For people: `192.0.2.1:40000`. */
  readonly address: string;
  /** Common name of the TLS certificate; undefined without one. */
  readonly user: string | undefined;
}

/** What a server exports. */
export interface NbdExports {
  /** All that the peer may see. */
  list(peer: NbdPeer): readonly NbdExportInfo[];
  /** The export of this name; an empty name is that of the default one. */
  find(name: string, peer: NbdPeer): NbdExportInfo | undefined;
  /** Opens it. Throws when it is not there any more. */
  open(info: NbdExportInfo, peer: NbdPeer): NbdExport;
}
