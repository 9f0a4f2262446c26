import { Framer, PduError, type FrameHeader, type FrameReceiver } from '@lunbox/iscsi-pdu';
import createDebug from 'debug';
import { connectionLost, formatError, InitiatorError } from './errors.ts';
import { Outbox } from './outbox.ts';
import { formatPortal, type Channel, type ChannelEvents, type Dial, type Portal } from './transport.ts';

const log = createDebug('lunbox:iscsi-initiator:connection');

/** Data segments in the login phase are at most this long (RFC 7143 §13.12). */
const LOGIN_SEGMENT_BYTES = 8192;

/** A phase of a connection: first the login, then full feature phase. */
export interface Phase extends FrameReceiver {
  /** The channel stands, or the phase before has ended. */
  start(): void;
  /** The connection is gone. */
  closed(error: InitiatorError): void;
}

/** What a connection needs to come about. */
export interface ConnectionOptions {
  readonly dial: Dial;
  readonly portal: Portal;
  /** Makes the first phase. */
  readonly login: (connection: Connection) => Phase;
  /** Called once, when the connection is gone for whatever reason. */
  readonly closed: (error: InitiatorError) => void;
}

/** One iSCSI connection without its socket: frames bytes, and ends once, with one error. */
export class Connection implements ChannelEvents, FrameReceiver {
  readonly portal: Portal;
  readonly outbox: Outbox;
  readonly framer: Framer;
  /** Counts chunks: any PDU is a sign of life. */
  receptions = 0;
  readonly #channel: Channel;
  readonly #onClosed: (error: InitiatorError) => void;
  #phase: Phase;
  #opened = false;
  #ended = false;

  constructor(options: ConnectionOptions) {
    this.portal = options.portal;
    this.#onClosed = options.closed;
    this.#channel = options.dial(options.portal, this);
    this.outbox = new Outbox(this.#channel);
    this.framer = new Framer(this, { maxDataSegmentLength: LOGIN_SEGMENT_BYTES });
    this.#phase = options.login(this);
  }

  /** True once nothing comes in or goes out any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Goes over to another phase; the PDU in hand is still the old one's. */
  enter(phase: Phase): void {
    this.#phase = phase;
    phase.start();
  }

  opened(): void {
    this.#opened = true;
    if (!this.#ended) this.#phase.start();
  }

  received(chunk: Uint8Array): void {
    if (this.#ended) return;
    this.receptions++;
    try {
      this.framer.push(chunk);
    } catch (error) {
      this.fail(asInitiatorError(error));
    }
  }

  closed(cause?: Error): void {
    const { host, port } = this.portal;
    const reason = cause?.message ?? 'closed by the peer';
    if (this.#opened) this.#end(connectionLost(reason, cause));
    else this.#end(new InitiatorError({ code: 'INITIATOR_UNREACHABLE', host, port, reason }, { cause }));
  }

  /** Ends the connection at once. */
  fail(error: InitiatorError): void {
    if (!this.#ended) this.#end(error, () => this.#channel.destroy());
  }

  /** Ends the connection after what was sent. */
  finish(error: InitiatorError): void {
    if (this.#ended) return;
    this.outbox.flush();
    this.#end(error, () => this.#channel.end());
  }

  onHeader(header: FrameHeader): Uint8Array | undefined {
    return this.#phase.onHeader(header);
  }

  onPdu(header: FrameHeader, data: Uint8Array, dataDigestOk: boolean): void {
    this.#phase.onPdu(header, data, dataDigestOk);
  }

  /** Deaf first: what the channel says while it closes is no news. */
  #end(error: InitiatorError, closeChannel?: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    closeChannel?.();
    log('%s: %s', formatPortal(this.portal), error.message);
    this.framer.stop();
    this.outbox.close();
    this.#phase.closed(error);
    this.#onClosed(error);
  }
}

/** A PDU that cannot be read is the target's fault; anything else is ours, and loud. */
function asInitiatorError(error: unknown): InitiatorError {
  if (error instanceof InitiatorError) return error;
  if (!(error instanceof PduError)) throw error;
  if (error.code === 'PDU_HEADER_DIGEST') {
    return new InitiatorError({ code: 'INITIATOR_DIGEST', part: 'header' }, { cause: error });
  }
  return formatError(error.message, error);
}

/** The whole header of a PDU, for the codec. */
export function headerBytes(header: FrameHeader): Uint8Array {
  return header.bytes.subarray(header.offset, header.offset + header.headerLength);
}
