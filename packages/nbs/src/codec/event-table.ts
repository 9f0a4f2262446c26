import type { TlvName } from './tlv-table.ts';

/** One row of the table of events. */
export interface EventRow {
  readonly fields: readonly TlvName[];
  readonly about: string;
}

/** All events by name. */
export const EventCode = {
  GOODBYE: 0x8002,
  EVENTS_LOST: 0x8004,
  OBJECT_CHANGED: 0x8101,
  OBJECT_FAULT: 0x8102,
  LEASE_REVOKED: 0x8104,
  SNAPSHOT_INITIATED: 0x8301,
  PROGRESS: 0x8302,
  QUIESCE: 0x8501,
  RESUME: 0x8502,
} as const;

/** Name of an event. */
export type EventName = keyof typeof EventCode;

/** What each of them tells. */
export const EVENTS: Readonly<Record<EventName, EventRow>> = {
  GOODBYE: {
    fields: ['reason', 'graceMs', 'portal'],
    about: 'The server stops; the session can go on elsewhere.',
  },
  EVENTS_LOST: { fields: [], about: 'There were more events than were kept: ask for the state anew.' },
  OBJECT_CHANGED: {
    fields: ['handle', 'sizeBytes'],
    about: 'The capacity of an open object has changed.',
  },
  OBJECT_FAULT: { fields: ['uuid', 'fault'], about: 'A sync has failed: the object takes no change.' },
  LEASE_REVOKED: { fields: ['handle', 'reason'], about: 'Somebody else writes: changes are refused.' },
  SNAPSHOT_INITIATED: {
    fields: ['uuid', 'snapshot'],
    about: 'A snapshot of an open object has been taken.',
  },
  PROGRESS: {
    fields: ['handle', 'snapshotName', 'doneBytes', 'totalBytes'],
    about: 'How far a request of this session has come that takes long. Dropped where there is no room.',
  },
  QUIESCE: {
    fields: ['uuid', 'object', 'readyMs'],
    about: 'Suspend what uses these objects, told by their handles, and say so within `readyMs`.',
  },
  RESUME: { fields: ['uuid'], about: 'What was suspended may go on, whatever came of it.' },
};

const EVENT_BY_CODE = new Map<number, EventName>(
  Object.entries(EventCode).map(([name, code]) => [code, name as EventName]),
);

/** The name of an event; undefined for a code that this version does not know, which is skipped and acknowledged. */
export function eventName(code: number): EventName | undefined {
  return EVENT_BY_CODE.get(code);
}
