import type { Endpoint, Portal, Transport } from '../transport.ts';
import type { Capture } from './capture.ts';

/** Where recording transports look for the capture that is running; there may be none. */
export interface Recorder {
  capture: Capture | undefined;
}

/** A transport whose bytes a capture can see, in both directions. */
export class RecordingTransport implements Transport {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly portal: Portal | undefined;
  readonly peerNames: readonly string[] | undefined;
  readonly #inner: Transport;
  readonly #recorder: Recorder;

  constructor(inner: Transport, recorder: Recorder) {
    this.#inner = inner;
    this.#recorder = recorder;
    this.local = inner.local;
    this.remote = inner.remote;
    this.portal = inner.portal;
    this.peerNames = inner.peerNames;
  }

  /** Bytes came in, and are about to go to the engine. */
  received(chunk: Uint8Array): void {
    this.#recorder.capture?.add(this, false, chunk);
  }

  send(segments: readonly Uint8Array[], done: () => void): void {
    const { capture } = this.#recorder;
    if (capture !== undefined) for (const segment of segments) capture.add(this, true, segment);
    this.#inner.send(segments, done);
  }

  defer(callback: () => void): void {
    this.#inner.defer(callback);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}
