// @ts-check
import eslint from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Globals of Node that the scripts under `tools/` use; TypeScript knows them by itself. */
const nodeGlobals = {
  AbortSignal: 'readonly',
  Buffer: 'readonly',
  URL: 'readonly',
  clearInterval: 'readonly',
  clearTimeout: 'readonly',
  console: 'readonly',
  performance: 'readonly',
  process: 'readonly',
  setInterval: 'readonly',
  setTimeout: 'readonly',
};

export default defineConfig(
  globalIgnores(['**/dist/', '**/coverage/', 'docs/api/', 'data/', 'out/', '.nx/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    rules: {
      'no-console': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
    },
  },

  {
    // Rules that need types: the sources, the tests and the examples of every package, and the root's own tests.
    files: ['packages/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      // `typeof import('koffi')` is how an optional module is typed without being imported.
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // Buffer.slice, new Buffer and their like: each names what to call instead.
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      // An argument that an interface asks for and this implementation does not need is named with a leading `_`.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // Numbers in messages are the rule here (offsets, lengths, codes), and they print as they should.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `async` also turns a throw into a rejection, which an interface that returns promises asks for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    // Tests index into results they have just made, read JSON of foreign programs and hand functions around on purpose.
    files: ['packages/*/{test,bench,soak}/**/*.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Configuration written in TypeScript belongs to no project: it is parsed, not typed.
    files: ['*.ts'],
    extends: [tseslint.configs.recommended],
  },
  {
    // A command line, its examples, its benchmarks and the repository's scripts speak through the console.
    files: [
      'packages/{server,iscsi-initiator,device-manager}/src/{cli.ts,cli/**}',
      'packages/*/{bench,examples,soak}/**',
      'tools/**',
    ],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: nodeGlobals },
  },
);
