// The packages of this workspace, as their folders say.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { root } from './process.mjs';

/**
 * @typedef {object} Package
 * @property {string} folder name under `packages/`
 * @property {string} path from the repository's root
 * @property {Record<string, any>} manifest its package.json
 */

/** @returns {Package[]} in the order of their folders' names */
export function packages() {
  return readdirSync(`${root}packages`)
    .filter((folder) => existsSync(`${root}packages/${folder}/package.json`))
    .sort()
    .map((folder) => {
      const path = `packages/${folder}`;
      return { folder, path, manifest: JSON.parse(readFileSync(`${root}${path}/package.json`, 'utf8')) };
    });
}

/** Folders that are type-checked but not built: every `tsconfig.json` beside the sources, and the root's own. */
export function uncompiledProjects() {
  const beside = ['test', 'examples', 'bench', 'soak'];
  const candidates = packages().flatMap(({ path }) => beside.map((folder) => `${path}/${folder}`));
  return [...candidates, 'test', 'tools'].filter((path) => existsSync(`${root}${path}/tsconfig.json`));
}
