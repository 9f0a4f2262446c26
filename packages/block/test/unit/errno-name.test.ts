import { expect, it } from 'vitest';
import { errnoName, mediumError } from '../../src/index.ts';

it.each([
  [{ code: 'ENOENT', errno: -2 }, 'ENOENT'],
  // What Node throws for a quota that is used up, on Linux and on macOS: libuv has no name for it.
  [{ code: 'UNKNOWN', errno: -122 }, 'EDQUOT'],
  [{ code: 'UNKNOWN', errno: -69 }, 'EDQUOT'],
  [{ code: 'Unknown system error -122', errno: -122 }, 'EDQUOT'],
  // What it throws for whatever Windows calls by a number of its own.
  [{ code: 'UNKNOWN', errno: -4094 }, 'UNKNOWN'],
  [{ code: 'EIO', errno: -122 }, 'EIO'],
  [{ code: 5 }, undefined],
  [{}, undefined],
  [undefined, undefined],
])('the error %j has the name %s', (error, name) => {
  expect(errnoName(error)).toBe(name);
});

it('a quota that is used up is no space, as Node tells of it, too', () => {
  const error = mediumError('write', { code: 'UNKNOWN', errno: -122 });
  expect(error).toMatchObject({ code: 'BLOCK_NO_SPACE', data: { errno: 'EDQUOT' } });
});
