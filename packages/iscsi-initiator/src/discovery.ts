import { InitiatorError } from './errors.ts';
import { IscsiSession } from './session.ts';
import type { OperationOptions, SessionOptions, SessionSeams } from './session-options.ts';
import { parsePortal, type Portal } from './transport.ts';

/** A target that a portal told of. */
export interface DiscoveredTarget {
  readonly name: string;
  /** Where it is reached; empty means the portal that was asked (RFC 7143 §13.3). */
  readonly portals: readonly DiscoveredPortal[];
}

/** One address of a target. */
export interface DiscoveredPortal extends Portal {
  readonly portalGroupTag: number | undefined;
}

/**
 * Asks a portal which targets it has for us (RFC 7143 §13.3).
 *
 * @throws InitiatorError whatever keeps a session from opening; `INITIATOR_ABORTED` by the signal.
 */
export async function discoverTargets(
  options: Omit<SessionOptions, 'targetName'>,
  seams: SessionSeams,
  operation: OperationOptions = {},
): Promise<DiscoveredTarget[]> {
  const session = new IscsiSession({ ...options, reconnect: { timeoutMs: 0 } }, seams);
  try {
    await session.open(operation);
    return parseSendTargets(await session.text([['SendTargets', 'All']], operation));
  } finally {
    await session.close(operation);
  }
}

/**
 * Reads the answer to SendTargets (RFC 7143 §13.3): each TargetName is followed by its addresses.
 *
 * @throws InitiatorError `INITIATOR_PROTOCOL` for an address that belongs to no target, or is none.
 */
export function parseSendTargets(pairs: readonly (readonly [string, string])[]): DiscoveredTarget[] {
  const targets: { name: string; portals: DiscoveredPortal[] }[] = [];
  for (const [key, value] of pairs) {
    if (key === 'TargetName') targets.push({ name: value, portals: [] });
    if (key !== 'TargetAddress') continue;
    const portal = parsePortal(value);
    const target = targets.at(-1);
    if (portal === undefined || target === undefined) {
      throw new InitiatorError({ code: 'INITIATOR_PROTOCOL', reason: `TargetAddress=${value}` });
    }
    const tag = /,(\d+)$/.exec(value)?.[1];
    target.portals.push({ ...portal, portalGroupTag: tag === undefined ? undefined : Number(tag) });
  }
  return targets;
}
