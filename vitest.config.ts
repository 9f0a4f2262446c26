import { defineConfig } from 'vitest/config';

/**
 * One configuration for every package. Tests lie in `test/<kind>/` (unit, rfc7143, property, simulation, interop) and
 * `tools/test.mjs` runs one kind after the other.
 */
export default defineConfig({
  ssr: { resolve: { conditions: ['@lunbox/source'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    pool: 'forks',
  },
});
