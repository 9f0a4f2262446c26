import type { TlvName } from './tlv-table.ts';

/** What a user must be allowed to do with the object; `none` for what is about no object. */
export type Need = 'none' | 'read' | 'write' | 'snapshot' | 'admin';

/** What follows a header. */
export type PayloadKind = 'none' | 'data' | 'fields';

/** One row of the table of requests. */
export interface OpcodeRow {
  /** When it may be sent: before the session is there, or in it. */
  readonly phase: 'opening' | 'session';
  /** HANDLE names an open object. */
  readonly onHandle: boolean;
  readonly need: Need;
  readonly request: PayloadKind;
  readonly reply: PayloadKind;
  /**
   * Doing it twice is doing it once. The others are done once for each cookie: when such a request is sent again after
   * a reconnect, the answer of the first time comes back.
   */
  readonly repeatable: boolean;
  /** Fields that the request must have, and those that it may have. */
  readonly required: readonly TlvName[];
  readonly optional: readonly TlvName[];
  /** Fields that the reply has, as far as there is something to tell. */
  readonly answer: readonly TlvName[];
  readonly about: string;
}

/** All requests by name. Codes are never given to something else; those from 7000h on are for private use. */
export const Opcode = {
  HELLO: 0x0001,
  AUTH: 0x0002,
  PING: 0x0003,
  BYE: 0x0004,
  EVENT_ACK: 0x0006,
  SERVER_STATUS: 0x0008,
  OBJECT_LIST: 0x0101,
  OPEN: 0x0102,
  CLOSE: 0x0103,
  INFO: 0x0104,
  SET_ATTRIBUTES: 0x0105,
  OBJECT_CREATE: 0x0106,
  OBJECT_DELETE: 0x0107,
  RESIZE: 0x0108,
  READ: 0x0201,
  WRITE: 0x0202,
  FLUSH: 0x0203,
  TRIM: 0x0204,
  WRITE_ZEROES: 0x0205,
  BLOCK_STATUS: 0x0206,
  COMPARE_AND_WRITE: 0x0208,
  COPY_RANGE: 0x0209,
  SNAPSHOT_CREATE: 0x0301,
  SNAPSHOT_LIST: 0x0302,
  SNAPSHOT_DELETE: 0x0303,
  SNAPSHOT_RESTORE: 0x0305,
  SNAPSHOT_REFRESH: 0x0306,
  SNAPSHOT_HOLD: 0x0308,
  SNAPSHOT_RELEASE: 0x0309,
  SNAPSHOT_MATERIALISE: 0x030a,
  SNAPSHOT_VERIFY: 0x030b,
  SNAPSHOT_CLONE: 0x030c,
  SNAPSHOT_BOOKMARK: 0x030d,
  SNAPSHOT_RENAME: 0x030e,
  SNAPSHOT_SETTINGS: 0x030f,
  SNAPSHOT_SET: 0x0310,
  SNAPSHOT_PRUNE: 0x0311,
  SNAPSHOT_PRESENT: 0x0312,
  SNAPSHOT_WITHDRAW: 0x0313,
  GROUP_SNAPSHOT: 0x0405,
  GROUP_PREPARE: 0x0406,
  GROUP_COMMIT: 0x0407,
  GROUP_ABORT: 0x0408,
  QUIESCE_SUBSCRIBE: 0x0501,
  QUIESCE_READY: 0x0502,
  QUIESCE_REFUSE: 0x0503,
  QUIESCE_HELD: 0x0504,
} as const;

/** Name of a request. */
export type OpcodeName = keyof typeof Opcode;

type Basics = Pick<OpcodeRow, 'about'> & Partial<OpcodeRow>;

const row = (basics: Basics): OpcodeRow => ({
  phase: 'session',
  onHandle: false,
  need: 'none',
  request: 'fields',
  reply: 'fields',
  repeatable: false,
  required: [],
  optional: [],
  answer: [],
  ...basics,
});

/** About a range of bytes of an open object. */
const data = (basics: Basics): OpcodeRow =>
  row({ onHandle: true, need: 'write', request: 'none', reply: 'none', repeatable: true, ...basics });

