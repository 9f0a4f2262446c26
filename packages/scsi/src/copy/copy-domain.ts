import { systemClock, systemRandom, type Clock, type Random } from '@lunbox/block';
import { unitDesignators } from '../inquiry/device-identification.ts';
import type { ItlHost, ItlNexus } from '../unit/itl-nexus.ts';
import { MAX_CONCURRENT_COPIES } from './copy-limits.ts';
import type { CscdDescriptor } from './cscd-descriptor.ts';
import { RodTokens } from './rod-tokens.ts';

/** Options of {@link CopyDomain}. */
export interface CopyDomainOptions {
  /** What ROD tokens run out by. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Where the secret part of ROD tokens comes from; nobody may be able to guess it. Default: the operating system. */
  readonly random?: Random;
}

/**
 * The targets whose units third-party copies find: give one to several `ScsiTarget`s, and initiators can copy between
 * their units. A target without one is a domain of its own.
 *
 * A copy reaches the units that its own nexus shows. It reaches a unit of another target when the same initiator port
 * has a nexus there that shows it, and has proven there to be the same initiator (`principal` of the nexus): an iSCSI
 * name alone is only a claim. What it may do there is what that nexus may do. ROD tokens are good in the whole domain,
 * for whoever has one.
 */
export class CopyDomain {
  /** @internal */
  readonly tokens: RodTokens;
  readonly #hosts = new Set<ItlHost>();
  #copies = 0;

  constructor(options: CopyDomainOptions = {}) {
    this.tokens = new RodTokens(options.clock ?? systemClock, options.random ?? systemRandom);
  }

  /** A nexus is there. @internal */
  enter(host: ItlHost): void {
    this.#hosts.add(host);
  }

  /** The nexus is gone. @internal */
  leave(host: ItlHost): void {
    this.#hosts.delete(host);
  }

  /**
   * The unit that a CSCD descriptor names, as the initiator of `itl` may see it; undefined when there is none.
   *
   * @internal
   */
  find(itl: ItlNexus, descriptor: CscdDescriptor): ItlNexus | undefined {
    for (const host of [itl.host, ...this.#hosts]) {
      if (host !== itl.host && !isSameInitiator(host, itl.host)) continue;
      for (const candidate of host.itls) if (isNamedBy(candidate, descriptor)) return candidate;
    }
    return undefined;
  }

  /** A copy begins; false when there are as many as there may be. @internal */
  beginCopy(): boolean {
    if (this.#copies >= MAX_CONCURRENT_COPIES) return false;
    this.#copies++;
    return true;
  }

  /** A copy has ended. @internal */
  endCopy(): void {
    this.#copies--;
  }
}

/** The names of ports are claims; what was proven makes them worth something. */
function isSameInitiator(a: ItlHost, b: ItlHost): boolean {
  const { initiatorPort, principal } = a.options;
  if (principal === undefined || principal !== b.options.principal) return false;
  return initiatorPort.toLowerCase() === b.options.initiatorPort.toLowerCase();
}

function isNamedBy({ unit }: ItlNexus, descriptor: CscdDescriptor): boolean {
  return unitDesignators(unit).some(
    ({ type, association, codeSet, value }) =>
      type === descriptor.designatorType &&
      association === descriptor.association &&
      codeSet === descriptor.codeSet &&
      value.length === descriptor.designatorLengthBytes &&
      Buffer.compare(value, descriptor.designator) === 0,
  );
}
