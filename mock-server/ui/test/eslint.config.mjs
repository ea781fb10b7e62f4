import js from '@eslint/js';
import globals from 'globals';

/** Ways from a text to markup or to a script, of which the page takes none. */
const MARKUP = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'srcdoc', 'setHTMLUnsafe'];

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['page/*.js'],
    languageOptions: { globals: globals.browser },
    rules: {
      'no-restricted-properties': ['error', ...MARKUP.map((property) => ({ property })), { object: 'document', property: 'write' }],
      'no-restricted-globals': ['error', 'localStorage'],
    },
  },
  { files: ['*.mjs', 'page/test/*.mjs'], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
];
