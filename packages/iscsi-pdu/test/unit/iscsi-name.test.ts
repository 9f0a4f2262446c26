import { describe, expect, it } from 'vitest';
import { isIscsiName, normalizeIscsiName } from '../../src/index.ts';

describe('RFC 7143 4.2.7 examples are names', () => {
  it.each([
    'iqn.2001-04.com.example:storage:diskarrays-sn-a8675309',
    'iqn.2001-04.com.example',
    'iqn.2001-04.com.example:storage.tape1.sys1.xyz',
    'iqn.1992-04.com.os-vendor.plan9:cdrom.12345',
    'eui.02004567A425678D',
    'naa.52004567BA64678D',
    'naa.62004567BA64678D0123456789ABCDEF',
    'iqn.2001-04.com.example:größe',
  ])('%s', (name) => expect(isIscsiName(name)).toBe(true));
});

describe('these are no names', () => {
  it.each([
    ['', 'empty'],
    ['disk0', 'without type'],
    ['iqn.2001-13.com.example', 'a month above 12'],
    ['iqn.2001-4.com.example', 'a month of one digit'],
    ['iqn.2001-04.', 'without domain'],
    ['iqn.2001-04.com.example:', 'a colon with nothing behind it'],
    ['iqn.2001-04.com.example:Disk', 'upper case'],
    ['iqn.2001-04.com.example:a b', 'a space'],
    ['iqn.2001-04.com.example:a_b', 'punctuation that RFC 3722 prohibits'],
    ['iqn.2001-04.com.example:a\u00a0b', 'a no-break space'],
    ['iqn.2001-04.com.example:gro\u0308sse', 'not in Normalization Form C'],
    ['eui.02004567A425678', '15 digits'],
    ['naa.52004567BA64678D01', '18 digits'],
    [`iqn.2001-04.com.example:${'x'.repeat(200)}`, '224 characters'],
    [`iqn.2001-04.com.example:${'ß'.repeat(100)}`, '224 bytes in fewer characters'],
  ])('%j: %s', (name) => expect(isIscsiName(name)).toBe(false));

  it('223 bytes are allowed', () => {
    expect(isIscsiName(`iqn.2001-04.com.example:${'x'.repeat(199)}`)).toBe(true);
  });
});

it('names that differ in case or in the form of a letter are one after normalization', () => {
  const name = normalizeIscsiName('iqn.2001-04.com.example:GRO\u0308ẞE-\u212b');
  expect(name).toBe('iqn.2001-04.com.example:größe-å');
  expect(isIscsiName(name)).toBe(true);
  expect(normalizeIscsiName(name)).toBe(name);
});
