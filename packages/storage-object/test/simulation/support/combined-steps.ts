import { randomBelow, type Disk, type Random } from '@lunbox/block';
import type { NewLayout } from '../../../src/index.ts';
import { concat, file, mirror } from '../../support/combined.ts';
import { MoodyDisk } from '../../support/moody-disk.ts';

/** Capacities of combined disks are multiples of this: whatever they are made of, it comes out even. */
export const COMBINED_UNIT = 16_384;
const STRIPE_BYTES = 4096;

const stripe = (...parts: NewLayout[]): NewLayout => ({ kind: 'stripe', stripeBytes: STRIPE_BYTES, parts });

/** Makers of layouts, given the path of each part. */
const LAYOUTS: readonly ((at: (part: string) => NewLayout) => NewLayout)[] = [
  (at) => stripe(at('a'), at('b')),
  (at) => mirror(at('a'), at('b')),
  (at) => concat(file(pathOf(at('a')), STRIPE_BYTES), at('b')),
  (at) => stripe(mirror(at('a'), at('b')), mirror(at('c'), at('d'))),
  (at) => mirror(stripe(at('a'), at('c')), stripe(at('b'), at('d'))),
  (at) => concat(file(pathOf(at('c')), 8192), mirror(at('a'), at('b'))),
];

const NAMES = [
  'a stripe',
  'a mirror',
  'a concatenation',
  'RAID 10',
  'RAID 01',
  'a concatenation with a mirror',
];

/** In each of the layouts that have mirrors, these are legs on the same side. */
const LEGS: readonly (readonly string[])[] = [[], ['a'], [], ['a', 'c'], ['a', 'c'], ['a']];

function pathOf(layout: NewLayout): string {
  if (layout.kind !== 'file') throw new Error('only files have a path');
  return layout.path;
}

/** What histories of disks of several parts have besides: layouts, and legs that fail and come back. */
export class CombinedSteps {
  readonly disk: MoodyDisk;
  readonly #random: Random;
  readonly #see: (what: string) => void;
  /** Legs of mirrors that may fail all at once without a loss, by the path of their object. */
  readonly #legs = new Map<string, readonly string[]>();
  #legsFailed = false;

  constructor(disk: Disk, world: { readonly random: Random; see(what: string): void }) {
    this.disk = new MoodyDisk(disk);
    this.#random = world.random;
    this.#see = (what) => world.see(what);
  }

  /** Whether legs have failed in this round. */
  get legsFailed(): boolean {
    return this.#legsFailed;
  }

  /** Picks a layout for an object. */
  choose(path: string): readonly [name: string, special: { layout: NewLayout }] {
    const chosen = randomBelow(this.#random, LAYOUTS.length);
    const partPath = (part: string): string => path.replace(/\.lun$/, `-${part}.img`);
    this.#legs.set(path, LEGS[chosen]!.map(partPath));
    const layout = LAYOUTS[chosen]!((part) => file(partPath(part).slice(1)));
    return [NAMES[chosen]!, { layout }];
  }

  /** Legs that worked fail, or those that failed work again. */
  async moodSwing(path: string): Promise<void> {
    const { failing } = this.disk;
    if (failing.size > 0) {
      failing.clear();
      this.#see('legs came back');
    } else {
      for (const leg of this.#legs.get(path) ?? []) if (randomBelow(this.#random, 2) === 0) failing.add(leg);
      if (failing.size > 0) this.#see('legs failed');
      this.#legsFailed ||= failing.size > 0;
    }
    // What goes on in the background comes some way, or to its end.
    for (let turn = randomBelow(this.#random, 30); turn > 0; turn--)
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** All work again. */
  recover(): void {
    this.disk.failing.clear();
  }

  endRound(): void {
    this.recover();
    this.#legsFailed = false;
  }
}