/** About one snapshot of an open object. */
const snapshot = (basics: Basics): OpcodeRow =>
  row({ onHandle: true, need: 'snapshot', required: ['snapshotName'], answer: ['snapshot'], ...basics });

/** What is told of how the snapshots of an object are kept. */
const SETTINGS = ['limitBytes', 'whenFull', 'method', 'schedule', 'nextRunMs'] as const;

/** What each of them is. */
export const OPCODES: Readonly<Record<OpcodeName, OpcodeRow>> = {
  HELLO: row({
    phase: 'opening',
    repeatable: true,
    required: ['versionMin', 'versionMax', 'clientId'],
    optional: ['clientName', 'maxPayloadBytes', 'keepaliveMs', 'digest', 'sessionId', 'resumeSecret'],
    answer: [
      ...(['version', 'serverId', 'serverName', 'maxPayloadBytes', 'maxInFlight', 'windowBytes'] as const),
      ...(['keepaliveMs', 'lossTimeoutMs', 'digest', 'mechanism', 'resumed'] as const),
      ...(['sessionId', 'resumeSecret', 'portal'] as const),
    ],
    about: 'Begins a connection, and a session or the rest of one.',
  }),
  AUTH: row({
    phase: 'opening',
    required: ['saslData'],
    optional: ['mechanism'],
    answer: ['saslData', 'done', 'user', 'sessionId', 'resumeSecret'],
    about: 'One step of a SASL exchange; the first one names the mechanism.',
  }),
  PING: row({ request: 'none', reply: 'none', repeatable: true, about: 'Asks for a sign of life.' }),
  BYE: row({ request: 'none', reply: 'none', about: 'Ends the session; its handles are closed.' }),
  EVENT_ACK: row({
    reply: 'none',
    repeatable: true,
    required: ['eventSequence'],
    about: 'All events up to this one have come, and are not sent again.',
  }),
  SERVER_STATUS: row({
    request: 'none',
    repeatable: true,
    answer: ['serverId', 'serverName', 'uptimeMs', 'sessionCount', 'user'],
    about: 'Tells of the server.',
  }),
  OBJECT_LIST: row({
    request: 'none',
    repeatable: true,
    answer: ['object'],
    about: 'All objects that exist for the user.',
  }),
  OPEN: row({
    required: ['name'],
    optional: ['snapshotName', 'readOnly', 'shared', 'exclusive'],
    answer: ['handle', 'epoch', 'object'],
    about: 'Opens an object, or a snapshot of it for reading, by its name or identity.',
  }),
  CLOSE: row({
    onHandle: true,
    need: 'read',
    request: 'none',
    reply: 'none',
    about: 'Flushes and closes it.',
  }),
  INFO: row({
    onHandle: true,
    need: 'read',
    request: 'none',
    repeatable: true,
    answer: ['object', 'usedBytes', 'freeBytes', 'fault', 'epoch'],
    about: 'Tells of an open object.',
  }),
  SET_ATTRIBUTES: row({
    onHandle: true,
    need: 'admin',
    required: ['description'],
    answer: ['object'],
    about: 'Changes what people wrote about the object; an empty text drops it.',
  }),
  OBJECT_CREATE: row({
    required: ['name', 'sizeBytes'],
    optional: ['blockSize', 'description'],
    answer: ['object'],
    about: 'Makes an object, and serves it; its user has every permission.',
  }),
  OBJECT_DELETE: row({
    onHandle: true,
    need: 'admin',
    optional: ['force'],
    reply: 'none',
    about: 'Deletes an open object that nobody else uses and that has no snapshots; any one, with `force`.',
  }),
  RESIZE: row({
    onHandle: true,
    need: 'admin',
    required: ['sizeBytes'],
    answer: ['sizeBytes'],
    about: 'Makes an object larger; everybody hears of it.',
  }),
  READ: data({ need: 'read', reply: 'data', about: 'LENGTH bytes from OFFSET.' }),
  WRITE: data({ request: 'data', about: 'Stores the payload at OFFSET. FUA: durably.' }),
  FLUSH: data({
    need: 'read',
    about: 'All writes that were answered before it came, by whatever way, are durable.',
  }),
  TRIM: data({ about: 'Gives space back; the range reads as zeroes.' }),
  WRITE_ZEROES: data({
    about: 'The range reads as zeroes; its space comes back, unless NO_HOLE is set. FUA: durably.',
  }),
  BLOCK_STATUS: data({
    need: 'read',
    request: 'fields',
    reply: 'fields',
    optional: ['context', 'from', 'to'],
    answer: ['length', 'extent'],
    about: 'What is stored in the range, or what has changed; LENGTH says of how much of the range it tells.',
  }),
  COMPARE_AND_WRITE: data({
    request: 'data',
    reply: 'fields',
    repeatable: false,
    answer: ['differsAt'],
    about:
      'The payload is twice LENGTH bytes: what must be there, and what replaces it, with nothing in between.',
  }),
  COPY_RANGE: data({
    request: 'fields',
    required: ['sourceHandle', 'sourceOffset'],
    about: 'Copies LENGTH bytes to OFFSET from another open object, or from another place of the same one.',
  }),
  SNAPSHOT_CREATE: snapshot({
    required: [],
    optional: ['name', 'level', 'label', 'method', 'quiesce', 'readyMs'],
    about: 'Takes a snapshot; with `quiesce`, while what uses the object is suspended.',
  }),
  SNAPSHOT_LIST: snapshot({
    need: 'read',
    request: 'none',
    required: [],
    repeatable: true,
    about: 'All snapshots of the object, oldest first.',
  }),
  SNAPSHOT_DELETE: snapshot({ answer: [], about: 'Deletes a snapshot.' }),
  SNAPSHOT_RESTORE: snapshot({
    need: 'admin',
    optional: ['force', 'name'],
    answer: ['safety'],
    about: 'Brings the object back to what a snapshot has; a snapshot is taken first.',
  }),
  SNAPSHOT_REFRESH: snapshot({
    optional: ['level', 'label'],
    about: 'Takes a snapshot anew under its name.',
  }),
  SNAPSHOT_HOLD: snapshot({
    required: ['snapshotName', 'holder'],
    about: 'Keeps a snapshot from being deleted.',
  }),
  SNAPSHOT_RELEASE: snapshot({
    required: ['snapshotName', 'holder'],
    about: 'Ends a hold.',
  }),
  SNAPSHOT_MATERIALISE: snapshot({
    optional: ['name'],
    answer: ['fileName', 'sha256'],
    about: 'Publishes a snapshot as a file of its own, with a manifest, on the server. Takes long.',
  }),
  SNAPSHOT_VERIFY: snapshot({
    answer: ['sound', 'badBytes'],
    about: 'Reads all of a snapshot, and compares what was saved with its checksums. Takes long.',
  }),
  SNAPSHOT_CLONE: snapshot({
    required: ['snapshotName', 'name'],
    answer: ['object'],
    about:
      'Makes an object of a snapshot, and serves it, as the same LUN of a target of its own. May take long.',
  }),
  SNAPSHOT_BOOKMARK: snapshot({ about: 'Drops what a snapshot has, and keeps what has changed since.' }),
  SNAPSHOT_RENAME: snapshot({
    required: ['snapshotName', 'name'],
    about: 'Gives a snapshot another name.',
  }),
  SNAPSHOT_SETTINGS: snapshot({
    need: 'read',
    request: 'none',
    required: [],
    repeatable: true,
    answer: SETTINGS,
    about: 'How much room the snapshots of the object have, and when the server takes them by itself.',
  }),
  SNAPSHOT_SET: snapshot({
    need: 'admin',
    required: [],
    optional: ['limitBytes', 'whenFull', 'method', 'schedule'],
    answer: SETTINGS,
    about: 'Changes those that are given, durably; a schedule as a whole.',
  }),
  SNAPSHOT_PRUNE: snapshot({
    required: ['keep'],
    optional: ['prefix', 'label', 'dryRun'],
    answer: ['verdict'],
    about:
      'Deletes those snapshots that nothing keeps: with the prefix or all of the labels, or else those of a schedule.',
  }),
  SNAPSHOT_PRESENT: snapshot({
    optional: ['lun'],
    answer: ['lun', 'targetName'],
    about: 'Gives a snapshot a LUN of its own, write protected, for those who may see the object.',
  }),
  SNAPSHOT_WITHDRAW: snapshot({ answer: ['lun'], about: 'Takes that LUN away.' }),
  GROUP_SNAPSHOT: row({
    required: ['object'],
    optional: ['name', 'level', 'label', 'quiesce', 'readyMs'],
    answer: ['uuid', 'snapshot'],
    about:
      'Takes a snapshot of each of several objects, given by their handles, at one instant: all or none.',
  }),
  GROUP_PREPARE: row({
    required: ['object'],
    optional: ['name', 'level', 'label', 'holdMs'],
    answer: ['uuid', 'holdMs'],
    about:
      'Gets the same ready, for several servers: changes wait for GROUP_COMMIT, GROUP_ABORT, or the end of `holdMs`.',
  }),
  GROUP_COMMIT: row({
    required: ['uuid'],
    answer: ['uuid', 'snapshot'],
    about: 'Takes the snapshots of a prepared group; TIMEOUT when it was given up.',
  }),
  GROUP_ABORT: row({ required: ['uuid'], reply: 'none', about: 'Gives a prepared group up.' }),
  QUIESCE_SUBSCRIBE: snapshot({
    request: 'none',
    required: [],
    reply: 'none',
    answer: [],
    about: 'From now on until CLOSE, the client suspends what uses the object when QUIESCE asks for that.',
  }),
  QUIESCE_READY: row({
    required: ['uuid', 'level'],
    reply: 'none',
    about: 'Answers QUIESCE: it is suspended, and a snapshot has this level.',
  }),
  QUIESCE_REFUSE: row({
    required: ['uuid'],
    optional: ['reason'],
    reply: 'none',
    about: 'Answers QUIESCE: it is not suspended.',
  }),
  QUIESCE_HELD: row({
    required: ['uuid'],
    optional: ['held'],
    reply: 'none',
    about: 'Answers RESUME: it goes on, and with `held` it was suspended up to then.',
  }),
};

