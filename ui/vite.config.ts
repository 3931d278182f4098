import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig(({ command }) => ({
  plugins: [sveltekit()],
  define: {
    // A browser has no agent behind it, so the development server invents one. The window's build does not.
    __FAKE_HOST__: JSON.stringify(command === 'serve' || process.env.HEADFRAME_HOST === 'fake'),
  },
  build: { target: 'es2022' },
  test: {
    include: ['src/**/*.test.ts'],
    env: { TZ: 'Europe/Tallinn' },
  },
}));
