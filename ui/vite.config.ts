import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';
import { shortKeys } from './build-tools/short-keys.js';

export default defineConfig(({ command }) => ({
  plugins: [
    // One module for each language, so that the window loads the one it speaks. `npm run messages` says the same to the checks.
    !process.env.VITEST &&
      paraglideVitePlugin({
        project: './project.inlang',
        outdir: './src/lib/messages/gen',
        outputStructure: 'locale-modules',
        strategy: ['baseLocale'],
        emitReadme: false,
        emitPrettierIgnore: false,
      }),
    shortKeys({ texts: 'messages/en.json', sources: `${import.meta.dirname}/src` }),
    sveltekit(),
  ],
  define: {
    // A browser has no agent behind it, so the development server invents one. The window's build does not.
    __FAKE_HOST__: JSON.stringify(command === 'serve' || process.env.HEADFRAME_HOST === 'fake'),
  },
  build: {
    target: 'es2022',
    // What many pages share is one file: by itself each button and icon would be packed worse, and asked for alone.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'kit', test: /@lucide|src[/]lib[/](kit|format)[/]/ }] } } },
  },
  test: {
    include: ['src/**/*.test.ts', 'lint/*.test.ts', 'build-tools/*.test.ts'],
    setupFiles: ['src/test.ts'],
    env: { TZ: 'Europe/Tallinn' },
  },
}));
