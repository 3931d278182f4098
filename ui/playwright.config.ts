import { defineConfig } from '@playwright/test';

// The build with the fake host, served on a port of its own: `npm run e2e` makes both.
const port = Number(process.env.HEADFRAME_E2E_PORT ?? 4173);

export default defineConfig({
  testDir: 'e2e',
  fullyParallel: true,
  forbidOnly: true,
  retries: 0,
  workers: 2,
  timeout: 120_000,
  // A page that is right is right at once; a machine with other things to do is not.
  expect: {
    timeout: 30_000,
    // Letters are drawn a little differently by each release of the browser; a line more in the sidebar is not a little.
    toHaveScreenshot: { maxDiffPixelRatio: 0.001, pathTemplate: '{testDir}/screens/{arg}{ext}', stylePath: 'e2e/screens.css' },
  },
  reporter: [['list']],
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Tallinn',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run',
      ],
    },
  },
  webServer: {
    command: `npm run build:fake && npm run preview -- --host 127.0.0.1 --port ${port} --strictPort`,
    env: { HEADFRAME_HOST: 'fake' },
    url: `http://127.0.0.1:${port}`,
    timeout: 180_000,
    reuseExistingServer: false,
  },
});
