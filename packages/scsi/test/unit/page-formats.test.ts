import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildModePage,
  explainLogPage,
  explainModePages,
  explainVpdPage,
  findLogParameter,
  INQUIRY,
  LOG_SENSE,
  logPageName,
  MODE_SENSE_10,
  modePageName,
  parseLogPage,
  parseLogParameters,
  parseModePage,
  parseModeParameters,
  parseSupportedPages,
  parseVpdPage,
  VPD_PAGE_FORMATS,
  vpdPageName,
  type Description,
} from '../../src/index.ts';
import { memoryHarness, type Initiator } from '../support/harness.ts';

const space = () => ({ usedBytes: 2 ** 20, availableBytes: 2 ** 21 });
const ALLOCATION_LENGTH = 65_535;
const ALL = 0xff;

let initiator: Initiator;

beforeAll(async () => {
  ({ initiator } = await memoryHarness({ space }));
});

const vpd = async (PAGE_CODE: number) =>
  (await initiator.send(INQUIRY.encode({ EVPD: 1, PAGE_CODE, ALLOCATION_LENGTH }))).data;

const log = async (PAGE_CODE: number, SUBPAGE_CODE = 0) =>
  (await initiator.send(LOG_SENSE.encode({ PAGE_CODE, SUBPAGE_CODE, ALLOCATION_LENGTH }))).data;

const modes = async (PC = 0) =>
  (await initiator.send(MODE_SENSE_10.encode({ PC, PAGE_CODE: 0x3f, SUBPAGE_CODE: ALL, ALLOCATION_LENGTH })))
    .data;

/** Bytes that are shown as they are were not understood. */
function expectUnderstood(description: Description): void {
  expect(description.title).not.toContain('unknown');
  expect(description.truncated).toBeUndefined();
  expect(description.fields.map(({ name }) => name)).not.toContain('BYTES');
  for (const part of description.parts) expectUnderstood(part);
}

describe('VPD pages', () => {
  test('each page of the device server is in VPD_PAGE_FORMATS with builder, parser and name', async () => {
    const known = VPD_PAGE_FORMATS.map(({ pageCode }) => pageCode);
    expect(known).toEqual(known.toSorted((a, b) => a - b));
    for (const pageCode of parseSupportedPages(parseVpdPage(await vpd(0)).body)) {
      expect(known, `VPD page ${pageCode} has no format in src/inquiry/vpd-page-table.ts`).toContain(
        pageCode,
      );
      expect(vpdPageName(pageCode)).toBeDefined();
      expectUnderstood(explainVpdPage(await vpd(pageCode)));
    }
  });

  test('the fields of a page, in words', async () => {
    expect(explainVpdPage(await vpd(0xb2))).toMatchObject({
      title: 'Logical Block Provisioning VPD page (B2h)',
      fields: expect.arrayContaining([
        { name: 'LBPU', value: 1 },
        { name: 'PROVISIONING TYPE', value: 2, meaning: 'thin provisioned' },
      ]),
    });
    const [, naa] = explainVpdPage(await vpd(0x83)).parts;
    expect(naa?.fields).toContainEqual({ name: 'DESIGNATOR TYPE', value: 3, meaning: 'NAA' });
    expect(naa?.fields).toContainEqual({ name: 'DESIGNATOR', value: '6024c4200112233445566778899aabbc' });
  });

  test('a page that nobody knows, and one cut off', () => {
    expect(explainVpdPage(Uint8Array.of(0, 0xc0, 0, 2, 0xab, 0xcd))).toEqual({
      title: 'unknown VPD page (C0h)',
      fields: [{ name: 'BYTES', value: 'abcd' }],
      parts: [],
    });
    expect(explainVpdPage(Uint8Array.of(0, 0x80, 0, 4, 0x41))).toMatchObject({
      fields: [{ name: 'PRODUCT SERIAL NUMBER', value: 'A' }],
      truncated: true,
    });
  });
});

describe('mode pages', () => {
  test('each page of the device server has a name and a layout and is built again from its fields', async () => {
    for (const control of [0, 1, 2]) {
      const data = await modes(control);
      expectUnderstood(explainModePages(10, data));
      for (const { pageCode, subpageCode, bytes } of parseModeParameters(10, data).pages) {
        expect(modePageName(pageCode, subpageCode)).toBeDefined();
        const { fields } = parseModePage(bytes)!;
        const withoutPs = bytes.slice();
        withoutPs[0]! &= 0x7f;
        expect(buildModePage(pageCode, subpageCode, fields)).toEqual(withoutPs);
      }
    }
  });

  test('a page that nobody knows is no page to build', () => {
    expect(() => buildModePage(0x20, 0, {})).toThrow('no mode page');
  });

  test('the fields of pages, in words', async () => {
    const { fields, parts } = explainModePages(10, await modes());
    expect(fields).toContainEqual({ name: 'WP', value: 0 });
    expect(parts[0]).toMatchObject({ title: 'block descriptor' });
    const caching = parts.find(({ title }) => title === 'Caching mode page (08h)');
    expect(caching?.fields).toContainEqual({ name: 'WCE', value: 1 });
    const thresholds = parts.find(({ title }) => title.startsWith('Logical Block Provisioning'));
    expect(thresholds?.parts).toHaveLength(2);
  });
});

describe('log pages', () => {
  test('each page of the device server has a name, and each parameter a layout', async () => {
    const list = parseLogPage(await log(0, ALL)).body;
    expect(list.length).toBeGreaterThan(0);
    for (let at = 0; at < list.length; at += 2) {
      const [pageCode, subpageCode] = [list[at]!, list[at + 1]!];
      expect(logPageName(pageCode, subpageCode)).toBeDefined();
      const page = await log(pageCode, subpageCode);
      expectUnderstood(explainLogPage(page));
      if (pageCode === 0 || subpageCode === ALL) continue;
      for (const { code, value } of parseLogParameters(parseLogPage(page).body)) {
        const format = findLogParameter(pageCode, subpageCode, code);
        expect(format, `parameter ${code} of log page ${pageCode}/${subpageCode}`).toBeDefined();
        expect(format!.structure.encode(format!.structure.decode(value))).toEqual(Uint8Array.from(value));
      }
    }
  });

  test('the fields of a page, in words', async () => {
    expect(explainLogPage(await log(0x0c)).parts[0]).toEqual({
      title: 'available LBA mapping resource count (0001h)',
      fields: [
        { name: 'RESOURCE COUNT', value: 2 },
        { name: 'SCOPE', value: 2, meaning: 'shared' },
      ],
      parts: [],
    });
    expect(explainLogPage(await log(0, ALL)).fields).toContainEqual({
      name: expect.any(String) as string,
      value: '15h/01h',
      meaning: 'Pending Defects',
    });
  });
});
