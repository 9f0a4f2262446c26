import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ACTIVITY_LOG, DATA_ALIGNMENT_BYTES, HEADER_SLOT_BYTES, HEADER_SLOTS } from '../../src/format.ts';
import { ATTRIBUTES_LIMIT_BYTES, IDENTITY_BLOCK_BYTES, REGION_LIMIT, RegionType } from '../../src/format.ts';
import {
  IncompatibleFeature,
  KNOWN_AUTOCLEAR_FEATURES,
  KNOWN_INCOMPATIBLE_FEATURES,
} from '../../src/header.ts';
import { formatSections, withFormatSections } from '../support/format-document.ts';

const path = fileURLToPath(new URL('../../../../docs/container-format.md', import.meta.url));

/** Prettier pads the columns of tables; that is no difference. */
function unpadded(markdown: string): string {
  return markdown.replace(/ {2,}/g, ' ').replace(/-{3,}/g, '---');
}

describe('docs/container-format.md', () => {
  it('has the diagrams and tables of the declared layouts', () => {
    const page = readFileSync(path, 'utf8');
    const wanted = withFormatSections(page);
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(path, wanted);
    expect(unpadded(readFileSync(path, 'utf8'))).toBe(unpadded(wanted));
  });

  it('notices a table that is not what the layout says', () => {
    const page = readFileSync(path, 'utf8');
    const wrong = page.replace(/\| 136 +\|/, '| 137 |');
    expect(wrong).not.toBe(page);
    expect(unpadded(withFormatSections(wrong))).not.toBe(unpadded(wrong));
  });

  it('describes every field', () => {
    for (const [name, section] of Object.entries(formatSections())) {
      expect(section, name).not.toContain('undefined');
    }
  });

  it('names the places of the map of the file, and the assigned numbers', () => {
    const page = unpadded(readFileSync(path, 'utf8'));
    const kib = (bytes: number): string => `${bytes / 1024} KiB`;
    const places = [
      `| 0 | ${kib(IDENTITY_BLOCK_BYTES)} |`,
      `| ${kib(HEADER_SLOTS.A.offset)} | ${kib(HEADER_SLOT_BYTES)} | header A`,
      `| ${kib(HEADER_SLOTS.B.offset)} | ${kib(HEADER_SLOT_BYTES)} | header B`,
      `| ${kib(ACTIVITY_LOG.offset)} | ${kib(ACTIVITY_LOG.lengthBytes)} | set aside`,
      `multiple of ${DATA_ALIGNMENT_BYTES / 2 ** 20} MiB`,
      `at most ${ATTRIBUTES_LIMIT_BYTES} |`,
      `at most ${REGION_LIMIT} |`,
    ];
    for (const place of places) expect(page).toContain(place);
    expect(RegionType).toEqual({ ACTIVITY_LOG: 1, MAPS: 2, PROTECTION: 3 });
    expect(page).toContain('1 = activity log, 2 = grain maps, 3 = protection information');
    // A bit that is added has to be told of on the page.
    expect(IncompatibleFeature).toEqual({ PROTECTION: 1, LAYOUT: 2, SNAPSHOTS: 4 });
    expect([KNOWN_INCOMPATIBLE_FEATURES, KNOWN_AUTOCLEAR_FEATURES]).toEqual([7, 0]);
  });
});
