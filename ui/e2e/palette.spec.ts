import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, LANGUAGES, openPaused, openStill, test } from './window';

const field = (page: Page) => page.getByRole('dialog').getByRole('combobox');
const options = (page: Page) => page.getByRole('dialog').getByRole('option');
const marked = (page: Page) => page.getByRole('dialog').getByRole('option', { selected: true });

test('a page is reached by a few letters and Enter', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  await page.keyboard.press('Control+k');
  await expect(field(page)).toBeFocused();
  await page.keyboard.type('rul');
  await expect(marked(page)).toContainText('Rules');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Rules');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('the rig is paused from any page, and what became of it is told', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/settings');
  await page.getByRole('button', { name: 'Search and do' }).click();
  await page.keyboard.type('snooze tomo');
  await expect(marked(page)).toContainText('Snooze until tomorrow, 06:00');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status', { name: 'Notices' })).toContainText('Done: Snooze until tomorrow');
  await page.keyboard.press('Control+1');
  // Giving the PC back takes a moment.
  await page.clock.runFor(4_000);
  await expect(page.getByText(/Starts again by itself in 15\sh 59\smin, at 06:00/)).toBeVisible();
  await page.clock.runFor(3_000);
  await expect(page.getByText('Done: Snooze')).toBeHidden();
});

test('arrows mark, round the ends, and what is marked is told to those who listen', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  await page.keyboard.press('Control+k');
  const first = await options(page).first().getAttribute('id');
  const last = await options(page).last().getAttribute('id');
  await expect(field(page)).toHaveAttribute('aria-activedescendant', first ?? '');
  await page.keyboard.press('ArrowUp');
  await expect(field(page)).toHaveAttribute('aria-activedescendant', last ?? '');
  await expect(marked(page)).toBeInViewport();
  await page.keyboard.press('ArrowDown');
  await expect(field(page)).toHaveAttribute('aria-activedescendant', first ?? '');
  await expectAccessible(page);
});

test('Escape gives the keyboard back to where it was', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  const pause = page.getByRole('button', { name: 'Pause', exact: true });
  await pause.focus();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('zzz');
  await expect(page.getByText('Nothing here is called “zzz”.')).toBeVisible();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(pause).toBeFocused();
});

test('jobs of the past are found by their titles', async ({ page }) => {
  await openStill(page, 'many-jobs');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('embed');
  await expect(options(page)).toHaveCount(8);
  await expect(marked(page)).toContainText('Embedding batch');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Embedding batch');
});

test('pages have keys, and the palette says which', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  await page.keyboard.press('Control+2');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Jobs');
  await page.keyboard.press('Control+,');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Settings');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('jobs');
  await expect(marked(page)).toHaveAttribute('aria-keyshortcuts', 'Control+2');
});

test('the language is changed from here, and the list speaks it at once', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('العربية');
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('قواعد');
  await page.keyboard.press('Enter');
  await expect(page.locator('nav a[href="/rules"]')).toHaveAttribute('aria-current', 'page');
});

test('how the rig is can be copied for somebody who helps', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStill(page, 'no-docker');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('copy report');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status', { name: 'Notices' })).toContainText('Copied');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain('phase: waiting, no_engine');
  expect(copied).not.toContain('attic');
});

for (const language of LANGUAGES) {
  test(`${language}: the palette can be read and used by everyone`, async ({ page }) => {
    await choose(page, { language, digits: 'latn' });
    await openStill(page, 'idle-and-earning');
    await page.keyboard.press('Control+k');
    for (const [width, height] of [[900, 600], [1440, 900]] as const) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        const dialog = await page.getByRole('dialog').boundingBox();
        expect(dialog && dialog.y + dialog.height <= height, `${width}×${height}`).toBe(true);
        await expectReadable(page, `${language} palette ${width}×${height} ${colorScheme}`);
        if (width === 1440) await expectAccessible(page, colorScheme === 'dark' ? 'everything' : 'colours');
        if (process.env.HEADFRAME_SHOTS) await page.screenshot({ path: `${process.env.HEADFRAME_SHOTS}/palette-${language}-${width}-${colorScheme}.png` });
      }
    }
  });
}
