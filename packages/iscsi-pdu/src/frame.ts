/**
 * Where one PDU's header lies. One object is reused for every PDU: it is valid only during the call that
 * receives it.
 */
export interface FrameHeader {
  /** The bytes that hold the header: the pushed chunk itself when the header lay wholly inside it. */
  bytes: Uint8Array;
  /** Where in `bytes` the header begins. */
  offset: number;
  /** Bytes of header: 48 and the Additional Header Segments, without digest. */
  headerLength: number;
  /** Low six bits of byte 0. */
  opcode: number;
  /** The I bit of byte 0. */
  immediate: boolean;
  /** DataSegmentLength, without padding. */
  dataLength: number;
}

/**
 * Who takes the PDUs that a {@link Framer} finds. An exception thrown by it leaves the framer unusable, as
 * a {@link PduError} does.
 */
export interface FrameReceiver {
  /**
   * The header is complete and its digest, if any, is right. Called for every PDU, also when it has no
   * data. May return where the data segment is to go: at least `header.dataLength` bytes, filled from their
   * start as data arrives. Without a destination the framer shows a view of its input or of its own buffer.
   */
  onHeader(header: FrameHeader): Uint8Array | undefined;
  /**
   * The whole PDU is in. `data` is exactly `header.dataLength` bytes: the start of the destination, or a
   * view that is valid only during the call. `dataDigestOk` is false when the data digest was wrong.
   * `headerDigest`, `dataDigest` and the limits of the framer may be changed here; they hold from the next
   * PDU on (RFC 7143 §13.1).
   */
  onPdu(header: FrameHeader, data: Uint8Array, dataDigestOk: boolean): void;
}

/** Bounds that a {@link Framer} checks before it allocates anything. */
export interface FramerLimits {
  /** Largest DataSegmentLength accepted, in bytes: what this side declared as MaxRecvDataSegmentLength. */
  readonly maxDataSegmentLength: number;
  /** Most bytes of Additional Header Segments accepted; default 1020, all that the field can say. */
  readonly maxAhsLength?: number;
}
