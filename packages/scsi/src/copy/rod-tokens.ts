import type { Clock, MaybePromise, Random } from '@lunbox/block';
import type { BlockRange } from '../data/unmap-list.ts';
import { targetDeviceName } from '../inquiry/device-identification.ts';
import type { Medium } from '../media/medium.ts';
import { AdditionalSenseCode, type AdditionalSense } from '../sense/additional-sense.ts';
import { illegalRequest } from '../sense/check-condition-error.ts';
import type { ItlNexus } from '../unit/itl-nexus.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { MAX_TOKENS, MAX_TOKENS_OF_PORT, TOKEN_LIFETIME_SECONDS } from './copy-limits.ts';
import {
  buildRodToken,
  parseRodToken,
  ROD_TOKEN_LENGTH,
  RodType,
  TOKEN_IDENTIFIER_BYTES,
  TOKEN_SECRET_BYTES,
} from './rod-token.ts';

/** How often tokens are looked through for those that have run out, while there are any. */
const SWEEP_MS = 30_000;

/** Bytes of the device behind a token. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * A ROD token: what was in these blocks when it was made. It does not keep a copy: when the blocks change, the token
 * is not good any more (SPC-4 5.17.6.2.3.3).
 */
export class RodToken {
  readonly bytes: Uint8Array;
  readonly identifier: string;
  readonly unit: LogicalUnit;
  readonly medium: Medium;
  /** Initiator port that made it. */
  readonly port: string;
  readonly ranges: readonly ByteRange[];
  readonly lengthBytes: number;
  readonly #start: number;
  readonly #end: number;
  readonly #madeMs: number;
  readonly #inactivityMs: number;
  #usedMs: number;
  #users = 0;
  #ended: AdditionalSense | undefined = undefined;

  constructor(
    bytes: Uint8Array,
    itl: ItlNexus,
    ranges: readonly ByteRange[],
    inactivityMs: number,
    nowMs: number,
  ) {
    this.bytes = bytes;
    this.identifier = identifierOf(bytes);
    this.unit = itl.unit;
    this.medium = itl.unit.medium;
    this.port = itl.nexusName.initiatorPort;
    this.ranges = ranges;
    this.lengthBytes = ranges.reduce((sum, { length }) => sum + length, 0);
    this.#start = Math.min(...ranges.map(({ offset }) => offset));
    this.#end = Math.max(...ranges.map(({ offset, length }) => offset + length));
    this.#madeMs = this.#usedMs = nowMs;
    this.#inactivityMs = inactivityMs;
  }

  /** True while it can be used. */
  get good(): boolean {
    return this.#ended === undefined;
  }

  /** True while something is written with it. */
  get inUse(): boolean {
    return this.#users > 0;
  }

