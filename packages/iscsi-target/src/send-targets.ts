import type { Portal } from './transport.ts';

/** Who asks for targets, and what there is. */
export interface SendTargetsContext {
  /** Target of the session that asks; undefined in a discovery session. */
  readonly sessionTarget: string | undefined;
  readonly targetNames: readonly string[];
  /** Where each target can be reached, the address that the initiator used first (T-L11). */
  readonly portals: readonly Portal[];
}

/**
 * Answers SendTargets (RFC 7143 Appendix C): `All` in a discovery session, a name, or nothing for the target of
 * the session itself. Returns undefined when the value may not be used in this session.
 */
export function sendTargets(value: string, context: SendTargetsContext): [string, string][] | undefined {
  const wanted = value === '' ? context.sessionTarget : value;
  if (wanted === undefined) return undefined;
  if (wanted === 'All' && context.sessionTarget !== undefined) return undefined;
  const names = context.targetNames.filter((name) => visible(name, wanted, context.sessionTarget));
  return names.flatMap((name) => [
    ['TargetName', name] as [string, string],
    ...context.portals.map((portal): [string, string] => ['TargetAddress', targetAddress(portal)]),
  ]);
}

/** In a normal session only the session's own target may be asked for. */
function visible(name: string, wanted: string, sessionTarget: string | undefined): boolean {
  if (sessionTarget !== undefined && name !== sessionTarget) return false;
  return wanted === 'All' || name === wanted;
}

/** `domainname[:port][,portal-group-tag]`, IPv6 in brackets (RFC 7143 §13.8). */
export function targetAddress(portal: Portal): string {
  const host = portal.address.includes(':') ? `[${portal.address}]` : portal.address;
  return `${host}:${portal.port},${portal.tag}`;
}
