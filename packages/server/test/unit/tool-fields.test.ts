import { expect, it } from 'vitest';
import type { Description } from '@lunbox/scsi';
import { compareFields } from '../support/sg/tool-fields.ts';

const OURS: Description = {
  title: 'a page',
  fields: [
    { name: 'MAXIMUM LENGTH', value: 4096 },
    { name: 'WSNZ', value: 1 },
  ],
  parts: [
    { title: 'first', fields: [{ name: 'TYPE', value: 3, meaning: 'NAA' }], parts: [] },
    { title: 'second', fields: [{ name: 'TYPE', value: 8 }], parts: [] },
  ],
};
const TEXT =
  'A page:\n  Maximum length: 4096 blocks\n  Non-zero (WSNZ): 1, [OLD=0]\n  type: NAA,  type=0x8\n';

it('finds nothing where all agree', () => {
  expect(compareFields(TEXT, OURS)).toEqual([]);
});

it.each([
  ['another number', TEXT.replace('4096', '4095'), 'we say maximumlength 4096'],
  ['another word', TEXT.replace('NAA', 'EUI'), 'we say type 3'],
  ['another order', TEXT.replace('type: NAA,  type=0x8', 'type=0x8,  type: NAA'), 'we say type 3'],
  ['a field that we do not have', TEXT.replace('OLD=0', 'OLD=1'), '"OLD" is 1, and we have no such field'],
  ['a field that the tool does not have', TEXT.replace(',  type=0x8', ''), 'we say type 8'],
])('tells %s', (_what, text, said) => {
  expect(compareFields(text, OURS).join('; ')).toContain(said);
});
