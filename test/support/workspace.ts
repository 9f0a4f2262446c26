import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository's root, with a trailing slash. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A text file of the repository; `path` counts from its root, with forward slashes. */
export interface TextFile {
  path: string;
  text: string;
}

/** What a package's `package.json` says of its surroundings. */
export interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  exports: Record<string, unknown>;
}

/** Made by programs, or not ours: never judged. */
const skippedFolders = new Set(['node_modules', 'dist', 'out', 'data', 'coverage', '.git', '.nx', 'api']);

/** All files under a folder whose path passes, in the order of their paths. */
export function filesUnder(folder: string, passes: (path: string) => boolean): TextFile[] {
  const found: TextFile[] = [];
  const visit = (path: string): void => {
    for (const entry of readdirSync(root + path, { withFileTypes: true })) {
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skippedFolders.has(entry.name)) visit(child);
      } else if (entry.isFile() && passes(child)) {
        found.push({ path: child, text: readFileSync(root + child, 'utf8') });
      }
    }
  };
  visit(folder);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Folders under `packages/`. */
export function packageFolders(): string[] {
  return readdirSync(`${root}packages`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Reads a JSON file of the repository. The caller says what it holds. */
export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(root + path, 'utf8'));
}

/** The manifest of the package in a folder under `packages/`. */
export function manifestOf(folder: string): Manifest {
  return readJson(`packages/${folder}/package.json`) as Manifest;
}

/** TypeScript sources of all packages: what is published. */
export function packageSources(): TextFile[] {
  return filesUnder('packages', (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path));
}

/** TypeScript tests of all packages and of the repository. */
export function testSources(): TextFile[] {
  const inPackages = filesUnder('packages', (path) => /^packages\/[^/]+\/test\/.*\.ts$/.test(path));
  return [...inPackages, ...filesUnder('test', (path) => path.endsWith('.ts'))];
}

/** Parses one file; no types, so this costs a few milliseconds. */
export function parse(file: TextFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true);
}

/** The line of a node, counted from 1. */
export function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

/** Calls `see` for a node and all nodes below it. */
export function walk(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  node.forEachChild((child) => walk(child, see));
}
