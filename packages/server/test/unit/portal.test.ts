import { describe, expect, it } from 'vitest';
import { formatPortal, isLoopback, parsePortal } from '../../src/index.ts';

describe('portals', () => {
  it.each([
    ['127.0.0.1:3260', '127.0.0.1', 3260],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['localhost', 'localhost', 3260],
    ['[::1]:860', '::1', 860],
    ['[fe80::1%eth0]', 'fe80::1%eth0', 3260],
    ['storage.example:65535', 'storage.example', 65_535],
  ])('%s is read', (text, host, port) => {
    expect(parsePortal(text)).toEqual({ host, port });
  });

  it.each(['', ':3260', '::1', '::1:3260', 'host:', 'host:x', 'host:65536', 'host:-1', '[::1', 'a b:1'])(
    '%j is refused',
    (text) => {
      expect(() => parsePortal(text)).toThrow(expect.objectContaining({ code: 'SERVER_BAD_PORTAL' }));
    },
  );

  it('are written as they are read', () => {
    for (const text of ['127.0.0.1:3260', '[::1]:860']) expect(formatPortal(parsePortal(text))).toBe(text);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.9.10', true],
    ['localhost', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['127.evil.example', false],
    ['localhost.example', false],
  ])('%s is loopback: %s', (host, expected) => {
    expect(isLoopback({ host, port: 3260 })).toBe(expected);
  });
});
