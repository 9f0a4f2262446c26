import type { FrontPortal } from '../front-portals.ts';

/** A user of NBS; the lists of users that disks have name the same. */
export interface NbsUser {
  readonly name: string;
  /** The password itself, or what `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY` keeps of it. */
  readonly password?: string;
  readonly verifier?: string;
  /** May make objects. Default false. */
  readonly mayCreate?: boolean;
}

/** NBS beside iSCSI: block access and control of snapshots, for the same disks. */
export interface NbsOptions {
  /** `host:port` or `unix:PATH` each, or more; one for other machines speaks TLS. */
  readonly portals: readonly (string | FrontPortal)[];
  /**
   * Who may come in. Without any, whoever is on this machine may, unless a target has an access list: then nobody does
   * before `allowUnauthenticated` says so.
   */
  readonly users?: readonly NbsUser[];
  /**
   * Where objects lie that clients make, of nothing or of a snapshot. Without it they can make none. Those in it they
   * can delete. Without users, whoever may come in may.
   */
  readonly directory?: string;
  /** Speak without TLS to other machines. Default false. */
  readonly allowPlain?: boolean;
}
