/** The lint rules of the workspace. What a rule cannot say across files is in tooling/tidy. */
import js from '@eslint/js';
import node from 'eslint-plugin-n';
import tseslint from 'typescript-eslint';

const NODE_RANGE = '>=20.19';

export const config = tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'coverage/', '**/fixtures/'] },
  js.configs.recommended,
  {
    plugins: { n: node },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'n/no-deprecated-api': ['error', { version: NODE_RANGE }],
      'n/no-unsupported-features/node-builtins': [
        'error',
        // The rule knows styleText as experimental until its backport, which our range includes.
        { version: NODE_RANGE, allowExperimental: true, ignores: ['util.styleText'] },
      ],
      'n/prefer-node-protocol': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.check.json' } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    // A command line speaks through the console; libraries speak through their logger.
    files: ['packages/*/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-console': 'error' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        Buffer: 'readonly',
        URL: 'readonly',
        clearTimeout: 'readonly',
        console: 'readonly',
        process: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
);
