import { describe, expect, it } from 'vitest';
import {
  behindOneFile,
  importsOf,
  importViolations,
  manifestViolations,
  mayImport,
} from '../support/boundaries.ts';
import { manifestOf, packageFolders, packageSources, readJson } from '../support/workspace.ts';

const sources = packageSources();
const sourcesOf = (folder: string) => sources.filter(({ path }) => path.startsWith(`packages/${folder}/`));

describe.each(packageFolders())('packages/%s', (folder) => {
  it('has a row in the import table', () => {
    expect(Object.keys(mayImport)).toContain(folder);
  });

  it('is published under its folder name, the server as lunbox', () => {
    expect(manifestOf(folder).name).toBe(folder === 'server' ? 'lunbox' : `@lunbox/${folder}`);
  });

  it('imports only what the table allows', () => {
    expect(sourcesOf(folder).flatMap((file) => importViolations(folder, file))).toEqual([]);
  });

  it('declares what it imports and nothing it may not have', () => {
    expect(manifestViolations(folder, manifestOf(folder), sourcesOf(folder))).toEqual([]);
  });

  it('is built after the packages it depends on', () => {
    const { references } = readJson(`packages/${folder}/tsconfig.json`) as { references: { path: string }[] };
    const built = references.map(({ path }) => `@lunbox/${path.replace('../', '')}`).sort();
    const needed = Object.keys(manifestOf(folder).dependencies ?? {}).filter((name) =>
      name.startsWith('@lunbox/'),
    );
    expect(built).toEqual(needed.sort());
  });
});

describe('optional native code', () => {
  it.each(behindOneFile)('%s is named by one file at most, however it is loaded', (name) => {
    const quoted = new RegExp(`['"]${name}['"]`);
    const loading = sources.filter(({ path }) => !path.endsWith('.d.ts'));
    const users = loading.filter(({ text }) => quoted.test(text)).map(({ path }) => path);
    expect(users.length, users.join(', ')).toBeLessThanOrEqual(1);
  });
});

describe('the boundary check itself', () => {
  const violations = (folder: string, path: string, ...modules: string[]) =>
    importViolations(folder, {
      path: `packages/${folder}/src/${path}`,
      text: modules.map((module) => `import '${module}';`).join('\n'),
    });

  it.each([
    ['block', 'slice.ts', '@lunbox/scsi'],
    ['scsi', 'inquiry.ts', '@lunbox/iscsi-target'],
    ['scsi', 'inquiry.ts', 'node:crypto'],
    ['scsi', 'inquiry.ts', '../../block/src/index.ts'],
    ['iscsi-pdu', 'framer.ts', 'node:buffer'],
    ['iscsi-pdu', 'framer.ts', 'koffi'],
    ['iscsi-pdu', 'native.node.ts', 'node:fs'],
    ['iscsi-target', 'engine/session.ts', 'node:net'],
    ['iscsi-target', 'shell/portal.ts', 'node:fs/promises'],
    ['storage-object', 'container.ts', 'node:fs'],
    ['storage-object', 'container.ts', 'fs'],
    ['storage-object', 'container.ts', './header.js'],
    ['storage-object', 'container.ts', 'lunbox'],
    ['block', 'real/native.ts', 'node:net'],
    ['block', 'mirror.ts', 'node:fs'],
    ['block', 'mirror.ts', 'lodash'],
  ])('refuses %s/src/%s importing %s', (folder, path, module) => {
    expect(violations(folder, path, module)).toHaveLength(1);
  });

  it.each([
    ['scsi', 'inquiry.ts', '@lunbox/block'],
    ['scsi', 'commands/read.ts', '../sense.ts'],
    ['iscsi-pdu', 'crc32c.ts', '#native-crc32c'],
    ['iscsi-pdu', 'native-crc32c.node.ts', 'node:module'],
    ['iscsi-target', 'shell/portal.ts', 'node:net'],
    ['block', 'real/native.ts', 'node:fs'],
    ['block', 'real/native.ts', 'koffi'],
    ['server', 'cli/main.ts', 'commander'],
    ['server', 'cli/main.ts', '@lunbox/storage-object'],
  ])('accepts %s/src/%s importing %s', (folder, path, module) => {
    expect(violations(folder, path, module)).toEqual([]);
  });

  it('sees every way of importing', () => {
    const text = `
      import a from 'a';
      import type { B } from 'b';
      export * from 'c';
      const d = await import('d');
      const e = require('e');
      type F = import('f').F;
    `;
    expect(importsOf(text).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('holds a manifest against the imports and the table', () => {
    const manifest = {
      name: '@lunbox/scsi',
      exports: {},
      dependencies: { '@lunbox/nbs': '0.1.0', koffi: '1.0.0' },
    };
    const file = { path: 'packages/scsi/src/index.ts', text: `import '@lunbox/block';` };
    expect(manifestViolations('scsi', manifest, [file])).toEqual([
      'scsi imports @lunbox/block and does not declare it',
      'scsi declares @lunbox/nbs, which it may not have',
      'scsi declares koffi, which it may not have',
      'scsi must declare koffi as optional',
    ]);
  });
});
