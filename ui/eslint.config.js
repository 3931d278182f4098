import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import { logicalStyles, sheet } from './lint/logical-styles.js';
import { noText } from './lint/no-text.js';
import svelteConfig from './svelte.config.js';

/** Rules of our own. */
const headframe = { rules: { 'logical-styles': logicalStyles, 'no-text': noText } };

const TAURI = { group: ['@tauri-apps/*'], message: 'Only lib/ipc meets the host.' };
const UPWARDS = { group: ['../*'], message: 'Reach other folders through $lib, so that the tiers can be checked.' };

/**
 * What one folder of lib may import of ours. Everything that is not named is an error.
 * @param {string} folder
 * @param {string[]} allowed
 */
function tier(folder, allowed) {
  const names = [folder, ...allowed].join('|');
  return {
    files: [`src/lib/${folder}/**/*.{ts,svelte}`],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...(folder === 'ipc' ? [] : [TAURI, UPWARDS]),
            { regex: `^\\$lib/(?!(${names})(/|$))`, message: `lib/${folder} may import ${[...allowed, 'itself'].join(', ')}.` },
          ],
        },
      ],
    },
  };
}

export default ts.config(
  { ignores: ['.svelte-kit/', 'build/', 'build-fake/', 'src/lib/bindings/', 'src/lib/messages/gen/', 'test-results/', 'playwright-report/'] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
      // Links are absolute: the window is never served from a folder.
      'svelte/no-navigation-without-resolve': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.property.name='includes'][callee.object.property.name='message']",
          message: 'Branch on the code of an error, never on its text.',
        },
      ],
    },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
  },
  {
    files: ['src/**/*.svelte'],
    plugins: { headframe },
    rules: { 'headframe/logical-styles': 'error', 'headframe/no-text': 'error' },
  },
  {
    files: ['src/**/*.css'],
    plugins: { headframe },
    languageOptions: { parser: sheet },
    rules: { 'headframe/logical-styles': 'error' },
  },
  tier('bindings', []),
  tier('format', []),
  tier('messages', ['format', 'bindings']),
  tier('kit', ['format']),
  tier('ipc', ['bindings', 'messages']),
  tier('state', ['ipc', 'bindings', 'format', 'messages']),
  tier('rig', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('job', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('rules', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('settings', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('earnings', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('wallet', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('fleet', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('virtual', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('welcome', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('shell', ['kit', 'format', 'state', 'bindings', 'messages', 'rig', 'job', 'settings']),
  {
    files: ['src/routes/**/*.{ts,svelte}'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [TAURI, { regex: '^\\$lib/ipc(/|$)', message: 'Only lib/state imports lib/ipc.' }] }],
    },
  },
);
