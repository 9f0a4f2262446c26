import { PATH_RESTRICTIONS, type AccessState, type PathRestriction } from './access-state.ts';

/** What names a target port. */
export interface TargetPortAddress {
  /** Relative target port identifier, 1–65535: another one for each target port of a unit. */
  readonly relativePort: number;
  /** iSCSI name of the target. */
  readonly targetName: string;
  /** Target portal group tag, 1–65535. It is the identifier of the port's target port group, too. */
  readonly portalGroupTag: number;
}

/** A target port group as a unit sees it (SPC-4 5.15.2). */
export interface PortGroupStatus {
  /** TARGET PORT GROUP: the target portal group tag of its ports. */
  readonly group: number;
  readonly state: AccessState;
  /** PREF: initiators should use its ports where there is a choice. */
  readonly preferred: boolean;
  /** What changed the state last; `none`: nothing since the unit was made. */
  readonly changedBy: PortGroupChanger;
  /** Relative target port identifiers, ascending. */
  readonly ports: readonly number[];
}

/** STATUS CODE (SPC-4 table 287): SET TARGET PORT GROUPS, or whoever runs the target. */
export type PortGroupChanger = 'none' | 'initiator' | 'target';

/** What is to become of a target port group; what is left out stays as it is. */
export interface PortGroupChange {
  readonly state?: AccessState;
  readonly preferred?: boolean;
}

/** VPD page 88h has 16 bits for its length, and a port takes up to 256 bytes of it. */
export const MAX_TARGET_PORTS = 128;

/** A target port group of one unit. */
export class PortGroup implements PortGroupStatus {
  readonly group: number;
  readonly ports: number[] = [];
  preferred = false;
  changedBy: PortGroupChanger = 'none';
  #state: AccessState = 'active/optimized';
  #restriction: PathRestriction | undefined = undefined;

  constructor(group: number) {
    this.group = group;
  }

  get state(): AccessState {
    return this.#state;
  }

  /** What commands are kept from now; undefined in the active states. */
  get restriction(): PathRestriction | undefined {
    return this.#restriction;
  }

  /** Gives the group what `change` says. Returns true when that was not so before. */
  change(
    { state = this.#state, preferred = this.preferred }: PortGroupChange,
    by: PortGroupChanger,
  ): boolean {
    if (state === this.#state && preferred === this.preferred) return false;
    this.#state = state;
    this.#restriction = PATH_RESTRICTIONS[state];
    this.preferred = preferred;
    this.changedBy = by;
    return true;
  }
}

/** The target ports through which a unit can be reached, also those that nobody uses, and their groups. */
export class TargetPorts {
  readonly #ports = new Map<number, TargetPortAddress>();
  readonly #groups = new Map<number, PortGroup>();

  /** The ports by ascending relative target port identifier. */
  get ports(): TargetPortAddress[] {
    return [...this.#ports.values()].sort((a, b) => a.relativePort - b.relativePort);
  }

  /** The groups by ascending identifier. */
  get groups(): PortGroup[] {
    return [...this.#groups.values()].sort((a, b) => a.group - b.group);
  }

  /** The groups as they are now. */
  get status(): PortGroupStatus[] {
    return this.groups.map(({ group, state, preferred, changedBy, ports }) => {
      return { group, state, preferred, changedBy, ports: [...ports] };
    });
  }

  /** The group with an identifier. */
  group(group: number): PortGroup | undefined {
    return this.#groups.get(group);
  }

  /** The relative target port identifiers. */
  get relativePorts(): ReadonlySet<number> {
    return new Set(this.#ports.keys());
  }

  /**
   * Adds a port, in the group of its tag. Returns false when it was there. Throws a RangeError for a number out of
   * range, for one port more than {@link MAX_TARGET_PORTS}, and when another port has the relative identifier.
   */
  add({ relativePort, targetName, portalGroupTag }: TargetPortAddress): boolean {
    const known = this.#ports.get(relativePort);
    if (known !== undefined) {
      if (known.targetName === targetName && known.portalGroupTag === portalGroupTag) return false;
      throw new RangeError(`target port ${relativePort} is ${known.targetName},${known.portalGroupTag}`);
    }
    for (const number of [relativePort, portalGroupTag]) {
      if (!Number.isInteger(number) || number < 1 || number > 0xffff) {
        throw new RangeError(`target port or portal group ${number} is not 1 to 65535`);
      }
    }
    if (this.#ports.size >= MAX_TARGET_PORTS)
      throw new RangeError(`more than ${MAX_TARGET_PORTS} target ports`);
    this.#ports.set(relativePort, { relativePort, targetName, portalGroupTag });
    const group = this.#groups.get(portalGroupTag) ?? new PortGroup(portalGroupTag);
    this.#groups.set(portalGroupTag, group);
    group.ports.push(relativePort);
    group.ports.sort((a, b) => a - b);
    return true;
  }
}
