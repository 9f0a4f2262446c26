import { describe, expect, it } from 'vitest';
import {
  attributesOfCopy,
  findAttributesFault,
  parseAttributes,
  serializeAttributes,
} from '../../src/attributes.ts';

describe('attributes', () => {
  it('come back as they were stored, known and unknown ones', () => {
    const attributes = {
      name: 'db',
      users: [{ name: 'eve', permission: 'write' as const, quotaBytes: 5 }],
      location: { bus: 0, target: 1, lun: 2 },
      organisation: { raidLevel: 1, stripeBytes: 65_536 },
      profiles: { quiesce: 'postgres' },
      physicalBlockBytes: 4096,
      inquiry: { vendor: 'ACME', product: 'DISK', revision: '1', serialNumber: 'A 1' },
      reservations: { any: ['shape'] },
      'from-later': { nested: [true, null] },
    };
    expect(findAttributesFault(attributes, 512)).toBeUndefined();
    expect(parseAttributes(serializeAttributes(attributes).toString('utf8'))).toEqual(attributes);
  });

  it.each([
    ['a name that is no text', { name: 5 }],
    ['users that are no list', { users: {} }],
    ['a permission that does not exist', { users: [{ name: 'eve', permission: 'root' }] }],
    ['a negative quota', { users: [{ name: 'eve', permission: 'read', quotaBytes: -1 }] }],
    ['a user without a name', { users: [{ name: '', permission: 'read' }] }],
    ['a user of two lines', { users: [{ name: 'a\nb', permission: 'read' }] }],
    ['a LUN that is no number', { location: { lun: 'zero' } }],
    ['a LUN that hosts cannot be told of', { location: { lun: 16_384 } }],
    ['a profile that is no text', { profiles: { quiesce: 1 } }],
    ['a stripe with a fraction', { organisation: { stripeBytes: 0.5 } }],
    ['a physical block that is no power of two', { physicalBlockBytes: 1536 }],
    ['a physical block of 0', { physicalBlockBytes: 0 }],
    ['a vendor of 9 characters', { inquiry: { vendor: 'x'.repeat(9) } }],
    ['a product that is not ASCII', { inquiry: { product: 'Plätte' } }],
    ['a revision of 5 characters', { inquiry: { revision: '12345' } }],
    ['a serial number of no characters', { inquiry: { serialNumber: '' } }],
    ['a serial number of 33 characters', { inquiry: { serialNumber: 'x'.repeat(33) } }],
  ])('are refused with %s', (_name, attributes) => {
    expect(findAttributesFault(attributes as never, 512)).toMatchObject({
      code: 'CONTAINER_BAD_ATTRIBUTES',
      reason: expect.stringMatching(/shape/) as string,
    });
  });

  it.each([
    [512, 256, true],
    [512, 512, false],
    [512, 2 ** 24, false],
    [512, 2 ** 25, true],
    [4096, 512, true],
    [4096, 4096, false],
  ])(
    'with blocks of %i bytes and physical ones of %i: refused is %s',
    (blockSize, physicalBlockBytes, refused) => {
      expect(findAttributesFault({ physicalBlockBytes }, blockSize) !== undefined).toBe(refused);
    },
  );

  it('of a copy are those of the original without its serial number', () => {
    const attributes = { name: 'a', inquiry: { vendor: 'ACME', serialNumber: '1' }, reservations: [] };
    expect(attributesOfCopy(attributes)).toEqual({
      name: 'a',
      inquiry: { vendor: 'ACME' },
      reservations: [],
    });
    expect(attributesOfCopy({ name: 'a' })).toEqual({ name: 'a' });
    expect(attributes.inquiry.serialNumber).toBe('1');
  });

  it('are refused when they do not fit into a header slot', () => {
    expect(findAttributesFault({ description: 'x'.repeat(126_976) }, 512)).toMatchObject({
      code: 'CONTAINER_ATTRIBUTES_FULL',
      reason: expect.stringMatching(/126976/) as string,
    });
    expect(findAttributesFault({ description: 'x'.repeat(126_900) }, 512)).toBeUndefined();
  });

  it.each(['', '[]', 'null', '"x"', '{', '\u0000'])('are not read from %j', (text) => {
    expect(parseAttributes(text)).toBeUndefined();
  });
});
