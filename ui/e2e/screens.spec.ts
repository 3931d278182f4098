// What the window looks like, for people to look at: one picture of each page in each theme and language.
// The fonts are the window's own and, for Arabic and Chinese, those that the setup of the tests installs.

import { expect, type Page } from '@playwright/test';
import { choose, LANGUAGES, openStill, test, visit, type Language, type Scene } from './window';

const THEMES = ['dark', 'light'] as const;

/** Keeps pictures in a language. */
async function keeper(page: Page, language: Language) {
  await choose(page, { language, digits: 'latn' });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  return async (name: string, themes: readonly ('dark' | 'light')[] = THEMES) => {
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme });
      await page.mouse.move(0, 0);
      await expect(page).toHaveScreenshot(`${name}-${language}-${colorScheme}.png`);
    }
  };
}

/** A scene with a wallet: what is in it stands beside the page, a moment after the page. */
async function open(page: Page, scene: Scene, path?: string) {
  await openStill(page, scene, path);
  await expect(page.locator('aside a[href="/wallet"] b')).toBeVisible();
}

for (const language of LANGUAGES) {
  test(`${language}: the pages of a rig that works look as they did`, async ({ page }) => {
    const keep = await keeper(page, language);
    await open(page, 'idle-and-earning');
    await keep('rig');
    await visit(page, '/jobs');
    await keep('jobs');
    await visit(page, '/wallet');
    await expect(page.locator('main section section').first()).toBeVisible();
    await keep('wallet');
    await visit(page, '/virtual-rigs');
    await expect(page.locator('main section').first()).toBeVisible();
    await keep('virtual-rigs');
    await visit(page, '/rules');
    await expect(page.locator('main ul li .bar')).toHaveCount(7);
    await keep('rules');
    await visit(page, '/fleet');
    await keep('fleet');
    await visit(page, '/settings');
    await keep('settings');
    await visit(page, '/');
    await page.locator('main a[href^="/gpu/"]:not([tabindex])').first().click();
    await expect(page.locator('tbody')).toBeVisible();
    await expect(page.getByRole('switch')).toBeVisible();
    await keep('card');
  });

  test(`${language}: earnings, the first start, and what stands in the way look as they did`, async ({ page }) => {
    const keep = await keeper(page, language);
    await open(page, 'long-history', '/earnings');
    await expect(page.locator('main tbody a').first()).toBeVisible();
    await keep('earnings');
    await openStill(page, 'set-up', '/welcome');
    await expect(page.locator('main textarea')).toBeVisible();
    await keep('welcome');
    await open(page, 'no-docker');
    await keep('no-docker', ['dark']);
    await openStill(page, 'agent-gone');
    await keep('agent-gone', ['dark']);
    await open(page, 'clock-shut-out');
    await keep('clock-shut-out', ['light']);
    await open(page, 'disk-full');
    await keep('disk-full', ['light']);
    await open(page, 'failure', '/jobs');
    await page.locator('tbody a').first().click();
    await expect(page.locator('dl')).toBeVisible();
    await keep('failed-job', ['light']);
  });
}
