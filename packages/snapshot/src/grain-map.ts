/** Where the content of a grain lies; the meaning is its owner's. From 0 to 2³²−2. */
export type Slot = number;

/** Grains whose entries stand together. */
const PAGE_GRAINS = 4096;
/** Pages that are passed over at once where none of them is there. */
const CHAPTER_PAGES = 4096;
/** A page with this many entries has a place for every grain; before that it is a sorted list. */
const DENSE_FROM = PAGE_GRAINS / 2;
const NOTHING = 0xffff_ffff;
const FIRST_ENTRIES = 8;

/**
 * A slot for each grain that has one: 4 bytes for a grain where most of a region have one, 6 to 9 where few have,
 * and about 400 for a region of 4096 grains. Ordered by grain.
 */
export class GrainMap {
  readonly #pages = new Map<number, Page>();
  /** Those that have a page. */
  readonly #chapters = new Set<number>();
  #size = 0;
  #highestPage = -1;

  /** Grains that have a slot. */
  get size(): number {
    return this.#size;
  }

  /** The slot of a grain; undefined when it has none. */
  get(grain: number): Slot | undefined {
    return this.#pages.get(Math.floor(grain / PAGE_GRAINS))?.get(grain % PAGE_GRAINS);
  }

  /** Sets the slot of a grain that has none; answers false, and changes nothing, when it has one. */
  add(grain: number, slot: Slot): boolean {
    const number = Math.floor(grain / PAGE_GRAINS);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new Page();
      this.#pages.set(number, page);
      this.#chapters.add(Math.floor(number / CHAPTER_PAGES));
      this.#highestPage = Math.max(this.#highestPage, number);
    }
    if (!page.add(grain % PAGE_GRAINS, slot)) return false;
    this.#size++;
    return true;
  }

  /** The first grain from `grain` up to, not including, `endGrain` that has a slot; undefined when none has. */
  next(grain: number, endGrain: number): number | undefined {
    let within = grain % PAGE_GRAINS;
    for (let number = Math.floor(grain / PAGE_GRAINS); number <= this.#highestPage; number++) {
      const first = number * PAGE_GRAINS;
      if (first >= endGrain) return undefined;
      const found = this.#pages.get(number)?.next(within);
      if (found !== undefined) return first + found < endGrain ? first + found : undefined;
      within = 0;
      const chapter = Math.floor(number / CHAPTER_PAGES);
      if (!this.#chapters.has(chapter)) number = (chapter + 1) * CHAPTER_PAGES - 1;
    }
    return undefined;
  }
}

/** The entries of {@link PAGE_GRAINS} grains. */
class Page {
  /** Grains within the page, ascending; undefined once there is a place for every grain. */
  #keys: Uint16Array | undefined = new Uint16Array(FIRST_ENTRIES);
  #slots = new Uint32Array(FIRST_ENTRIES);
  #count = 0;

  get(key: number): Slot | undefined {
    const at = this.#keys === undefined ? key : this.#find(this.#keys, key);
    if (this.#keys !== undefined && (at === this.#count || this.#keys[at] !== key)) return undefined;
    const slot = this.#slots[at] as Slot;
    return slot === NOTHING ? undefined : slot;
  }

  add(key: number, slot: Slot): boolean {
    if (this.get(key) !== undefined) return false;
    if (this.#keys === undefined) this.#slots[key] = slot;
    else this.#insert(this.#keys, key, slot);
    this.#count++;
    if (this.#keys !== undefined && this.#count === DENSE_FROM) this.#spread(this.#keys);
    return true;
  }

  next(from: number): number | undefined {
    if (this.#keys !== undefined) {
      const at = this.#find(this.#keys, from);
      return at < this.#count ? this.#keys[at] : undefined;
    }
    for (let key = from; key < PAGE_GRAINS; key++) if (this.#slots[key] !== NOTHING) return key;
    return undefined;
  }

  /** Place of the first entry at or after `key`. */
  #find(keys: Uint16Array, key: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keys[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(keys: Uint16Array, key: number, slot: Slot): void {
    const at = this.#find(keys, key);
    let grown = keys;
    if (this.#count === keys.length) {
      grown = new Uint16Array(Math.ceil(keys.length * 1.5));
      grown.set(keys);
      const slots = new Uint32Array(grown.length);
      slots.set(this.#slots);
      this.#slots = slots;
      this.#keys = grown;
    }
    grown.copyWithin(at + 1, at, this.#count);
    this.#slots.copyWithin(at + 1, at, this.#count);
    grown[at] = key;
    this.#slots[at] = slot;
  }

  #spread(keys: Uint16Array): void {
    const slots = new Uint32Array(PAGE_GRAINS).fill(NOTHING);
    for (let at = 0; at < this.#count; at++) slots[keys[at] as number] = this.#slots[at] as Slot;
    this.#slots = slots;
    this.#keys = undefined;
  }
}
