import { normalizeIscsiName } from '@lunbox/iscsi-pdu';
import { MAX_LUN } from '@lunbox/scsi';
import { TargetError } from '../errors.ts';
import type { ChapSecret } from './chap-secret.ts';
import { AddressRange } from './ip-address.ts';
import { matchesPattern } from './name-pattern.ts';

/** Who an initiator has to prove to be. */
export interface ChapCredentials {
  /** CHAP_N of the initiator: 1 to 255 characters. */
  readonly user: string;
  /** One secret, or two while they are being changed: either of them is right. */
  readonly secrets: readonly ChapSecret[];
}

/** What the target proves to an initiator that asks for it (mutual CHAP). */
export interface TargetCredentials {
  /** CHAP_N of the target: 1 to 255 characters. */
  readonly user: string;
  /** Must not be the secret of any initiator (RFC 7143 §9.2.1). */
  readonly secret: ChapSecret;
}

/** Whom a discovery session is open to. */
export interface DiscoveryEntry {
  /** iSCSI name of the initiator, or a pattern: `*` is any run of characters, `?` any one. */
  readonly initiator: string;
  /** Where it may come from: addresses or ranges such as `192.0.2.0/24`; from anywhere when left out. */
  readonly addresses?: readonly string[];
  /** What it has to prove; without it, name and address are enough. */
  readonly chap?: ChapCredentials;
  /** What the target proves when it is asked to; only together with `chap`. */
  readonly mutual?: TargetCredentials;
}

/** Whom a target is open to, and what they may do. */
export interface AccessEntry extends DiscoveryEntry {
  /** LUN as the initiator names it → LUN of the target; everything under its own number when left out. */
  readonly lunMap?: ReadonlyMap<number, number>;
  /** True when every LUN is write protected for the initiator. */
  readonly readOnly?: boolean;
}

/** An entry whose patterns have been read. */
interface Rule {
  readonly entry: AccessEntry;
  readonly initiator: string;
  readonly ranges: readonly AddressRange[] | undefined;
}

/** Longest CHAP_N in characters. */
const MAX_USER_LENGTH = 255;

/** The entries of one target, or of discovery. */
export class AccessList {
  readonly #rules: readonly Rule[];

  /** @throws TargetError `ACCESS_INVALID` when an entry cannot mean anything, or uses a secret in both directions. */
  constructor(entries: readonly AccessEntry[]) {
    this.#rules = readEntries(entries);
  }

  /** True when an entry asks for CHAP. */
  get usesChap(): boolean {
    return this.#rules.some(({ entry }) => entry.chap !== undefined);
  }

  /** The entries as they were given. */
  get entries(): readonly AccessEntry[] {
    return this.#rules.map(({ entry }) => entry);
  }

  /** True without an entry. */
  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /**
   * The entries an initiator fits by name and address, in their order. The first decides whether the initiator
   * has to authenticate; if so, the identity that it proves chooses among those that ask for CHAP.
   */
  matching(initiatorName: string, address: string): AccessEntry[] {
    const fits = ({ initiator, ranges }: Rule): boolean =>
      matchesPattern(initiator, initiatorName) &&
      (ranges === undefined || ranges.some((range) => range.includes(address)));
    const entries = this.#rules.filter(fits).map(({ entry }) => entry);
    return entries[0]?.chap === undefined
      ? entries.slice(0, 1)
      : entries.filter(({ chap }) => chap !== undefined);
  }
}

/**
 * Checks entries that targets or discovery are going to be given. Those of one server belong together: no secret of
 * an initiator may be one of a target anywhere (RFC 7143 §9.2.1).
 *
 * @throws TargetError `ACCESS_INVALID` when an entry cannot mean anything, or uses a secret in both directions.
 */
export function checkAccess(entries: readonly AccessEntry[]): void {
  readEntries(entries);
}

/** True when both grant the same to the same identity; what proves it may have changed, as secrets do. */
export function grantsTheSame(one: AccessEntry, other: AccessEntry): boolean {
  const identity = one.chap?.user === other.chap?.user;
  const writing = (one.readOnly ?? false) === (other.readOnly ?? false);
  return identity && writing && describeMap(one.lunMap) === describeMap(other.lunMap);
}

function describeMap(lunMap: ReadonlyMap<number, number> | undefined): string | undefined {
  return lunMap === undefined
    ? undefined
    : [...lunMap]
        .map((pair) => pair.join('='))
        .sort()
        .join();
}

function readEntries(entries: readonly AccessEntry[]): Rule[] {
  checkSecrets(entries);
  return entries.map(readEntry);
}

function readEntry(entry: AccessEntry): Rule {
  const { initiator, addresses, chap, mutual, lunMap } = entry;
  if (initiator === '') throw invalid(initiator, 'it names no initiator');
  const ranges = addresses?.map((text) => {
    const range = AddressRange.parse(text);
    if (range === undefined) throw invalid(initiator, `"${text}" is not an address or a range of addresses`);
    return range;
  });
  if (chap !== undefined) {
    checkUser(initiator, chap.user);
    if (chap.secrets.length < 1 || chap.secrets.length > 2) {
      throw invalid(initiator, `an initiator has one or two secrets, not ${chap.secrets.length}`);
    }
  }
  if (mutual !== undefined) {
    checkUser(initiator, mutual.user);
    if (chap === undefined) throw invalid(initiator, 'the target proves itself only to who has done so');
  }
  if (lunMap !== undefined) checkLunMap(initiator, lunMap);
  return { entry, initiator: normalizeIscsiName(initiator), ranges };
}

function checkUser(initiator: string, user: string): void {
  const bad = user.length < 1 || user.length > MAX_USER_LENGTH || user.includes('\0');
  if (bad) throw invalid(initiator, `a CHAP user has 1 to ${MAX_USER_LENGTH} characters`);
}

function checkLunMap(initiator: string, lunMap: ReadonlyMap<number, number>): void {
  const luns = [...lunMap.keys(), ...lunMap.values()];
  if (luns.some((lun) => !Number.isInteger(lun) || lun < 0 || lun > MAX_LUN)) {
    throw invalid(initiator, `a LUN is 0 to ${MAX_LUN}`);
  }
  if (new Set(lunMap.values()).size !== lunMap.size) {
    throw invalid(initiator, 'a LUN of the target is mapped twice');
  }
}

/** RFC 7143 §9.2.1: a secret of an initiator must not be one of the target too. */
function checkSecrets(entries: readonly AccessEntry[]): void {
  const ours = entries.flatMap(({ mutual }) => (mutual === undefined ? [] : [mutual.secret]));
  for (const { initiator, chap } of entries) {
    const shared = chap?.secrets.some((secret) => ours.some((own) => own.sameAs(secret)));
    if (shared === true) throw invalid(initiator, 'initiator and target have the same secret');
  }
}

function invalid(initiator: string, reason: string): TargetError {
  return new TargetError({ code: 'ACCESS_INVALID', initiator, reason });
}
