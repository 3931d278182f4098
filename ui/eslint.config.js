import globals from 'globals';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

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
  { ignores: ['.svelte-kit/', 'build/', 'build-fake/', 'src/lib/bindings/', 'test-results/', 'playwright-report/'] },
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
  tier('bindings', []),
  tier('format', []),
  tier('messages', ['format', 'bindings']),
  tier('kit', ['format']),
  tier('ipc', ['bindings', 'messages']),
  tier('state', ['ipc', 'bindings', 'format', 'messages']),
  tier('rig', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('job', ['kit', 'format', 'state', 'bindings', 'messages']),
  tier('shell', ['kit', 'format', 'state', 'bindings', 'messages', 'rig', 'job']),
  {
    files: ['src/routes/**/*.{ts,svelte}'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [TAURI, { regex: '^\\$lib/ipc(/|$)', message: 'Only lib/state imports lib/ipc.' }] }],
    },
  },
);
