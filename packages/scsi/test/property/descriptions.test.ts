import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import {
  CDB_DEFINITIONS,
  describeCdb,
  describeInquiry,
  describeLogPage,
  describeModePages,
  describeSense,
  describeVpdPage,
  descriptionText,
  explainCdb,
  explainDataIn,
  explainDataOut,
  explainSense,
  LOG_PARAMETER_FORMATS,
  MAX_PARTS,
  VPD_PAGE_FORMATS,
} from '../../src/index.ts';

const bytes = fc.uint8Array({ maxLength: 600 });
const MAX_LINE = 20_000;

/** Text for a terminal: bounded, and without a control character but the line end. */
function expectTame(text: string): void {
  expect(text).not.toBe('');
  expect(text.split('\n').every((line) => line.length <= MAX_LINE && !/\p{Cc}/u.test(line))).toBe(true);
}

test.prop([bytes], { numRuns: 1000 })('any bytes are described, whatever they are taken for', (data) => {
  for (const describe of [describeCdb, describeSense, describeInquiry, describeVpdPage, describeLogPage])
    expectTame(describe(data));
  expectTame(describeModePages(6, data));
  expectTame(describeModePages(10, data));
  expectTame(descriptionText(explainCdb(data)));
  expectTame(descriptionText(explainSense(data)));
});

const responseCode = fc.constantFrom(0x70, 0x71, 0x72, 0x73, 0xf0, 0xf2);

test.prop([responseCode, bytes], { numRuns: 1000 })(
  'sense data with any content is described',
  (code, rest) => {
    const text = descriptionText(explainSense(Uint8Array.of(code, ...rest)));
    expectTame(text);
    expect(text).toContain('SENSE KEY');
  },
);

test.prop([fc.constantFrom(...CDB_DEFINITIONS), fc.uint8Array({ maxLength: 40 }), bytes], { numRuns: 2000 })(
  'the data of any command with any content is described',
  (definition, cdbBytes, data) => {
    const identity = definition.encode();
    const cdb = Uint8Array.from({ length: Math.max(16, definition.lengthBytes) }, (_, at) => {
      const action = definition.serviceAction === undefined ? 0 : 0x1f;
      const fixed = at === 0 ? 0xff : at === 1 ? action : 0;
      return (identity[at]! & fixed) | ((cdbBytes[at] ?? 0) & ~fixed);
    });
    for (const description of [explainDataIn(cdb, data), explainDataOut(cdb, data), explainCdb(cdb)])
      if (description !== undefined) expectTame(descriptionText(description));
  },
);

const pageCode = fc.constantFrom(...VPD_PAGE_FORMATS.map((format) => format.pageCode));

test.prop([pageCode, bytes], { numRuns: 1000 })('a VPD page with any content is described', (code, body) => {
  expectTame(describeVpdPage(Uint8Array.of(0, code, body.length >> 8, body.length & 0xff, ...body)));
});

const logParameter = fc.constantFrom(...LOG_PARAMETER_FORMATS);

test.prop([logParameter, fc.uint8Array({ maxLength: 255 })], { numRuns: 500 })(
  'a log parameter with any content is described',
  (format, value) => {
    const header = Uint8Array.of(0, format.code, 3, value.length, ...value);
    const page = Uint8Array.of(0x40 | format.pageCode, format.subpageCode, 1, 255, ...header);
    expect(describeLogPage(page)).toContain(format.name);
    expectTame(describeLogPage(page));
  },
);

test.prop([fc.uint8Array({ minLength: 16, maxLength: 16 })], { numRuns: 5 })(
  'long pages are bounded',
  (seed) => {
    const body = Uint8Array.from({ length: 20_000 }, (_, at) => seed[at % 16]! ^ (at >> 4));
    for (const code of [0x00, 0x83, 0x87, 0x88]) {
      const text = describeVpdPage(Uint8Array.of(0, code, body.length >> 8, body.length & 0xff, ...body));
      expect(text.split('\n').length).toBeLessThanOrEqual(10 * MAX_PARTS + 2);
    }
  },
);
