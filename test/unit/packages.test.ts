import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { packageFolders, readJson, root } from '../support/workspace.ts';

const { version } = readJson('lerna.json') as { version: string };
const { engines } = readJson('package.json') as { engines: object };

describe.each(packageFolders())('packages/%s/package.json', (folder) => {
  const manifest = readJson(`packages/${folder}/package.json`) as Record<string, unknown>;

  it('has the one version of all packages, and asks for it of its siblings', () => {
    expect(manifest['version']).toBe(version);
    const siblings = Object.entries((manifest['dependencies'] ?? {}) as Record<string, string>)
      .filter(([name]) => name.startsWith('@lunbox/'))
      .filter(([, range]) => range !== version);
    expect(siblings).toEqual([]);
  });

  it('pins what it takes from elsewhere exactly', () => {
    const all = { ...(manifest['dependencies'] as object), ...(manifest['optionalDependencies'] as object) };
    expect(Object.entries(all).filter(([, range]) => !/^\d+\.\d+\.\d+$/.test(range as string))).toEqual([]);
  });

  it('is an ES module under Apache-2.0 for the Node versions of the workspace, published with provenance', () => {
    expect(manifest).toMatchObject({
      type: 'module',
      license: 'Apache-2.0',
      engines,
      publishConfig: { access: 'public', provenance: true },
    });
    expect(readFileSync(`${root}packages/${folder}/LICENSE`, 'utf8')).toBe(
      readFileSync(`${root}LICENSE`, 'utf8'),
    );
  });

  it('exports its sources to the workspace and its build to users, in the order in which Node tries them', () => {
    const exported = Object.entries(manifest['exports'] as Record<string, unknown>);
    for (const [subpath, target] of exported.filter(([subpath]) => subpath !== './package.json')) {
      expect(Object.keys(target as object), subpath).toEqual(['@lunbox/source', 'types', 'default']);
    }
  });
});