/** Names of requests that have their number, and are answered with NOTSUP by this version. */
export const RESERVED_OPCODES: Readonly<Record<number, string>> = {
  0x0005: 'EVENT_SUBSCRIBE',
  0x0007: 'PORTALS',
  0x0009: 'JOB_STATUS',
  0x000a: 'JOB_CANCEL',
  0x0109: 'LEASE_RENEW',
  0x010a: 'CHECK',
  0x0207: 'PREFETCH',
  0x0307: 'SNAPSHOT_DIFF',
  0x0401: 'GROUP_CREATE',
  0x0402: 'GROUP_DELETE',
  0x0403: 'GROUP_LIST',
  0x0404: 'GROUP_SET',
  0x0505: 'QUIESCE_KEEPALIVE',
  0x0601: 'REPLICATION_CREATE',
  0x0602: 'REPLICATION_DELETE',
  0x0603: 'REPLICATION_START',
  0x0604: 'REPLICATION_STOP',
  0x0605: 'REPLICATION_STATUS',
  0x0606: 'REPLICATION_SYNC',
  0x0607: 'REPLICATION_FAILOVER',
  0x0608: 'REPLICATION_FAILBACK',
  0x0609: 'REPLICATION_SWITCHOVER',
  0x060a: 'REPLICATION_VERIFY',
  0x060b: 'REPLICATION_SET',
};

/** The longest fields that a request may have, in bytes: what is no data is short. */
export const FIELDS_LIMIT_BYTES = 65_536;

const BY_CODE = new Map<number, OpcodeName>(
  Object.entries(Opcode).map(([name, code]) => [code, name as OpcodeName]),
);
const taken = Object.keys(RESERVED_OPCODES).some((code) => BY_CODE.has(Number(code)));
if (taken || BY_CODE.size !== Object.keys(Opcode).length) throw new Error('two requests have one code');

/** The name of a request; undefined for a code that this version does not know. */
export function opcodeName(code: number): OpcodeName | undefined {
  return BY_CODE.get(code);
}
