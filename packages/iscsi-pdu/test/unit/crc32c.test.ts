import { describe, expect, it } from 'vitest';
import { nativeCrc32c } from '../../src/native-crc32c.node.ts';
import { nativeCrc32c as resolved } from '#native-crc32c';
import { tableCrc32c } from '../../src/table-crc32c.ts';

it('n', () => {
  console.log(
    typeof nativeCrc32c,
    typeof resolved,
    tableCrc32c(new Uint8Array(32), 0).toString(16),
    nativeCrc32c!(new Uint8Array(16), nativeCrc32c!(new Uint8Array(16), 0)).toString(16),
  );
});
