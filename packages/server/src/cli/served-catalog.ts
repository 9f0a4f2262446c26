import {
  Catalog,
  ContainerError,
  withOpenObjects,
  CatalogScanner,
  type CatalogContent,
  type Finding,
} from '@lunbox/storage-object';
import { dirname, resolve } from 'node:path';
import type { LunboxServer } from '../server.ts';
import type { ServedObject } from '../status.ts';

/** More files that went than this are not remembered. */
const GONE_LIMIT = 1000;

const NOTHING: CatalogContent = { objects: [], unusable: [], parts: [], gone: [], drafts: [] };

/** What the catalog of a running server is at one moment. */
export interface CatalogNow {
  /** By file name, identity and LUN. */
  readonly catalog: Catalog<ServedObject>;
  readonly directories: readonly string[];
  /** When the directories were last scanned, milliseconds since 1970. Objects that are served are as they are now. */
  readonly scannedAtMs: number;
  /** Why the last scan did not come to its end: what is told of files is older then. */
  readonly fault: string | undefined;
}

/**
 * The catalog that a running server keeps in memory: the objects in the directories of what it serves, as the last scan
 * has found them, and those that it serves, as they are. It remembers for as long as the server runs which files had
 * other names, and which went.
 */
export class ServedCatalog {
  readonly #server: LunboxServer;
  readonly #scanner: CatalogScanner;
  readonly #directories = new Set<string>();
  #content: CatalogContent;
  /** By the number of the file. */
  #renamed = new Map<string, Finding>();
  readonly #gone = new Set<string>();
  #scannedAtMs = Date.now();
  #fault: string | undefined;
  /** The end of the scans so far: they follow one another. */
  #scans: Promise<unknown> = Promise.resolve();

  private constructor(server: LunboxServer, scanner: CatalogScanner) {
    this.#server = server;
    this.#scanner = scanner;
    this.#content = scanner.latest ?? NOTHING;
    this.#remember();
  }

  /** Makes the catalog of a server that runs. What the scanner has found before is remembered. */
  static async open(
    server: LunboxServer,
    scanner: CatalogScanner = new CatalogScanner(),
  ): Promise<ServedCatalog> {
    const catalog = new ServedCatalog(server, scanner);
    await catalog.rescan();
    return catalog;
  }

  /** Scans the directories of everything that is, or has been, served. A directory that fails is told of. */
  async rescan(): Promise<void> {
    const scan = this.#scans.then(() => this.#scan());
    this.#scans = scan.catch(() => undefined);
    await scan;
  }

  /** The catalog as it is at the moment. */
  async now(): Promise<CatalogNow> {
    const open = await this.#server.catalogEntries();
    const told = this.#content.objects.map((object) => {
      const former = this.#renamed.get(object.file);
      const isTold = former === undefined || object.findings.some(({ code }) => code === 'RENAMED');
      return isTold ? object : { ...object, findings: [...object.findings, former] };
    });
    const content = withOpenObjects({ ...this.#content, objects: told, gone: [...this.#gone] }, open);
    return {
      catalog: new Catalog<ServedObject>(content),
      directories: [...this.#directories],
      scannedAtMs: this.#scannedAtMs,
      fault: this.#fault,
    };
  }

  async #scan(): Promise<void> {
    const open = await this.#server.catalogEntries();
    for (const { path } of open) this.#directories.add(dirname(resolve(path)));
    try {
      this.#content = await this.#scanner.scan([...this.#directories], { withoutCache: true });
      this.#fault = undefined;
    } catch (error) {
      if (!(error instanceof ContainerError)) throw error;
      this.#fault = error.message;
      return;
    }
    this.#scannedAtMs = Date.now();
    this.#remember();
  }

  #remember(): void {
    const { objects, gone } = this.#content;
    const renamed = new Map(
      objects.flatMap(({ file, findings }) => {
        const found = findings.find(({ code }) => code === 'RENAMED') ?? this.#renamed.get(file);
        return found === undefined ? [] : [[file, found] as const];
      }),
    );
    this.#renamed = renamed;
    for (const path of gone) if (this.#gone.size < GONE_LIMIT) this.#gone.add(resolve(path));
    for (const { path } of [...objects, ...this.#content.unusable]) this.#gone.delete(resolve(path));
  }
}
