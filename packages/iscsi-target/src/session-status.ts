import type { Session } from './session.ts';
import type { Endpoint } from './transport.ts';

/** What a session looks like from outside. */
export interface SessionStatus {
  readonly tsih: number;
  readonly initiatorName: string;
  /** Undefined for a discovery session. */
  readonly targetName: string | undefined;
  /** The other ends of its connections in full feature phase, the oldest first. */
  readonly remotes: readonly Endpoint[];
  /** Commands at work. */
  readonly tasks: number;
}

/** A session as {@link SessionStatus}. */
export function sessionStatus({ identity, connections, tasks }: Session): SessionStatus {
  return {
    tsih: identity.tsih,
    initiatorName: identity.initiatorName,
    targetName: identity.targetName,
    remotes: [...connections.values()].map(({ connection }) => connection.transport.remote),
    tasks: tasks.size,
  };
}
