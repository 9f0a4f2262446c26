/** How a command ends: GOOD, RESERVATION CONFLICT or CHECK CONDITION. */
export type Verdict = 'good' | 'conflict' | 'refused';

const PREEMPTED = 3;
const RELEASED = 4;
const REGISTRATIONS_PREEMPTED = 5;

/** What SPC-4 5.13 says, written down once more, over a handful of nodes with small keys; 0 is no key. */
export class ReservationModel {
  readonly keys: number[];
  generation = 0;
  #type = 0;
  /** The node that holds the reservation; -1: all that are registered do. */
  #holder = -1;
  #told: number[][];

  constructor(nodes: number) {
    this.keys = new Array<number>(nodes).fill(0);
    this.#told = this.keys.map(() => []);
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

  register(node: number, own: number, key: number): Verdict {
    if (own !== this.keys[node]) return 'conflict';
    if (own === 0 && key === 0) return 'good';
    this.generation++;
    const held = this.#holds(node);
    const type = this.#type;
    this.keys[node] = key;
    if (key !== 0 || !held || (type >= 7 && this.#anyone())) return 'good';
    this.#type = 0;
    if (type >= 5) this.#tell(RELEASED, (other) => other !== node && this.keys[other] !== 0);
    return 'good';
  }

  reserve(node: number, own: number, type: number): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    if (this.#type !== 0) return this.#holds(node) && this.#type === type ? 'good' : 'conflict';
    this.#take(node, type);
    return 'good';
  }

  release(node: number, own: number, type: number): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    if (!this.#holds(node)) return 'good';
    if (type !== this.#type) return 'refused';
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

  preempt(node: number, own: number, key: number, type: number): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    const shared = this.#type >= 7;
    if (key === 0 && !shared) return 'refused';
    const named = (other: number): boolean =>
      this.keys[other] !== 0 && (key === 0 || this.keys[other] === key);
    if (!this.keys.some((_, other) => named(other))) return 'conflict';
    const takes = this.#type !== 0 && (shared ? key === 0 : this.keys[this.#holder] === key);
    const gone = this.keys.map((_, other) => named(other) && !(takes && other === node));
    const before = this.#type;
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

  move(node: number, own: number, key: number, to: number): Verdict {
    if (!this.#knows(node, own)) return 'conflict';
    if (this.#type === 0) return 'refused';
    if (this.#type >= 7 || this.#holder !== node) return 'conflict';
    if (key === 0 || to === node) return 'refused';
    this.generation++;
    this.keys[to] = key;
    this.#holder = to;
    return 'good';
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