  /** Throws why it is not good any more, if it is not. */
  check(): void {
    if (this.#ended !== undefined) throw illegalRequest(this.#ended);
  }

  /** It is not good any more; the first reason stays. */
  end(reason: AdditionalSense): void {
    this.#ended ??= reason;
  }

  /** It ends when its time is over. A token in use is not inactive. */
  expire(nowMs: number): void {
    const inactive = !this.inUse && nowMs - this.#usedMs >= this.#inactivityMs;
    if (inactive || nowMs - this.#madeMs >= TOKEN_LIFETIME_SECONDS * 1000) {
      this.end(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_EXPIRED);
    }
  }

  /** True when nobody needs to be told any more why it is not good. */
  isForgotten(nowMs: number): boolean {
    return !this.good && !this.inUse && nowMs - this.#madeMs >= 2 * TOKEN_LIFETIME_SECONDS * 1000;
  }

  /** A command begins to use it. */
  use(): void {
    this.#users++;
  }

  /** The command is over. */
  release(nowMs: number): void {
    this.#users--;
    this.#usedMs = nowMs;
  }

  /** True when a change of these bytes is one of what it stands for. */
  overlaps(offset: number, lengthBytes: number): boolean {
    const end = offset + lengthBytes;
    if (offset >= this.#end || end <= this.#start) return false;
    return this.ranges.some((range) => offset < range.offset + range.length && range.offset < end);
  }
}

/** The ROD tokens of a domain: in memory only, and no more than there may be. */
export class RodTokens {
  readonly #clock: Clock;
  readonly #random: Random;
  /** Oldest use first. */
  readonly #byIdentifier = new Map<string, RodToken>();
  /** The tokens that changes of a medium can end, and what ends the watch. */
  readonly #watched = new Map<Medium, { readonly tokens: Set<RodToken>; readonly end: () => void }>();
  #sweeping = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The tokens that are good, in the order of their last use. */
  get good(): RodToken[] {
    this.#sweep();
    return [...this.#byIdentifier.values()].filter((token) => token.good);
  }

  /**
   * Makes a token of what is in the ranges at one moment between now and the completion, when no access to them goes
   * on. Throws INSUFFICIENT RESOURCES TO CREATE ROD TOKEN when there are too many.
   */
  create(itl: ItlNexus, ranges: readonly BlockRange[], inactivitySeconds: number): MaybePromise<RodToken> {
    const { unit } = itl;
    const bytesOf = ranges
      .filter(({ blockCount }) => blockCount > 0)
      .map(({ lba, blockCount }) => ({
        offset: lba * unit.blockSize,
        length: blockCount * unit.blockSize,
      }));
    const start = Math.min(...bytesOf.map(({ offset }) => offset));
    const end = Math.max(...bytesOf.map(({ offset, length }) => offset + length));
    return unit.medium.quiesced(start, end - start, () => this.#add(itl, bytesOf, inactivitySeconds));
  }

  /** The token with these bytes. Throws what is wrong with it (SPC-4 5.17.6.5.2.3). */
  find(bytes: Uint8Array): RodToken {
    const { rodType, lengthField } = parseRodToken(bytes);
    if (lengthField !== ROD_TOKEN_LENGTH) {
      throw illegalRequest(AdditionalSenseCode.INVALID_TOKEN_OPERATION_INVALID_TOKEN_LENGTH);
    }
    if (rodType !== RodType.POINT_IN_TIME_CHANGE_VULNERABLE) {
      throw illegalRequest(AdditionalSenseCode.INVALID_TOKEN_OPERATION_UNSUPPORTED_TOKEN_TYPE);
    }
    this.#sweep();
    const token = this.#byIdentifier.get(identifierOf(bytes));
    if (token === undefined) throw illegalRequest(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_UNKNOWN);
    if (!isSame(token.bytes, bytes)) {
      throw illegalRequest(AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_CORRUPT);
    }
    token.check();
    return token;
  }

  /** Does `work` with a token, which stays good for as long as nothing changes what it stands for. */
  async using<T>(token: RodToken, work: () => Promise<T>): Promise<T> {
    token.use();
    try {
      return await work();
    } finally {
      token.release(this.#clock.nowMs());
      if (this.#byIdentifier.delete(token.identifier)) this.#byIdentifier.set(token.identifier, token);
    }
  }

  /** An initiator does not need the token any more. */
  delete(token: RodToken): void {
    this.#end(token, AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_DELETED);
  }

  #add(itl: ItlNexus, ranges: readonly ByteRange[], inactivitySeconds: number): RodToken {
    this.#sweep();
    this.#makeRoom(itl.nexusName.initiatorPort);
    const bytes = this.#build(itl, ranges);
    const token = new RodToken(bytes, itl, ranges, inactivitySeconds * 1000, this.#clock.nowMs());
    this.#byIdentifier.set(token.identifier, token);
    this.#watch(token);
    this.#sweepLater();
    return token;
  }

  /** An initiator that makes many tokens loses its own old ones, nobody else's. */
  #makeRoom(port: string): void {
    const own = [...this.#byIdentifier.values()].filter((token) => token.port === port);
    const good = own.filter((token) => token.good);
    const oldest = good.find((token) => !token.inUse);
    if (good.length >= MAX_TOKENS_OF_PORT && oldest !== undefined) {
      this.#end(oldest, AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_CANCELLED);
    }
    if (this.#byIdentifier.size < MAX_TOKENS) return;
    const ended = [...this.#byIdentifier.values()].find((token) => !token.good && !token.inUse);
    if (ended === undefined) {
      throw illegalRequest(AdditionalSenseCode.INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN);
    }
    this.#byIdentifier.delete(ended.identifier);
  }

  #build(itl: ItlNexus, ranges: readonly ByteRange[]): Uint8Array {
    const { unit, host } = itl;
    return buildRodToken({
      rodType: RodType.POINT_IN_TIME_CHANGE_VULNERABLE,
      identifier: this.#random.bytes(TOKEN_IDENTIFIER_BYTES),
      naa: unit.naa,
      lengthBytes: ranges.reduce((sum, { length }) => sum + length, 0),
      blockLengthBytes: unit.blockSize,
      physicalBlockExponent: unit.limits.physicalBlockExponent,
      target: targetDeviceName(host.options.targetName),
      secret: this.#random.bytes(TOKEN_SECRET_BYTES),
    });
  }

  #watch(token: RodToken): void {
    const { medium } = token;
    const known = this.#watched.get(medium);
    if (known !== undefined) {
      known.tokens.add(token);
      return;
    }
    const tokens = new Set([token]);
    const end = medium.watch((offset, lengthBytes) => {
      for (const one of tokens) {
        if (one.overlaps(offset, lengthBytes)) {
          this.#end(one, AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_CANCELLED);
        }
      }
    });
    this.#watched.set(medium, { tokens, end });
  }

  #end(token: RodToken, reason: AdditionalSense): void {
    token.end(reason);
    const watched = this.#watched.get(token.medium);
    watched?.tokens.delete(token);
    if (watched?.tokens.size !== 0) return;
    watched.end();
    this.#watched.delete(token.medium);
  }

  #sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (const token of this.#byIdentifier.values()) {
      token.expire(nowMs);
      if (token.good) continue;
      this.#end(token, AdditionalSenseCode.INVALID_TOKEN_OPERATION_TOKEN_EXPIRED);
      if (token.isForgotten(nowMs)) this.#byIdentifier.delete(token.identifier);
    }
  }

  /** Looks through the tokens again and again, as long as there is one that changes can end. */
  #sweepLater(): void {
    if (this.#sweeping || this.#watched.size === 0) return;
    this.#sweeping = true;
    this.#clock.setTimer(SWEEP_MS, () => {
      this.#sweeping = false;
      this.#sweep();
      this.#sweepLater();
    });
  }
}

function identifierOf(token: Uint8Array): string {
  return Buffer.from(parseRodToken(token).identifier).toString('hex');
}

/** Takes the same time wherever the first difference is: it tells nothing to who guesses. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= a[at]! ^ (b[at] ?? 0);
  return difference === 0;
}
