/** How the value of a TLV is written. */
export type TlvKind = 'u32' | 'u64' | 'text' | 'bytes' | 'uuid' | 'flag' | 'group';

/** One row of the table of TLVs. */
export interface TlvRow {
  readonly type: number;
  readonly kind: TlvKind;
  /** It may stand several times in a message or group. */
  readonly many: boolean;
  readonly about: string;
}

/** Most bytes of a text. */
export const TEXT_LIMIT_BYTES = 4096;

/** Types with this bit must be understood: a message with an unknown one is refused. */
export const MUST_UNDERSTAND = 0x8000;

/** All TLVs by name. Numbers are never given to something else. */
export const TLVS = {
  // Session.
  versionMin: {
    type: 0x0001,
    kind: 'u32',
    many: false,
    about: 'Lowest version of the protocol that the client speaks.',
  },
  versionMax: {
    type: 0x0002,
    kind: 'u32',
    many: false,
    about: 'Highest version of the protocol that the client speaks.',
  },
  version: { type: 0x0003, kind: 'u32', many: false, about: 'Version that the server has chosen.' },
  clientId: {
    type: 0x0004,
    kind: 'uuid',
    many: false,
    about: 'Identity of the client, the same over all its sessions.',
  },
  clientName: { type: 0x0005, kind: 'text', many: false, about: 'What people call the client.' },
  serverId: { type: 0x0006, kind: 'uuid', many: false, about: 'Identity of this run of the server.' },
  serverName: { type: 0x0007, kind: 'text', many: false, about: 'What people call the server.' },
  sessionId: { type: 0x0008, kind: 'uuid', many: false, about: 'Identity of the session.' },
  resumeSecret: {
    type: 0x0009,
    kind: 'bytes',
    many: false,
    about: '32 bytes that only the two ends of a session know.',
  },
  maxPayloadBytes: {
    type: 0x000a,
    kind: 'u32',
    many: false,
    about: 'Longest payload that the sender of this takes.',
  },
  maxInFlight: {
    type: 0x000b,
    kind: 'u32',
    many: false,
    about: 'Requests that may be unanswered at a time.',
  },
  windowBytes: {
    type: 0x000c,
    kind: 'u64',
    many: false,
    about: 'Bytes of data that unanswered requests may have together.',
  },
  keepaliveMs: {
    type: 0x000d,
    kind: 'u32',
    many: false,
    about: 'Silence after which a PING is due is half of this.',
  },
  lossTimeoutMs: {
    type: 0x000e,
    kind: 'u32',
    many: false,
    about: 'How long a session outlives its connection.',
  },
  mechanism: { type: 0x000f, kind: 'text', many: true, about: 'Name of a SASL mechanism.' },
  saslData: { type: 0x0010, kind: 'bytes', many: false, about: 'One message of a SASL exchange.' },
  done: { type: 0x0011, kind: 'flag', many: false, about: 'The exchange is over.' },
  user: { type: 0x0012, kind: 'text', many: false, about: 'The name that was proven.' },
  digest: { type: 0x0013, kind: 'flag', many: false, about: 'Payloads have digests.' },
  resumed: { type: 0x0014, kind: 'flag', many: false, about: 'The session goes on.' },
  eventSequence: { type: 0x0015, kind: 'u64', many: false, about: 'Sequence number of an event.' },
  reason: { type: 0x0016, kind: 'text', many: false, about: 'Why, for people.' },
  graceMs: { type: 0x0017, kind: 'u32', many: false, about: 'How long the connection stays open.' },
  portal: {
    type: 0x0018,
    kind: 'group',
    many: true,
    about: 'A place to connect to, the best one first: address, port, active. In an object: for iSCSI.',
  },
  address: { type: 0x0019, kind: 'text', many: false, about: 'Host name or address.' },
  port: { type: 0x001a, kind: 'u32', many: false, about: 'TCP port.' },
  active: { type: 0x001b, kind: 'flag', many: false, about: 'The way is good now.' },
  uptimeMs: { type: 0x001c, kind: 'u64', many: false, about: 'How long the server has run.' },
  sessionCount: { type: 0x001d, kind: 'u32', many: false, about: 'Sessions that there are.' },
  retryAfterMs: { type: 0x001e, kind: 'u32', many: false, about: 'When to try again.' },
  errorText: { type: 0x001f, kind: 'text', many: false, about: 'What went wrong, for people.' },
  // Objects.
  object: { type: 0x0101, kind: 'group', many: true, about: 'An object: see OBJECT_LIST.' },
  name: { type: 0x0102, kind: 'text', many: false, about: 'Name of an object, a snapshot or a group.' },
  uuid: { type: 0x0103, kind: 'uuid', many: false, about: 'Identity of an object or a snapshot.' },
  sizeBytes: { type: 0x0104, kind: 'u64', many: false, about: 'Capacity.' },
  blockSize: { type: 0x0105, kind: 'u32', many: false, about: 'Logical block length in bytes.' },
  readOnly: { type: 0x0106, kind: 'flag', many: false, about: 'Changes are refused.' },
  shared: { type: 0x0107, kind: 'flag', many: false, about: 'Other writers are all right.' },
  exclusive: { type: 0x0108, kind: 'flag', many: false, about: 'The leases of other writers end.' },
  fileName: { type: 0x0109, kind: 'text', many: false, about: 'File that the object is in.' },
  lun: { type: 0x010a, kind: 'u32', many: false, about: 'LUN that the object is.' },
  targetName: {
    type: 0x010b,
    kind: 'text',
    many: false,
    about: 'iSCSI name of the target that has the LUN.',
  },
  usedBytes: { type: 0x010c, kind: 'u64', many: false, about: 'Space that the object takes.' },
  freeBytes: { type: 0x010d, kind: 'u64', many: false, about: 'Capacity for which no space is taken yet.' },
  permission: {
    type: 0x010e,
    kind: 'text',
    many: true,
    about: 'What this user may do: read, write, snapshot, replicate, admin.',
  },
  fault: { type: 0x010f, kind: 'text', many: false, about: 'Why the object takes no change any more.' },
  epoch: { type: 0x0110, kind: 'u32', many: false, about: 'Epoch of the lease.' },
  handle: { type: 0x0111, kind: 'u64', many: false, about: 'What an open object goes by in its session.' },
  description: { type: 0x0112, kind: 'text', many: false, about: 'What people wrote about the object.' },
  // Data.
  extent: { type: 0x0201, kind: 'group', many: true, about: 'A run of bytes: offset, length, state.' },
  offset: { type: 0x0202, kind: 'u64', many: false, about: 'First byte.' },
  length: { type: 0x0203, kind: 'u64', many: false, about: 'Bytes.' },
  state: { type: 0x0204, kind: 'text', many: false, about: 'mapped, zero, hole; or changed.' },
  context: { type: 0x0205, kind: 'text', many: false, about: 'alloc, or changed.' },
  from: { type: 0x0206, kind: 'text', many: false, about: 'Snapshot from which on changes count.' },
  to: {
    type: 0x0207,
    kind: 'text',
    many: false,
    about: 'Snapshot up to which changes count; now when left out.',
  },
  differsAt: {
    type: 0x0208,
    kind: 'u64',
    many: false,
    about: 'First byte that is not as expected, counted from the offset.',
  },
  sourceHandle: { type: 0x0209, kind: 'u64', many: false, about: 'Object that is copied from.' },
  sourceOffset: { type: 0x020a, kind: 'u64', many: false, about: 'First byte that is copied.' },
  // Snapshots.
  snapshot: { type: 0x0301, kind: 'group', many: true, about: 'A snapshot: see SNAPSHOT_LIST.' },
  snapshotName: { type: 0x0302, kind: 'text', many: false, about: 'Identity or name of a snapshot.' },
  createdMs: { type: 0x0303, kind: 'u64', many: false, about: 'When, in milliseconds since 1970.' },
  level: { type: 0x0304, kind: 'text', many: false, about: 'crash, filesystem or application.' },
  label: { type: 0x0305, kind: 'group', many: true, about: 'A label: key, value.' },
  key: { type: 0x0306, kind: 'text', many: false, about: 'Key of a label.' },
  value: { type: 0x0307, kind: 'text', many: false, about: 'Value of a label.' },
  holder: { type: 0x0308, kind: 'text', many: true, about: 'Who keeps a snapshot from being deleted.' },
  bookmark: {
    type: 0x0309,
    kind: 'flag',
    many: false,
    about: 'What it had is dropped, what changed since then is known.',
  },
  exclusiveBytes: {
    type: 0x030a,
    kind: 'u64',
    many: false,
    about: 'Space that deleting it would give back.',
  },
  sharedBytes: { type: 0x030b, kind: 'u64', many: false, about: 'Space that others need, too.' },
  group: { type: 0x030c, kind: 'uuid', many: false, about: 'Group that a snapshot belongs to.' },
  method: { type: 0x030d, kind: 'text', many: false, about: 'log or reflink.' },
  force: { type: 0x030e, kind: 'flag', many: false, about: 'All the same, although it is in use.' },
  safety: {
    type: 0x030f,
    kind: 'text',
    many: false,
    about: 'Snapshot that was taken right before: the way back.',
  },
  doneBytes: { type: 0x0310, kind: 'u64', many: false, about: 'How far it has come.' },
  sound: { type: 0x0312, kind: 'flag', many: false, about: 'All that a snapshot has is as it was.' },
  badBytes: { type: 0x0313, kind: 'u64', many: false, about: 'Bytes that nobody will read as they were.' },
  holdMs: { type: 0x0314, kind: 'u32', many: false, about: 'How long changes wait for a decision.' },
  quiesce: { type: 0x0501, kind: 'flag', many: false, about: 'While what uses the objects is suspended.' },
  readyMs: { type: 0x0502, kind: 'u32', many: false, about: 'How long suspending it may take.' },
  held: { type: 0x0503, kind: 'flag', many: false, about: 'It was suspended until it was told to go on.' },
  sha256: { type: 0x0315, kind: 'text', many: false, about: 'Of the bytes of a disk, hexadecimal.' },
  totalBytes: { type: 0x0311, kind: 'u64', many: false, about: 'How far it has to come.' },
  limitBytes: {
    type: 0x0316,
    kind: 'u64',
    many: false,
    about: 'Most space that the snapshots of an object take; 0 is no limit.',
  },
  whenFull: {
    type: 0x0317,
    kind: 'text',
    many: false,
    about: 'What is done where there is no room: drop-oldest, or refuse, which refuses writes.',
  },
  schedule: {
    type: 0x0318,
    kind: 'group',
    many: false,
    about: 'When the server takes snapshots by itself: everyMs, offsetMs, keep, level, label.',
  },
  everyMs: { type: 0x0319, kind: 'u64', many: false, about: 'One for each so long; 0 is never.' },
  offsetMs: {
    type: 0x031a,
    kind: 'u64',
    many: false,
    about: 'How long after the beginning of each such time, counted from a Monday, 0:00 UTC.',
  },
  keep: { type: 0x031b, kind: 'group', many: true, about: 'What keeps snapshots: rule, count.' },
  rule: {
    type: 0x031c,
    kind: 'text',
    many: false,
    about: 'last, hourly, daily, weekly, monthly, yearly; or olderThanMs, with a time as its count.',
  },
  count: { type: 0x031d, kind: 'u64', many: false, about: 'How many.' },
  prefix: { type: 0x031e, kind: 'text', many: false, about: 'How names begin.' },
  dryRun: { type: 0x031f, kind: 'flag', many: false, about: 'Nothing is done, only told.' },
  verdict: {
    type: 0x0320,
    kind: 'group',
    many: true,
    about: 'What becomes of a snapshot: uuid, name, createdMs, kept, reason.',
  },
  kept: { type: 0x0321, kind: 'flag', many: false, about: 'It stays.' },
  nextRunMs: { type: 0x0322, kind: 'u64', many: false, about: 'When the next is due, ms since 1970.' },
} as const;

/** Name of a TLV. */
export type TlvName = keyof typeof TLVS;
