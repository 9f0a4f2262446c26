import { LoginStatus, normalizeIscsiName } from '@lunbox/iscsi-pdu';
import { TargetError } from '../errors.ts';
import { LoginError } from '../login-error.ts';
import type { TargetLimits } from '../limits.ts';
import type { Transport } from '../transport.ts';
import { AccessList, checkAccess, type AccessEntry, type DiscoveryEntry } from './access-entry.ts';
import type { ChapAlgorithm, ChapCrypto } from './chap-crypto.ts';
import { isLoopbackAddress } from './ip-address.ts';
import { LockOut } from './lock-out.ts';
import { SecurityNegotiation, type SecurityDemand } from './security-negotiation.ts';

/** How initiators prove who they are, and who may ask for targets. */
export interface SecurityOptions {
  /** Hashes and random numbers; without it no entry can ask for CHAP. */
  readonly crypto?: ChapCrypto;
  /** Who may open discovery sessions. By default whoever may log in to some target, without CHAP. */
  readonly discovery?: readonly DiscoveryEntry[];
  /** The weakest CHAP algorithm that is good enough. Default 5 (MD5), the only one every initiator has. */
  readonly minimumAlgorithm?: ChapAlgorithm;
}

/** A target as far as admission is concerned. */
export interface GuardedTarget {
  readonly name: string;
  readonly access?: readonly AccessEntry[];
}

/** A login that has said who it is. */
export interface Candidate {
  readonly initiatorName: string;
  /** Undefined for a discovery session. */
  readonly targetName: string | undefined;
  readonly transport: Pick<Transport, 'local' | 'remote'>;
  /** The time, for waits after failures. */
  readonly nowMs: () => number;
}

/** What a login may do that nobody restricts. */
const EVERYTHING: AccessEntry = { initiator: '*' };

/** Who may come in, and what they have to prove first: the access lists of all targets, and of discovery. */
export class Admission {
  readonly #options: SecurityOptions;
  readonly #targets = new Map<string, AccessList>();
  #discovery: AccessList;
  readonly #lockOut: LockOut;
  /** Algorithms that are good enough, the strongest first. */
  readonly #algorithms: readonly ChapAlgorithm[];

