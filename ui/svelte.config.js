import adapter from '@sveltejs/adapter-static';
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

// The build for the browser tests carries the fake host and lives beside the real one, so that the window's
// files can never contain invented figures.
const fake = process.env.HEADFRAME_HOST === 'fake';

/** @type {import('@sveltejs/kit').Config} */
const config = {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
  kit: {
    outDir: fake ? '.svelte-kit/fake' : '.svelte-kit',
    adapter: adapter({ pages: fake ? 'build-fake' : 'build', fallback: 'index.html' }),
    // The window is installed as a whole; nothing needs to ask whether a newer page exists.
    version: { name: '0.1.0', pollInterval: 0 },
  },
};

export default config;
