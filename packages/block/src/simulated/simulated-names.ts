import { dirname } from 'node:path/posix';
import { randomBelow, type Random } from '../random.ts';
import type { SimulatedInode } from './simulated-inode.ts';

/** What a name stands for. */
export type Entry = SimulatedInode | 'directory';

/** One atomic change of names: what each of them stands for afterwards, undefined for nothing. */
type NameChange = ReadonlyMap<string, Entry | undefined>;

/** The names of a disk twice: as programs see them, and as the medium has them. */
export class SimulatedNames {
  #live = new Map<string, Entry>([['/', 'directory']]);
  readonly #medium = new Map<string, Entry>([['/', 'directory']]);
  #unsynced: NameChange[] = [];

  get(path: string): Entry | undefined {
    return this.#live.get(path);
  }

  /** Names that programs see a file under. */
  countOf(entry: Entry): number {
    let count = 0;
    for (const each of this.#live.values()) if (each === entry) count++;
    return count;
  }

  /** Every file that has a name or will have one after some crash. */
  files(): Set<SimulatedInode> {
    const files = new Set<SimulatedInode>();
    const changed = this.#unsynced.flatMap((change) => [...change.values()]);
    for (const entry of [...this.#live.values(), ...this.#medium.values(), ...changed]) {
      if (entry !== undefined && entry !== 'directory') files.add(entry);
    }
    return files;
  }

  /** Names within a directory, sorted. */
  list(directory: string): string[] {
    const inside = [...this.#live.keys()].filter((path) => path !== '/' && dirname(path) === directory);
    return inside.map((path) => path.slice(directory === '/' ? 1 : directory.length + 1)).sort();
  }

  /** Changes one or several names at once. */
  change(...entries: readonly (readonly [string, Entry | undefined])[]): void {
    const change = new Map(entries);
    apply(this.#live, change);
    this.#unsynced.push(change);
  }

  /** Gives a directory another name, and everything in it goes along, at once. */
  moveDirectory(from: string, to: string): void {
    const inside = [...this.#live].filter(([path]) => path === from || path.startsWith(`${from}/`));
    const gone = inside.map(([path]) => [path, undefined] as const);
    this.change(...gone, ...inside.map(([path, entry]) => [to + path.slice(from.length), entry] as const));
  }

  /** Changes that touch a name in this directory, and those before them on the same names, become durable. */
  sync(directory: string): void {
    const inside = (change: NameChange): boolean =>
      [...change.keys()].some((path) => dirname(path) === directory);
    for (const change of this.#unsynced) if (inside(change)) apply(this.#medium, change);
    this.#unsynced = this.#unsynced.filter((change) => !inside(change));
  }

  /** The power goes: each unsynced change is kept or lost, whole. A directory that is lost takes its names along. */
  crash(random: Random): void {
    for (const change of this.#unsynced) if (randomBelow(random, 2) === 0) apply(this.#medium, change);
    this.#unsynced = [];
    for (const path of this.#medium.keys()) if (!this.#isReachable(path)) this.#medium.delete(path);
    this.#live = new Map(this.#medium);
  }

  #isReachable(path: string): boolean {
    if (path === '/') return true;
    const parent = dirname(path);
    return this.#medium.get(parent) === 'directory' && this.#isReachable(parent);
  }
}

function apply(names: Map<string, Entry>, change: NameChange): void {
  for (const [path, entry] of change) {
    if (entry === undefined) names.delete(path);
    else names.set(path, entry);
  }
}
