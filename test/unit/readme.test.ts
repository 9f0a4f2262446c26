import { describe, expect, it } from 'vitest';
import { typescriptBlocks, typeErrors } from '../support/markdown-code.ts';
import { filesUnder, manifestOf, packageFolders } from '../support/workspace.ts';

const documents = filesUnder('', (path) => path.endsWith('.md'));

describe('examples in the documentation', () => {
  it('compile against the workspace', () => {
    expect(typeErrors(documents.flatMap(typescriptBlocks))).toEqual([]);
  }, 60_000);

  it('are found where they stand, and only TypeScript', () => {
    const text = 'a\n```ts\nconst a = 1;\n```\n```sh\nls\n```\n\n```typescript\nconst b = 2;\n```\n';
    expect(typescriptBlocks({ path: 'x.md', text })).toEqual([
      { at: 'x.md:2', text: 'const a = 1;\n' },
      { at: 'x.md:9', text: 'const b = 2;\n' },
    ]);
  });

  it('are judged by their types, each as a module of its own', () => {
    const blocks = [
      { at: 'a', text: `const size: string = 1;` },
      { at: 'b', text: `import { nothing } from '@lunbox/block';` },
      { at: 'c', text: `const size: number = 1;` },
    ];
    expect(typeErrors(blocks).map((line) => line.split(':')[0])).toEqual(['a', 'b']);
  }, 60_000);
});

describe.each(packageFolders())('packages/%s/README.md', (folder) => {
  const text = documents.find(({ path }) => path === `packages/${folder}/README.md`)?.text ?? '';

  it('fits a screen or two: 80 lines at most', () => {
    expect(text).not.toBe('');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(80);
  });

  it('is headed by the name of the package and says how to install it', () => {
    const { name } = manifestOf(folder);
    expect(text.split('\n')[0]).toBe(`# ${name}`);
    expect(text).toMatch(new RegExp(`^npm (i|install) (.* )?${name}( |$)`, 'm'));
  });

  it('shows an example in TypeScript and names the licence', () => {
    expect(typescriptBlocks({ path: 'README.md', text })).not.toEqual([]);
    expect(text).toContain('Apache-2.0');
  });
});

describe('links between documents', () => {
  it('lead to files that exist', () => {
    const known = new Set(filesUnder('', () => true).map(({ path }) => path));
    const folders = new Set([...known].map((path) => path.slice(0, path.lastIndexOf('/'))));
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => {
          const target = decodeURI(new URL(link, `file:///${path}`).pathname)
            .slice(1)
            .replace(/\/$/, '');
          return !known.has(target) && !folders.has(target);
        })
        .map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });
});
