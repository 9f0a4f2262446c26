import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { commandDocument } from '../support/command-document.ts';

const path = fileURLToPath(new URL('../../../../docs/scsi-commands.md', import.meta.url));

/** Prettier pads the columns of tables; that is no difference. */
function unpadded(markdown: string): string {
  return markdown.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');
}

test('docs/scsi-commands.md is what the command table says', () => {
  const document = commandDocument();
  if (process.env['UPDATE_DOCS'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, document);
  }
  expect(unpadded(readFileSync(path, 'utf8'))).toBe(unpadded(document));
});
