import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

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
    sveltekit(),
  ],
  define: {
    // A browser has no agent behind it, so the development server invents one. The window's build does not.
    __FAKE_HOST__: JSON.stringify(command === 'serve' || process.env.HEADFRAME_HOST === 'fake'),
  },
  build: { target: 'es2022' },
  test: {
    include: ['src/**/*.test.ts', 'lint/*.test.ts'],
    setupFiles: ['src/test.ts'],
    env: { TZ: 'Europe/Tallinn' },
  },
}));
