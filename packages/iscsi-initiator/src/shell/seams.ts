import { systemClock, systemRandom, type Clock } from '@lunbox/block';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { SessionSeams } from '../session-options.ts';
import { chapDigest } from './chap-digest.ts';
import { dialTcp, dialTls } from './socket-channel.ts';

/** The machine's clock, whose timers keep the process alive: a session that waits to reconnect is at work. */
const wakingClock: Clock = {
  ...systemClock,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Sockets, time, randomness and cryptography of the machine; with `tls`, connections are encrypted. */
export function systemSeams(tls?: TlsOptions): SessionSeams {
  const dial = tls === undefined ? dialTcp : dialTls(tls);
  return { dial, clock: wakingClock, random: systemRandom, chapDigest };
}
