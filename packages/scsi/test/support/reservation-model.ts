/** Additional sense of the ILLEGAL REQUESTs of SPC-4 6.16, as `asc * 256 + ascq`. */
export const REFUSALS = {
  'invalid field in CDB': 0x2400,
  'invalid field in parameter list': 0x2600,
  'invalid release': 0x2604,
  'parameter list length error': 0x1a00,
} as const;

/** How a command ends: GOOD, RESERVATION CONFLICT, or CHECK CONDITION for this reason. */
export type Verdict = 'good' | 'conflict' | keyof typeof REFUSALS;

const TYPES: readonly number[] = [1, 3, 5, 6, 7, 8];

const PREEMPTED = 3;
const RELEASED = 4;
const REGISTRATIONS_PREEMPTED = 5;

/** What REGISTER can say besides the key. */
export interface Registering {
  /** ALL_TG_PT. */
  readonly allPorts?: boolean;
  /** SPEC_I_PT: more initiators. */
  readonly initiators?: readonly number[];
  readonly aptpl?: boolean;
}

/** What REGISTER AND MOVE can say besides the key. */
export interface Moving {
  readonly unregister?: boolean;
  readonly aptpl?: boolean;
  /** Default: that of the node. */
  readonly relativePort?: number;
}

/**
 * What SPC-4 5.13 says, written down once more, over a handful of nodes with small keys; 0 is no key. A node is an
 * initiator port through a target port: `initiator * ports + port`.
 */
export class ReservationModel {
  readonly keys: number[];
  generation = 0;
  aptpl = false;
  /** Whose commands the last PREEMPT has to do with. */
  preempted: readonly number[] = [];
  readonly #ports: number;
  #type = 0;
  /** The node that holds the reservation; -1: all that are registered do. */
  #holder = -1;
  #told: number[][];

  constructor(nodes: number, ports = 1) {
    this.#ports = ports;
    this.keys = new Array<number>(nodes).fill(0);
    this.#told = this.keys.map(() => []);
  }

  /** Type of the reservation; undefined when there is none. */
  get type(): number | undefined {
    return this.#type === 0 ? undefined : this.#type;
  }

