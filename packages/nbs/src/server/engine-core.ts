import type { Clock } from '@lunbox/block';
import type { EventName } from '../codec/opcode-table.ts';
import type { Fields } from '../codec/tlv.ts';
import type { Leases } from './leases.ts';
import type { NbsLimits } from './limits.ts';
import type { OpenHandle } from './open-handle.ts';
import type { NbsService } from './service.ts';
import type { ServerSession } from './session.ts';

/** What all connections of a server share. */
export interface EngineCore {
  readonly service: NbsService;
  readonly limits: NbsLimits;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly sessions: ReadonlyMap<string, ServerSession>;
  readonly serverId: string;
  readonly serverName: string;
  readonly startedMs: number;
  /** Tells all who have the object open. */
  announce(uuid: string, name: EventName, fields: Fields): void;
  /** Closes a handle, durably. */
  closeHandle(session: ServerSession, handle: OpenHandle): Promise<void>;
  /** Hears of mistakes of ours. */
  reportInternalError(error: unknown): void;
}
