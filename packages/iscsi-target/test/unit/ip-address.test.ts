import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressRange, isLoopbackAddress, parseAddress } from '../../src/auth/ip-address.ts';
import { matchesPattern } from '../../src/auth/name-pattern.ts';

describe('an address', () => {
  it.each([
    ['192.0.2.1', [192, 0, 2, 1]],
    ['::ffff:192.0.2.1', [192, 0, 2, 1]],
    ['::FFFF:c000:0201', [192, 0, 2, 1]],
    ['::', Array.from({ length: 16 }, () => 0)],
    ['2001:db8::1', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['fe80::1%eth0', [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ['1:2:3:4:5:6:7:8', [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
  ])('%s is read', (text, bytes) => {
    expect([...(parseAddress(text) ?? [])]).toEqual(bytes);
  });

  it('is read when the platform takes it for one, and only then', () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV6().map((address) => address.replace(/[0-9a-f]/, '')),
      fc
        .array(fc.constantFrom('::', ':', '.', '0', '255', '256', 'ffff', '12345'), { maxLength: 17 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (address) => {
        // A leading zero is a matter of taste: the platform refuses it, and here it is decimal.
        fc.pre(!/(^|\.)0\d/.test(address.replace(/.*:/, '')));
        expect(parseAddress(address) !== undefined).toBe(isIPv4(address) || isIPv6(address));
      }),
      { numRuns: 2000 },
    );
  });

  it('is a loopback address, or not', () => {
    for (const address of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1']) {
      expect(isLoopbackAddress(address), address).toBe(true);
    }
    for (const address of [
      '128.0.0.1',
      '::2',
      '::',
      '10.0.0.127',
      'localhost',
      '',
      '127.0.0.1.example.com',
    ]) {
      expect(isLoopbackAddress(address), address).toBe(false);
    }
  });
});

describe('a range of addresses', () => {
  it.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.0.2.64/26', '192.0.2.127', true],
    ['192.0.2.64/26', '192.0.2.128', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '203.0.113.9', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['10.0.0.0/8', 'nowhere', false],
  ])('%s: %s %s', (range, address, included) => {
    expect(AddressRange.parse(range)?.includes(address)).toBe(included);
  });

  it.each([
    '',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/8/8',
    '::1/x',
  ])('"%s" is none', (text) => {
    expect(AddressRange.parse(text)).toBeUndefined();
  });
});

describe('a pattern of names', () => {
  it.each([
    ['*', '', true],
    ['iqn.*:a', 'iqn.x:a', true],
    ['iqn.*:a', 'iqn.x:ab', false],
    ['?', '', false],
    ['a?c', 'abc', true],
    ['a.c', 'abc', false],
    ['a*b*c', 'aXbXbc', true],
    ['**', 'anything', true],
  ])('%s fits %s: %s', (pattern, name, fits) => {
    expect(matchesPattern(pattern, name)).toBe(fits);
  });

  it('fits what the same regular expression fits', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(text, name, (pattern, candidate) => {
        const source = pattern.replaceAll('*', '.*').replaceAll('?', '.');
        expect(matchesPattern(pattern, candidate)).toBe(new RegExp(`^${source}$`).test(candidate));
      }),
      { numRuns: 2000 },
    );
  });

  it('is compared in a short time, whatever the name', () => {
    const startMs = performance.now();
    expect(matchesPattern(`${'a*'.repeat(100)}b`, 'a'.repeat(223))).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(1000);
  });
});
