import type { FileStatus } from '@lunbox/block';
import type { ContainerErrorCode, ContainerHolder } from '../container-error.ts';
import type { Draft } from '../check/drafts.ts';
import { finding, type Finding } from '../check/finding.ts';
import type { Continuity } from '../file-stamp.ts';
import type { LayoutStatus } from '../layout/layout-status.ts';

/** One object of a catalog, as its file describes it. */
export interface CatalogObject {
  readonly path: string;
  /** Name of the container file within its directory. */
  readonly name: string;
  /** In UUID form. A copy still has that of its original here, until it is opened. */
  readonly identity: string;
  readonly capacityBytes: number;
  readonly blockSize: number;
  /** Space that the whole file takes, and the parts that it is made of. */
  readonly usedBytes: number;
  /** The parts that it is made of, and what is wrong with them; undefined when it is in its file. */
  readonly layout: LayoutStatus | undefined;
  /** LUN that its attributes ask for. */
  readonly lun: number | undefined;
  /** The name for people among its attributes. */
  readonly title: string | undefined;
  /** Identity of its set of snapshots, in UUID form; absent when it says of itself that it has none. */
  readonly snapshotSet?: string;
  /** How it comes back; of one that is {@link CatalogObject.open}, how it came back when it was opened. */
  readonly continuity: Continuity;
  /** This process has it open: what is told of it comes from there, not from its file. */
  readonly open?: true;
  /** The process that has it open, when a lock file names one. */
  readonly holder: ContainerHolder | undefined;
  /** Number of the file and of its file system: two names with the same ones are one file. */
  readonly file: string;
  /** What somebody should know of it. */
  readonly findings: readonly Finding[];
}

/** What {@link CatalogObject.file} is of a file. */
export function fileOf({ deviceId, inode }: FileStatus): string {
  return `${deviceId}/${inode}`;
}

/** A file that has the name of a container and cannot be used as one. */
export interface UnusableFile {
  readonly path: string;
  readonly code: ContainerErrorCode;
  readonly message: string;
}

/** A file that has the name of a container and is a part of a disk, not one itself. */
export interface PartFile {
  readonly path: string;
  /** Identity that the disk was born with, in UUID form. */
  readonly partOf: string;
}

/** What a {@link Catalog} is made of. */
export interface CatalogContent<T extends CatalogObject = CatalogObject> {
  readonly objects: readonly T[];
  readonly unusable: readonly UnusableFile[];
  readonly parts: readonly PartFile[];
  /** Paths that a former scan has found and this one has not. */
  readonly gone: readonly string[];
  /** What is to become a disk or an image, or was to. */
  readonly drafts: readonly Draft[];
}

type Index<K, T> = ReadonlyMap<K, readonly T[]>;

/**
 * The objects of some directories at one moment. Every file describes itself, so there is nothing that could disagree
 * with the files.
 */
export class Catalog<T extends CatalogObject = CatalogObject> implements CatalogContent<T> {
  /** Sorted by path. */
  readonly objects: readonly T[];
  readonly unusable: readonly UnusableFile[];
  readonly parts: readonly PartFile[];
  readonly gone: readonly string[];
  readonly drafts: readonly Draft[];
  readonly #names: Index<string, T>;
  readonly #identities: Index<string, T>;
  readonly #luns: Index<number | undefined, T>;

  /** Looks for objects that get in each other's way, and says so of each of them. */
  constructor(content: CatalogContent<T>) {
    const { objects } = content;
    this.unusable = content.unusable;
    this.parts = content.parts;
    this.gone = content.gone;
    this.drafts = content.drafts;
    const files = group(objects, ({ file }) => file);
    // A copy gets an identity of its own when it is served, and a second name is no second object.
    const originals = objects.filter((object) => !isCopy(object) && files.get(object.file)?.[0] === object);
    const identities = group(originals, ({ identity }) => identity);
    const luns = group(originals, ({ lun }) => lun);
    const complain = (object: T): T => {
      const findings = [
        ...object.findings,
        ...rivals('SAME_FILE', 'it is the same file as', files.get(object.file), object),
        ...rivals('IDENTITY_SHARED', 'it has the same identity as', identities.get(object.identity), object),
        ...(object.lun === undefined
          ? []
          : rivals('LUN_SHARED', `LUN ${object.lun} is that of`, luns.get(object.lun), object)),
      ];
      return { ...object, findings };
    };
    this.objects = objects.map(complain);
    const judged = new Map(this.objects.map((object) => [object.path, object]));
    const own = originals.map(({ path }) => judged.get(path) as T);
    this.#names = group(this.objects, ({ name }) => name);
    this.#identities = group(own, ({ identity }) => identity);
    this.#luns = group(own, ({ lun }) => lun);
  }

  /** The objects whose files have this name: one, unless several directories were scanned. */
  byName(name: string): readonly T[] {
    return this.#names.get(name) ?? [];
  }

  /** The objects of this identity, copies left out: more than one must not be served together. */
  byIdentity(identity: string): readonly T[] {
    return this.#identities.get(identity) ?? [];
  }

  /** The objects that ask for this LUN, copies left out. */
  byLun(lun: number): readonly T[] {
    return this.#luns.get(lun) ?? [];
  }
}

/** Open, it has an identity of its own, or whoever opened it wanted it to have that of the original. */
const isCopy = ({ continuity, open }: CatalogObject): boolean => continuity === 'foreign' && open !== true;

function group<K, T extends CatalogObject>(objects: readonly T[], key: (object: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const object of objects) {
    const others = groups.get(key(object));
    if (others) others.push(object);
    else groups.set(key(object), [object]);
  }
  return groups;
}

/** More names than this are told by their number. */
const NAMES_LIMIT = 8;

function rivals(
  code: Finding['code'],
  what: string,
  group: readonly CatalogObject[] | undefined,
  object: CatalogObject,
): Finding[] {
  if (group === undefined || group.length < 2 || !group.includes(object)) return [];
  const others = group.slice(0, NAMES_LIMIT + 1).filter((other) => other !== object);
  const named = others.slice(0, NAMES_LIMIT).map(({ path }) => path);
  const more = group.length - 1 - named.length;
  return [finding(code, `${what} ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`)];
}
