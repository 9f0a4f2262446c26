/** Magic numbers of the handshake; 64-bit ones in halves. */
export const MAGIC_INIT = [0x4e42444d, 0x41474943] as const;
export const MAGIC_OPTION = [0x49484156, 0x454f5054] as const;
export const MAGIC_OPTION_REPLY = [0x0003e889, 0x045565a9] as const;

/** Magic numbers of the transmission. */
export const MAGIC_REQUEST = 0x25609513;
export const MAGIC_SIMPLE_REPLY = 0x67446698;
export const MAGIC_STRUCTURED_REPLY = 0x668e33ef;

/** Flags of the handshake, of both ends. */
export const HandshakeFlag = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

/** Options that a client may ask for. */
export const Option = {
  EXPORT_NAME: 1,
  ABORT: 2,
  LIST: 3,
  STARTTLS: 5,
  INFO: 6,
  GO: 7,
  STRUCTURED_REPLY: 8,
  LIST_META_CONTEXT: 9,
  SET_META_CONTEXT: 10,
} as const;

/** Types of replies to options; errors have the top bit. */
export const OptionReply = {
  ACK: 1,
  SERVER: 2,
  INFO: 3,
  META_CONTEXT: 4,
  ERR_UNSUP: 0x80000001,
  ERR_POLICY: 0x80000002,
  ERR_INVALID: 0x80000003,
  ERR_TLS_REQD: 0x80000005,
  ERR_UNKNOWN: 0x80000006,
  ERR_TOO_BIG: 0x80000009,
} as const;

/** What INFO and GO tell. */
export const Info = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

/** What an export can do. */
export const TransmissionFlag = {
  HAS_FLAGS: 0x1,
  READ_ONLY: 0x2,
  SEND_FLUSH: 0x4,
  SEND_FUA: 0x8,
  SEND_TRIM: 0x20,
  SEND_WRITE_ZEROES: 0x40,
  SEND_DF: 0x80,
  CAN_MULTI_CONN: 0x100,
  SEND_CACHE: 0x400,
} as const;

/** Requests of the transmission. */
export const Command = {
  READ: 0,
  WRITE: 1,
  DISC: 2,
  FLUSH: 3,
  TRIM: 4,
  CACHE: 5,
  WRITE_ZEROES: 6,
  BLOCK_STATUS: 7,
} as const;

/** Flags of requests. */
export const CommandFlag = { FUA: 1, NO_HOLE: 2, DF: 4, REQ_ONE: 8, FAST_ZERO: 16 } as const;

/** Types of chunks of structured replies. */
export const Chunk = { NONE: 0, OFFSET_DATA: 1, BLOCK_STATUS: 5, ERROR: 0x8001 } as const;

/** The flag of the last chunk of a reply. */
export const CHUNK_DONE = 1;

/** Errors that clients know. */
export const Errno = {
  EPERM: 1,
  EIO: 5,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const;

/** What `base:allocation` says of an extent. */
export const Allocation = { HOLE: 1, ZERO: 2 } as const;

/** What `lunbox:changed:…` says of an extent. */
export const CHANGED = 1;

/** Longest payload of a request or a reply that every client can do. */
export const MAX_PAYLOAD_BYTES: number = 32 << 20;

/** Longest option, and longest name in it, in bytes. */
export const MAX_OPTION_BYTES = 65_536;
export const MAX_NAME_BYTES = 4096;
