import { isIscsiName, normalizeIscsiName } from '@lunbox/iscsi-pdu';
import type { ScsiTarget, TargetPortAddress } from '@lunbox/scsi';
import type { AccessEntry } from './auth/access-entry.ts';
import { TargetError } from './errors.ts';

/** A target as its owner configures it. */
export interface TargetOptions {
  /** iSCSI name (RFC 7143 §4.2.7): `iqn.…`, `eui.…` or `naa.…`. */
  readonly name: string;
  /**
   * The SCSI device behind it: it hears of the target's ports, and has a nexus for each session. Where it tells whom it
   * hides all its units from, SendTargets does not name the target to them.
   */
  readonly scsi: Pick<ScsiTarget, 'openNexus' | 'addPort'> & Partial<Pick<ScsiTarget, 'hidesAll'>>;
  /** Text for people, sent as TargetAlias. */
  readonly alias?: string;
  /**
   * Who may log in; the first entry that an initiator fits decides. Without an entry, whoever comes from this
   * machine, and nobody else.
   */
  readonly access?: readonly AccessEntry[];
}

/** Tag of the portal group that all portals of a server form (RFC 7143 §4.4.2). */
export const PORTAL_GROUP_TAG = 1;

/**
 * The SCSI target port that a portal group of a target is (RFC 7143 §4.4.1): its relative identifier is the tag, so
 * that persistent reservations find it again whatever portals there are next time.
 */
export function targetPort(targetName: string, portalGroupTag: number): TargetPortAddress {
  return { targetName, portalGroupTag, relativePort: portalGroupTag };
}

/**
 * Checks a target's configuration and returns it with its name normalised (RFC 3722).
 *
 * @throws TargetError `TARGET_NAME_INVALID` when the name is not an iSCSI name.
 */
export function checkTarget(options: TargetOptions): TargetOptions {
  if (!isIscsiName(normalizeIscsiName(options.name)))
    throw new TargetError({ code: 'TARGET_NAME_INVALID', name: options.name });
  return { ...options, name: normalizeIscsiName(options.name) };
}
