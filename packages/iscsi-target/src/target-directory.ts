import { isLoopbackAddress } from './auth/ip-address.ts';
import { TargetError } from './errors.ts';
import { checkTarget, targetPort, type TargetOptions } from './target.ts';
import type { Endpoint, Portal } from './transport.ts';

/** The targets that there are, and the portals, by each of which every target is reached. */
export class TargetDirectory {
  readonly #targets = new Map<string, TargetOptions>();
  readonly #portals: Portal[] = [];

  /** @throws TargetError `TARGET_NAME_INVALID` or `TARGET_NAME_DUPLICATE`. */
  constructor(targets: readonly TargetOptions[]) {
    for (const options of targets) this.add(this.check(options));
  }

  /** All targets, with their names normalised. */
  get targets(): readonly TargetOptions[] {
    return [...this.#targets.values()];
  }

  /** The names of all targets. */
  get names(): readonly string[] {
    return [...this.#targets.keys()];
  }

  /** The target of this name. */
  find(name: string): TargetOptions | undefined {
    return this.#targets.get(name);
  }

  /**
   * A target that could come, with its name normalised.
   *
   * @throws TargetError `TARGET_NAME_INVALID` or `TARGET_NAME_DUPLICATE`.
   */
  check(options: TargetOptions): TargetOptions {
    const target = checkTarget(options);
    const { name } = target;
    if (this.#targets.has(name)) throw new TargetError({ code: 'TARGET_NAME_DUPLICATE', name });
    return target;
  }

  /** Another target has come; it has been checked. */
  add(target: TargetOptions): void {
    const { name, scsi } = target;
    for (const tag of new Set(this.#portals.map((portal) => portal.tag))) scsi.addPort(targetPort(name, tag));
    this.#targets.set(name, target);
  }

  /** A target has gone. */
  remove(name: string): void {
    this.#targets.delete(name);
  }

  /** Initiators may come by another portal: each portal group is a port of every target (RFC 7143 §4.4.1). */
  addPortal(portal: Portal): void {
    this.#portals.push(portal);
    for (const [name, { scsi }] of this.#targets) scsi.addPort(targetPort(name, portal.tag));
  }

  /** What an initiator that came by one portal is told of: that one, and those that are worth naming. */
  portalsBeside(own: Portal): Portal[] {
    return [own, ...this.#portals.filter((portal) => alsoReachable(portal, own))];
  }
}

/** Another portal is worth naming when it has an address of its own and is no more private than the one in use. */
function alsoReachable(portal: Endpoint, local: Endpoint): boolean {
  const wildcard = portal.address === '0.0.0.0' || portal.address === '::';
  const same = portal.address === local.address && portal.port === local.port;
  return !wildcard && !same && isLoopbackAddress(portal.address) === isLoopbackAddress(local.address);
}
