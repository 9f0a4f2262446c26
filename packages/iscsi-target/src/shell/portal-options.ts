/** Where to listen, and how the portal is told to initiators. */
export interface PortalOptions {
  /** Address of this machine, or a name of it; IPv6 without brackets. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Tag of the portal group that the portal belongs to (RFC 7143 §4.4.2), 1–65535. Default 1. */
  readonly tag?: number;
  /** What initiators are told instead of the address they used: behind NAT, in a container (T-L11). */
  readonly advertise?: AdvertisedAddress;
  /** Speaks TLS at this portal, which no standard foresees: initiators need a wrapper. */
  readonly tls?: TlsOptions;
}

/** An address that reaches a portal from where the initiators are. */
export interface AdvertisedAddress {
  /** Host name, IPv4 address, or IPv6 address without brackets. */
  readonly host: string;
  /** Default: the port that the portal listens at. */
  readonly port?: number;
}

/** Keys of a TLS portal, each in PEM form. */
export interface TlsOptions {
  readonly key: string;
  /** Certificate of the server, with its chain. */
  readonly cert: string;
  /** Authorities whose client certificates are accepted. Default: those that Node.js trusts. */
  readonly ca?: string;
  /**
   * Asks initiators for a certificate, refuses those that show none of `ca`, and lets them log in only by the name
   * in it: a URI `iscsi:iqn.…` among the subject's alternative names, or else the common name. Default false.
   */
  readonly requestCert?: boolean;
}
