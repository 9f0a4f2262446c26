import type { NbsTlsOptions } from '@lunbox/nbs';

/** A user of NBS; the lists of users that disks have name the same. */
export interface NbsUser {
  readonly name: string;
  /** The password itself, or what `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY` keeps of it. */
  readonly password?: string;
  readonly verifier?: string;
}

/** Where NBS is spoken. */
export interface ServedNbsPortal {
  /** `host:port`, where port 0 takes a free one, or `unix:PATH`. */
  readonly portal: string;
  /** Speaks TLS 1.3. A portal of other machines needs it, unless {@link NbsOptions.allowPlain} is set. */
  readonly tls?: NbsTlsOptions;
}

/** NBS beside iSCSI: block access and control of snapshots, for the same disks. */
export interface NbsOptions {
  /** `host:port` or `unix:PATH` each, or more. */
  readonly portals: readonly (string | ServedNbsPortal)[];
  /**
   * Who may come in. Without any, whoever is on this machine may, unless a target has an access list: then nobody does
   * before `allowUnauthenticated` says so.
   */
  readonly users?: readonly NbsUser[];
  /** Speak without TLS to other machines. Default false. */
  readonly allowPlain?: boolean;
}