  /** What READ RESERVATION shows: the key of the holder, which is 0 when all registrants hold it. */
  get reservation(): { readonly key: number; readonly type: number } | undefined {
    if (this.#type === 0) return undefined;
    return { key: this.#holder < 0 ? 0 : this.keys[this.#holder]!, type: this.#type };
  }

  /** Key of each node, and the type of reservation that it holds. */
  shown(): { key: number; holds: number | undefined }[] {
    return this.keys.map((key, node) => ({ key, holds: this.#holds(node) ? this.#type : undefined }));
  }

  /** The qualifiers of the unit attentions that each node has yet to hear of. */
  takeAttentions(): number[][] {
    const told = this.#told;
    this.#told = this.keys.map(() => []);
    return told;
  }

  access(node: number, writes: boolean): Verdict {
    if (this.#type === 0 || this.#holds(node)) return 'good';
    if (this.keys[node] !== 0 && this.#type >= 5) return 'good';
    const exclusiveAccess = [3, 6, 8].includes(this.#type);
    return writes || exclusiveAccess ? 'conflict' : 'good';
  }

  register(node: number, own: number, key: number, more: Registering = {}): Verdict {
    const through = this.#through(node, more);
    if (!through.every((each) => this.keys[each] === own)) return 'conflict';
    const { initiators } = more;
    if (initiators === undefined) return this.#setKeys(through, key, more);
    if (own !== 0) return 'invalid field in parameter list';
    if (key === 0) return 'good';
    const named = initiators.flatMap((initiator) => {
      return this.#through(initiator * this.#ports + (node % this.#ports), more);
    });
    if (named.some((other) => this.keys[other] !== 0)) return 'invalid field in parameter list';
    return this.#setKeys([...through, ...named], key, more);
  }

  registerIgnoring(node: number, key: number, more: Registering = {}): Verdict {
    return this.#setKeys(this.#through(node, more), key, more);
  }

  reserve(node: number, own: number, type: number, scope = 0): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    if (!isReservation(type, scope)) return 'invalid field in CDB';
    if (this.#type !== 0) return this.#holds(node) && this.#type === type ? 'good' : 'conflict';
    this.#take(node, type);
    return 'good';
  }

  release(node: number, own: number, type: number, scope = 0): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    if (!this.#holds(node)) return 'good';
    if (type !== this.#type || scope !== 0) return 'invalid release';
    this.#type = 0;
    if (type >= 5) this.#tell(RELEASED, (other) => other !== node && this.keys[other] !== 0);
    return 'good';
  }

  clear(node: number, own: number): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    this.generation++;
    this.#tell(PREEMPTED, (other) => other !== node && this.keys[other] !== 0);
    this.keys.fill(0);
    this.#type = 0;
    return 'good';
  }

  preempt(node: number, own: number, key: number, type: number, scope = 0): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    const shared = this.#type >= 7;
    if (key === 0 && !shared) return 'invalid field in parameter list';
    const named = (other: number): boolean =>
      this.keys[other] !== 0 && (key === 0 || this.keys[other] === key);
    if (!this.keys.some((_, other) => named(other))) return 'conflict';
    const takes = this.#type !== 0 && (shared ? key === 0 : this.keys[this.#holder] === key);
    // Who only removes registrations may leave rubbish in SCOPE and TYPE.
    if (takes && !isReservation(type, scope)) return 'invalid field in CDB';
    const gone = this.keys.map((_, other) => named(other) && !(takes && other === node));
    const before = this.#type;
    this.preempted = this.keys.flatMap((_, other) => (gone[other] === true && other !== node ? [other] : []));
    this.generation++;
    this.#tell(REGISTRATIONS_PREEMPTED, (other) => gone[other] === true && other !== node);
    gone.forEach((isGone, other) => {
      if (isGone) this.keys[other] = 0;
    });
    if (takes) this.#take(node, type);
    if (takes && type !== before) this.#tell(RELEASED, (other) => other !== node && this.keys[other] !== 0);
    if (!this.#anyone()) this.#type = 0;
    return 'good';
  }

  /** `to` is a node, `relativePort` the port that is named for it. */
  move(node: number, own: number, key: number, to: number, more: Moving = {}): Verdict {
    const { unregister = false, aptpl = false, relativePort = (to % this.#ports) + 1 } = more;
    if (!this.#knows(node, own)) return 'conflict';
    if (this.#type === 0) return 'invalid field in CDB';
    if (this.#type >= 7 || this.#holder !== node) return 'conflict';
    const same = Math.floor(to / this.#ports) === Math.floor(node / this.#ports);
    if (key === 0 || same || relativePort > this.#ports) return 'invalid field in parameter list';
    this.generation++;
    this.aptpl = aptpl;
    this.keys[to] = key;
    this.#holder = to;
    if (unregister) this.keys[node] = 0;
    return 'good';
  }

  /** The power goes and comes back. */
  losePower(): void {
    this.generation = 0;
    this.#told = this.keys.map(() => []);
    if (this.aptpl) return;
    this.keys.fill(0);
    this.#type = 0;
  }

  #through(node: number, { allPorts = false }: Registering): number[] {
    const first = node - (node % this.#ports);
    return allPorts ? Array.from({ length: this.#ports }, (_, port) => first + port) : [node];
  }

  #setKeys(nodes: readonly number[], key: number, { aptpl = false }: Registering): Verdict {
    if (key === 0 && nodes.every((node) => this.keys[node] === 0)) return 'good';
    this.generation++;
    this.aptpl = aptpl;
    const released = key === 0 && this.#type !== 0 && this.#endsWith(nodes);
    for (const node of nodes) this.keys[node] = key;
    if (!released) return 'good';
    if (this.#type >= 5) this.#tell(RELEASED, (other) => this.keys[other] !== 0);
    this.#type = 0;
    return 'good';
  }

  /** True when nobody holds the reservation any more once these nodes are not registered. */
  #endsWith(nodes: readonly number[]): boolean {
    if (this.#type < 7) return nodes.includes(this.#holder);
    return this.keys.every((key, node) => key === 0 || nodes.includes(node));
  }

  #knows(node: number, own: number): boolean {
    return this.keys[node] !== 0 && this.keys[node] === own;
  }

  #holds(node: number): boolean {
    return this.#type !== 0 && this.keys[node] !== 0 && (this.#type >= 7 || this.#holder === node);
  }

  #take(node: number, type: number): void {
    this.#type = type;
    this.#holder = type >= 7 ? -1 : node;
  }

  #anyone(): boolean {
    return this.keys.some((key) => key !== 0);
  }

  #tell(qualifier: number, whom: (node: number) => boolean): void {
    this.#told.forEach((list, node) => {
      if (whom(node)) list.push(qualifier);
    });
  }
}

/** True when there is such a type, and the scope is the one that there is. */
function isReservation(type: number, scope: number): boolean {
  return TYPES.includes(type) && scope === 0;
}
