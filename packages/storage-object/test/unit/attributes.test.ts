import { describe, expect, it } from 'vitest';
import { findAttributesFault, parseAttributes, serializeAttributes } from '../../src/attributes.ts';

describe('attributes', () => {
  it('come back as they were stored, known and unknown ones', () => {
    const attributes = {
      name: 'db',
      users: [{ name: 'eve', permission: 'write' as const, quotaBytes: 5 }],
      location: { bus: 0, target: 1, lun: 2 },
      organisation: { raidLevel: 1, stripeBytes: 65_536 },
      'from-later': { nested: [true, null] },
    };
    expect(findAttributesFault(attributes)).toBeUndefined();
    expect(parseAttributes(serializeAttributes(attributes).toString('utf8'))).toEqual(attributes);
  });

  it.each([
    ['a name that is no text', { name: 5 }],
    ['users that are no list', { users: {} }],
    ['a permission that does not exist', { users: [{ name: 'eve', permission: 'root' }] }],
    ['a negative quota', { users: [{ name: 'eve', permission: 'read', quotaBytes: -1 }] }],
    ['a LUN that is no number', { location: { lun: 'zero' } }],
    ['a stripe with a fraction', { organisation: { stripeBytes: 0.5 } }],
  ])('are refused with %s', (_name, attributes) => {
    expect(findAttributesFault(attributes as never)).toMatch(/shape/);
  });

  it('are refused when they do not fit into a header slot', () => {
    expect(findAttributesFault({ description: 'x'.repeat(126_976) })).toMatch(/126976/);
    expect(findAttributesFault({ description: 'x'.repeat(126_900) })).toBeUndefined();
  });

  it.each(['', '[]', 'null', '"x"', '{', '\u0000'])('are not read from %j', (text) => {
    expect(parseAttributes(text)).toBeUndefined();
  });
});
