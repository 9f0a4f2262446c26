/**
 * Why a target cannot be set up or a portal not opened. `code` is stable; match on it.
 *
 * - `TARGET_NAME_INVALID`: not an iSCSI name (RFC 7143 §4.2.7).
 * - `TARGET_NAME_DUPLICATE`: two targets with one name.
 * - `LIMIT_INVALID`: a limit that does not exist, or a value that it cannot have.
 * - `PORTAL_IN_USE`: another program listens at the address.
 * - `PORTAL_UNAVAILABLE`: the address is not this machine's, or may not be used.
 * - `PORTAL_GROUP_TAG_INVALID`: a portal group tag is a number from 1 to 65535.
 * - `TLS_INVALID`: the key or the certificate of a TLS portal cannot be used.
 * - `SERVER_CLOSED`: the server has been closed.
 * - `DRAIN_CALLED_OFF`: the server took logins again, or was told to drain anew, before maintenance could begin.
 * - `CAPTURE_RUNNING`: a server has one capture at a time.
 * - `ACCESS_INVALID`: an entry of access control contradicts itself.
 * - `CHAP_SECRET_INVALID`: a secret that is too short or too long.
 * - `CHAP_UNAVAILABLE`: CHAP is asked for, and the engine was given no hashes.
 */
export type TargetErrorDetail =
  | { readonly code: 'TARGET_NAME_INVALID'; readonly name: string }
  | { readonly code: 'TARGET_NAME_DUPLICATE'; readonly name: string }
  | { readonly code: 'LIMIT_INVALID'; readonly limit: string; readonly reason: string }
  | { readonly code: 'PORTAL_IN_USE'; readonly host: string; readonly port: number }
  | {
      readonly code: 'PORTAL_UNAVAILABLE';
      readonly host: string;
      readonly port: number;
      readonly reason: string;
    }
  | { readonly code: 'PORTAL_GROUP_TAG_INVALID'; readonly tag: number }
  | { readonly code: 'TLS_INVALID'; readonly reason: string }
  | { readonly code: 'SERVER_CLOSED' }
  | { readonly code: 'DRAIN_CALLED_OFF' }
  | { readonly code: 'CAPTURE_RUNNING' }
  | { readonly code: 'ACCESS_INVALID'; readonly initiator: string; readonly reason: string }
  | {
      readonly code: 'CHAP_SECRET_INVALID';
      readonly lengthBytes: number;
      readonly minimum: number;
      readonly maximum: number;
    }
  | { readonly code: 'CHAP_UNAVAILABLE' };

/** Stable codes of {@link TargetError}. */
export type TargetErrorCode = TargetErrorDetail['code'];

/** The error class of this package; {@link TargetErrorDetail} says what was wrong. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly code: TargetErrorCode;
  readonly detail: TargetErrorDetail;

  constructor(detail: TargetErrorDetail, options?: ErrorOptions) {
    super(messageOf(detail), options);
    this.code = detail.code;
    this.detail = detail;
  }
}

function messageOf(detail: TargetErrorDetail): string {
  switch (detail.code) {
    case 'TARGET_NAME_INVALID':
      return `"${detail.name}" is not an iSCSI name (iqn.…, eui.… or naa.…)`;
    case 'TARGET_NAME_DUPLICATE':
      return `two targets are named ${detail.name}`;
    case 'LIMIT_INVALID':
      return detail.reason;
    case 'PORTAL_IN_USE':
      return `${detail.host} port ${detail.port} is in use by another program`;
    case 'PORTAL_UNAVAILABLE':
      return `cannot listen at ${detail.host} port ${detail.port}: ${detail.reason}`;
    case 'PORTAL_GROUP_TAG_INVALID':
      return `${detail.tag} is not a portal group tag (1 to 65535)`;
    case 'TLS_INVALID':
      return `TLS cannot use its key or certificate: ${detail.reason}`;
    case 'CAPTURE_RUNNING':
      return 'a capture is running already; stop it first';
    case 'DRAIN_CALLED_OFF':
      return 'the drain was called off before everybody had left';
    case 'SERVER_CLOSED':
      return 'the server has been closed';
    case 'ACCESS_INVALID':
      return `access of ${detail.initiator || 'an initiator'}: ${detail.reason}`;
    case 'CHAP_SECRET_INVALID':
      return `a CHAP secret has ${detail.minimum} to ${detail.maximum} bytes, not ${detail.lengthBytes}`;
    case 'CHAP_UNAVAILABLE':
      return 'CHAP needs hashes and random numbers, which the engine was not given';
  }
}