  /** @throws TargetError `ACCESS_INVALID` or `CHAP_UNAVAILABLE`. */
  constructor(targets: Iterable<GuardedTarget>, options: SecurityOptions, limits: TargetLimits) {
    this.#options = options;
    this.#lockOut = new LockOut(limits);
    const minimum = options.minimumAlgorithm ?? 5;
    const known = options.crypto?.algorithms ?? [];
    this.#algorithms = known.filter((algorithm) => algorithm >= minimum).sort((a, b) => b - a);
    this.#discovery = this.#list(options.discovery ?? []);
    for (const { name, access } of targets) this.#targets.set(name, this.#list(access ?? []));
    checkAccess(this.#entriesBut(undefined));
  }

  /**
   * Replaces the access list of a target; sessions that are there stay.
   *
   * @throws TargetError `TARGET_NAME_INVALID` when there is no such target, `ACCESS_INVALID` or `CHAP_UNAVAILABLE`;
   *   nothing has changed then.
   */
  setAccess(targetName: string, entries: readonly AccessEntry[]): void {
    const name = normalizeIscsiName(targetName);
    if (!this.#targets.has(name)) throw new TargetError({ code: 'TARGET_NAME_INVALID', name });
    checkAccess([...this.#entriesBut(name), ...entries]);
    this.#targets.set(name, this.#list(entries));
  }

  /**
   * Another target has come.
   *
   * @throws TargetError `ACCESS_INVALID` or `CHAP_UNAVAILABLE`; nothing has changed then.
   */
  addTarget({ name, access = [] }: GuardedTarget): void {
    checkAccess([...this.#entriesBut(undefined), ...access]);
    this.#targets.set(name, this.#list(access));
  }

  /** A target has gone. */
  removeTarget(name: string): void {
    this.#targets.delete(name);
  }

  /**
   * Replaces who may open discovery sessions; those that are there stay.
   *
   * @throws TargetError `ACCESS_INVALID` or `CHAP_UNAVAILABLE`; nothing has changed then.
   */
  setDiscovery(entries: readonly DiscoveryEntry[]): void {
    checkAccess([...[...this.#targets.values()].flatMap((list) => list.entries), ...entries]);
    this.#discovery = this.#list(entries);
  }

  /**
   * What a login has to go through. Whoever has to prove itself anywhere on this server has to do so before it hears
   * that a target is not there or not for it: without proof all targets that it may not use look the same.
   *
   * @throws LoginError `AUTHORIZATION_FAILURE` when the initiator is not listed, `NOT_FOUND` when it is, but not for a
   *   target of that name.
   */
  admit(candidate: Candidate): SecurityNegotiation {
    const entries = this.#entriesFor(candidate);
    const [first] = entries;
    if (first !== undefined) {
      return new SecurityNegotiation(
        first.chap === undefined ? { method: 'None', access: first } : this.#chapDemand(candidate, entries),
      );
    }
    const refusal = this.#refusal(candidate);
    const identities = this.#identitiesOf(candidate);
    if (candidate.targetName === undefined || identities.length === 0) throw refusal;
    return new SecurityNegotiation(this.#chapDemand(candidate, identities, refusal));
  }

  /** True when SendTargets names the target to the initiator. */
  mayUse(candidate: Pick<Candidate, 'initiatorName' | 'transport'>, targetName: string): boolean {
    return this.entriesOf(candidate, targetName).length > 0;
  }

  /** The entries by one of which the initiator may use the target. */
  entriesOf(
    candidate: Pick<Candidate, 'initiatorName' | 'transport'>,
    targetName: string,
  ): readonly AccessEntry[] {
    return this.#matching(this.#targets.get(targetName), candidate);
  }

  /** The entries of discovery and of all targets but one. */
  #entriesBut(targetName: string | undefined): AccessEntry[] {
    const lists = [...this.#targets].filter(([name]) => name !== targetName).map(([, list]) => list);
    return [this.#discovery, ...lists].flatMap(({ entries }) => entries);
  }

  #entriesFor(candidate: Candidate): readonly AccessEntry[] {
    const { targetName } = candidate;
    if (targetName !== undefined) return this.#matching(this.#targets.get(targetName), candidate);
    if (!this.#discovery.isEmpty) return this.#matching(this.#discovery, candidate);
    const listed = [...this.#targets.keys()].some((name) => this.mayUse(candidate, name));
    return listed || isLoopbackAddress(candidate.transport.local.address) ? [EVERYTHING] : [];
  }

  /** Who may use nothing here hears the same of a target that is there and of one that is not. */
  #refusal(candidate: Candidate): LoginError {
    const { targetName } = candidate;
    const known = targetName === undefined || this.#targets.has(targetName);
    const welcome = [...this.#targets.keys()].some((name) => this.mayUse(candidate, name));
    return known || !welcome
      ? new LoginError(LoginStatus.AUTHORIZATION_FAILURE, 'not listed')
      : new LoginError(LoginStatus.NOT_FOUND, `no target ${targetName}`);
  }

  /** Entries of all targets and of discovery by which the initiator can prove who it is. */
  #identitiesOf(candidate: Candidate): readonly AccessEntry[] {
    const lists = [this.#discovery, ...this.#targets.values()];
    return lists.flatMap((list) => this.#matching(list, candidate)).filter(({ chap }) => chap !== undefined);
  }

  /** Without any entry a target is open to its own machine, and to nobody else. */
  #matching(
    list: AccessList | undefined,
    { initiatorName, transport }: Pick<Candidate, 'initiatorName' | 'transport'>,
  ): readonly AccessEntry[] {
    if (list === undefined) return [];
    if (list.isEmpty) return isLoopbackAddress(transport.local.address) ? [EVERYTHING] : [];
    return list.matching(initiatorName, transport.remote.address);
  }

  #chapDemand(
    { initiatorName, transport, nowMs }: Candidate,
    entries: readonly AccessEntry[],
    refusal?: LoginError,
  ): SecurityDemand {
    const { address } = transport.remote;
    const lockOut = this.#lockOut;
    return {
      method: 'CHAP',
      choices: { crypto: this.#options.crypto as ChapCrypto, algorithms: this.#algorithms, entries },
      watch: {
        isLocked: () => lockOut.isLocked(initiatorName, address, nowMs()),
        failed: () => lockOut.failed(initiatorName, address, nowMs()),
        succeeded: () => lockOut.succeeded(initiatorName, address),
      },
      refusal,
    };
  }

  #list(entries: readonly AccessEntry[]): AccessList {
    const list = new AccessList(entries);
    if (list.usesChap && this.#algorithms.length === 0) throw new TargetError({ code: 'CHAP_UNAVAILABLE' });
    return list;
  }
}
