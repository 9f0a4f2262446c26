import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PROTOCOL_TABLES } from '../support/protocol-tables.ts';

const path = fileURLToPath(new URL('../../../../docs/nbs-protocol.md', import.meta.url));

/** Prettier pads the columns of tables; that is no difference. */
function unpadded(markdown: string): string {
  return markdown.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');
}

/** The page with the tables as they are now. */
function updated(page: string): string {
  return page.replaceAll(
    /(<!-- table: (\w+) -->)[^]*?(<!-- end -->)/g,
    (_match, start: string, name: string, end: string) => `${start}\n\n${PROTOCOL_TABLES[name]!()}\n\n${end}`,
  );
}

test('the tables of docs/nbs-protocol.md are those that the code runs by', () => {
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, updated(readFileSync(path, 'utf8')));
  const page = readFileSync(path, 'utf8');
  expect(unpadded(page)).toBe(unpadded(updated(page)));
  const named = [...page.matchAll(/<!-- table: (\w+) -->/g)].map(([, name]) => name);
  expect(named.sort()).toEqual(Object.keys(PROTOCOL_TABLES).sort());
});
