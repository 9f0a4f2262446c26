import { Status } from '../execution.ts';

/** BUSY: the logical unit serves too many other I_T nexuses (SAM-5 5.3.2). */
export const TOO_MANY_NEXUSES = 0x3fff;

const SCOPE_SHIFT = 14;
const RESERVED_SCOPE = 0b11;
const QUALIFIER_MASK = 0x3fff;
const MAX_DELAY = 0x3fef;
const DELAY_UNIT_MS = 100;

/**
 * How long a status qualifier asks to wait before another command is sent, in milliseconds, 100 to 1,636,700 (SAM-5
 * 5.3.2). Undefined where it does not ask: it is 0, or of another status than BUSY and TASK SET FULL, or has another
 * reason to tell.
 */
export function retryDelayMs(status: number, statusQualifier: number): number | undefined {
  if (status !== Status.BUSY && status !== Status.TASK_SET_FULL) return undefined;
  const delay = statusQualifier & QUALIFIER_MASK;
  // The narrowest scope is the unit, so that each of them means whoever asked.
  if (statusQualifier >>> SCOPE_SHIFT === RESERVED_SCOPE || delay === 0 || delay > MAX_DELAY)
    return undefined;
  return delay * DELAY_UNIT_MS;
}
