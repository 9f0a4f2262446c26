import type { Channel, Dial } from '@lunbox/iscsi-initiator';
import { BHS_LENGTH, Opcode, readU24 } from '@lunbox/iscsi-pdu';

/** True when the data segment of this PDU is to arrive with a bit flipped. */
export type Spoils = (opcode: number, dataLength: number) => boolean;

/** A network that does harm on demand. */
export interface FaultyNetwork {
  readonly dial: Dial;
  /** Connections ever made. */
  readonly dialled: number;
  /** Connections that stand, the oldest first. */
  readonly channels: readonly Channel[];
  /** Data segments spoilt so far. */
  readonly spoilt: number;
}

/** Wraps `dial` so that data segments, in both directions, are spoilt as `spoils` says. */
export function faultyNetwork(dial: Dial, spoils: Spoils = () => false): FaultyNetwork {
  const state = { dialled: 0, spoilt: 0, channels: [] as Channel[] };
  const count: Spoils = (opcode, length) => {
    const hit = spoils(opcode, length);
    if (hit) state.spoilt++;
    return hit;
  };
  const faulty: Dial = (portal, events) => {
    const incoming = new SegmentSpoiler(count);
    const outgoing = new SegmentSpoiler(count);
    const channel = dial(portal, {
      opened: () => events.opened(),
      received: (chunk) => events.received(incoming.pass(chunk)),
      closed: (error) => {
        state.channels = state.channels.filter((other) => other !== wrapped);
        events.closed(error);
      },
    });
    const wrapped: Channel = {
      send: (segments, done) =>
        channel.send(
          segments.map((segment) => outgoing.pass(segment)),
          done,
        ),
      defer: (callback) => channel.defer(callback),
      end: () => channel.end(),
      destroy: () => channel.destroy(),
    };
    state.dialled++;
    state.channels.push(wrapped);
    return wrapped;
  };
  return {
    dial: faulty,
    get dialled() {
      return state.dialled;
    },
    get channels() {
      return state.channels;
    },
    get spoilt() {
      return state.spoilt;
    },
  };
}

/** Finds data segments in a stream of PDUs that carry no header digest, and a data digest outside the login. */
class SegmentSpoiler {
  readonly #spoils: Spoils;
  readonly #header = new Uint8Array(BHS_LENGTH);
  #headerHave = 0;
  #bodyLeft = 0;
  #spoilNext = false;

  constructor(spoils: Spoils) {
    this.#spoils = spoils;
  }

  /** The chunk as it arrives; a copy where something in it is spoilt. */
  pass(chunk: Uint8Array): Uint8Array {
    let out = chunk;
    for (let at = 0; at < chunk.length;) {
      if (this.#bodyLeft === 0) {
        this.#header[this.#headerHave++] = chunk[at++] as number;
        if (this.#headerHave === BHS_LENGTH) this.#open();
        continue;
      }
      if (this.#spoilNext) {
        if (out === chunk) out = chunk.slice();
        out[at] = (out[at] as number) ^ 0x10;
        this.#spoilNext = false;
      }
      const taken = Math.min(this.#bodyLeft, chunk.length - at);
      this.#bodyLeft -= taken;
      at += taken;
    }
    return out;
  }

  #open(): void {
    const opcode = (this.#header[0] as number) & 0x3f;
    const isLogin = opcode === Opcode.LOGIN_REQUEST || opcode === Opcode.LOGIN_RESPONSE;
    const dataLength = readU24(this.#header, 5);
    this.#headerHave = 0;
    this.#bodyLeft = dataLength === 0 ? 0 : ((dataLength + 3) & ~3) + (isLogin ? 0 : 4);
    this.#spoilNext = dataLength > 0 && !isLogin && this.#spoils(opcode, dataLength);
  }
}
