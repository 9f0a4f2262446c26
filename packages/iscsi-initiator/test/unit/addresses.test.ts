import { describe, expect, it } from 'vitest';
import { formatPortal, parseIscsiUrl, parsePortal, parseSendTargets } from '../../src/index.ts';

describe('addresses', () => {
  it.each([
    ['disks.example', { host: 'disks.example', port: 3260 }],
    ['192.0.2.1:860', { host: '192.0.2.1', port: 860 }],
    ['[2001:db8::1]:3261,7', { host: '2001:db8::1', port: 3261 }],
    ['[2001:db8::1]', { host: '2001:db8::1', port: 3260 }],
  ])('%s is a portal', (text, portal) => {
    expect(parsePortal(text)).toEqual(portal);
    expect(parsePortal(formatPortal(portal))).toEqual(portal);
  });

  it.each(['', ':3260', 'host:0', 'host:65536', '2001:db8::1', 'host:1:2', 'host/path', 'host:3260,'])(
    '"%s" is none',
    (text) => expect(parsePortal(text)).toBeUndefined(),
  );

  it('a URL names portal, target, LUN and credentials', () => {
    expect(parseIscsiUrl('iscsi://reader%a!b@[::1]:860/iqn.2026-11.io.lunbox:x/12')).toEqual({
      portal: { host: '::1', port: 860 },
      targetName: 'iqn.2026-11.io.lunbox:x',
      lun: 12,
      chap: { name: 'reader', secret: 'a!b' },
      tls: false,
    });
    expect(parseIscsiUrl('iscsis://host')).toMatchObject({
      tls: true,
      targetName: undefined,
      lun: undefined,
    });
  });

  it.each([
    'http://host/x/0',
    'iscsi://',
    'iscsi://user%s3cret@/x/0',
    'iscsi://host/x/99999',
    'iscsi://host/x/y',
  ])('%s is no such URL, and the error keeps the secret', (url) => {
    expect(() => parseIscsiUrl(url)).toThrow(expect.objectContaining({ code: 'INITIATOR_OPTIONS' }));
    expect(() => parseIscsiUrl(url)).not.toThrow(/s3cret/);
  });

  it('SendTargets answers with targets, each with its addresses (RFC 7143 §13.3)', () => {
    const answer = parseSendTargets([
      ['TargetName', 'iqn.a'],
      ['TargetAddress', '192.0.2.1:3260,1'],
      ['TargetAddress', '[2001:db8::1]:3260,2'],
      ['TargetName', 'iqn.b'],
    ]);
    expect(answer).toEqual([
      {
        name: 'iqn.a',
        portals: [
          { host: '192.0.2.1', port: 3260, portalGroupTag: 1 },
          { host: '2001:db8::1', port: 3260, portalGroupTag: 2 },
        ],
      },
      { name: 'iqn.b', portals: [] },
    ]);
    expect(() => parseSendTargets([['TargetAddress', '192.0.2.1']])).toThrow(
      expect.objectContaining({ code: 'INITIATOR_PROTOCOL' }),
    );
  });
});
