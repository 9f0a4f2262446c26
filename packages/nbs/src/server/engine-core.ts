import type { Clock } from '@lunbox/block';
import type { Leases } from './leases.ts';
import type { NbsLimits } from './limits.ts';
import type { OpenHandle } from './open-handle.ts';
import type { Quiesce } from './quiesce.ts';
import type { NbsService } from './service.ts';
import type { ServerSession } from './session.ts';

/** What all connections of a server share. */
export interface EngineCore {
  readonly service: NbsService;
  readonly limits: NbsLimits;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly quiesce: Quiesce;
  readonly sessions: ReadonlyMap<string, ServerSession>;
  readonly serverId: string;
  readonly serverName: string;
  readonly startedMs: number;
  /** Closes a handle, durably. */
  closeHandle(session: ServerSession, handle: OpenHandle): Promise<void>;
  /** Hears of mistakes of ours. */
  reportInternalError(error: unknown): void;
}
