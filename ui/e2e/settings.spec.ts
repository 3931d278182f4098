import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, LANGUAGES, openPaused, openStill, test, visit } from './window';

const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const DARK = 'rgb(15, 18, 20)';
const LIGHT = 'rgb(246, 245, 242)';

test('another language is spoken at once, and nothing is lost by it', async ({ page }) => {
  await openStill(page, 'many-jobs', '/jobs');
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(page.getByText('100 jobs shown')).toBeVisible();
  await visit(page, '/settings');
  await page.getByText('العربية').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('الإعدادات');
  await expect(page).toHaveTitle('\u2068الإعدادات\u2069 · Headframe');
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(page.getByRole('radio', { name: 'العربية' }), 'the keyboard stays where it was').toBeFocused();
  await visit(page, '/jobs');
  await expect(page.getByText('100 مهمة معروضة'), 'what was loaded is still there').toBeVisible();
  await visit(page, '/settings');
  await page.getByRole('radio', { name: 'Español' }).check();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ajustes');
  await expect(page.locator('html')).toHaveAttribute('dir', 'ltr');
});

test('Arabic is written with either kind of digits', async ({ page }) => {
  await choose(page, { language: 'ar', digits: 'latn' });
  await openStill(page, 'idle-and-earning', '/settings');
  await expectReadable(page, 'settings in Arabic');
  await page.getByRole('radio', { name: /١٢٣/ }).check();
  await visit(page, '/jobs');
  await expect(page.getByText('٨ مهام معروضة')).toBeVisible();
});

test('who reads none of our languages is spoken to in English, and who reads one in that', async ({ browser, baseURL }) => {
  for (const [locale, title] of [['fi-FI', 'Settings'], ['es-MX', 'Ajustes'], ['zh-CN', '设置']] as const) {
    const page = await browser.newPage({ locale, ...(baseURL && { baseURL }) });
    await page.goto('/settings?scene=preparing');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(title);
    await page.close();
  }
});

test('the theme is the system’s until one is chosen, and the choice outlives the page', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await openStill(page, 'preparing', '/settings');
  expect(await ground(page)).toBe(LIGHT);
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await ground(page)).toBe(DARK);
  await page.getByRole('radio', { name: 'Light' }).check();
  expect(await ground(page)).toBe(LIGHT);
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Light' })).toBeChecked();
  expect(await ground(page)).toBe(LIGHT);
});

test('whoever wants no motion gets none, whatever the system says', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/settings');
  await page.getByRole('radio', { name: 'Always still' }).check();
  await visit(page, '/');
  const animations = await page.locator('.rotor').evaluateAll((all) => all.map((one) => getComputedStyle(one).animationName));
  expect(animations).toEqual(Array(6).fill('none'));
});

test('a storage that cannot be read is no obstacle, and one that cannot be written is told', async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem('headframe.window', '{"version":1,');
    const keep = Storage.prototype.setItem;
    Storage.prototype.setItem = function (key, text) {
      if (this === localStorage) throw new DOMException('full', 'QuotaExceededError');
      keep.call(this, key, text);
    };
  });
  await page.goto('/settings');
  await page.getByRole('radio', { name: 'Dark' }).check();
  await expect(page.getByText('This choice lasts until the window is closed')).toBeVisible();
  expect(await ground(page)).toBe(DARK);
});

test('the settings are chosen by keyboard alone', async ({ page }) => {
  await openPaused(page, 'preparing', '/settings');
  await page.getByRole('radio', { name: 'As the system: English' }).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.clock.runFor(1_000);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Ajustes');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('radio', { name: 'Los del sistema' })).toBeFocused();
});

test('what the owner is told is chosen at once, and stays', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/settings');
  const done = page.getByRole('switch', { name: 'Each job that is done' });
  await expect(page.getByRole('switch', { name: 'A result was not accepted' })).toBeChecked();
  await expect(done).not.toBeChecked();
  await done.check();
  await visit(page, '/');
  await visit(page, '/settings');
  await expect(done).toBeChecked();
});

test('the PC is looked at, and a report without names is written and copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStill(page, 'idle-and-earning', '/settings');
  await page.getByRole('button', { name: 'Look at this PC' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: '94 s ahead' })).toContainText('Could be better');
  await page.getByRole('button', { name: 'Write a report' }).click();
  await expect(page.getByText('headframe-support.txt')).toBeVisible();
  await page.getByRole('button', { name: 'Copy the report' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('Headframe 0.1.0 on linux');
});

test('what a look at the PC finds is told in the language that is spoken, with commands that stay as they are typed', async ({ page }) => {
  await openStill(page, 'no-docker', '/settings#checkup');
  const rows = page.locator('#checkup').getByRole('listitem');
  await expect(rows.first()).toContainText('install Docker (https://docs.docker.com/engine/install) and start it');
  await page.getByRole('radio', { name: 'Español' }).check();
  await expect(rows.first(), 'what is shown is told anew').toContainText('Motor de contenedores');
  await page.getByRole('radio', { name: 'العربية' }).check();
  await expect(rows.first()).toContainText('محرّك الحاويات');
  await expect(rows.locator('code').filter({ hasText: 'sudo timedatectl set-ntp true' })).toHaveAttribute('dir', 'ltr');
  await expect(page.locator('#checkup [lang]'), 'nothing of it is in another language').toHaveCount(0);
});

test('without an agent the folders are still shown, and what it would do is said', async ({ page }) => {
  await openStill(page, 'agent-gone', '/settings');
  await expect(page.getByText('/home/ada/.local/share/headframe/agent', { exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Open: Data folder' })).toBeEnabled();
  await expect(page.getByText('The agent looks and writes. It is not there now.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Look at this PC' })).toHaveAttribute('aria-disabled', 'true');
});

test('every part of the settings can be read when all of it is open', async ({ page }) => {
  for (const language of LANGUAGES) {
    await choose(page, { language, digits: 'latn' });
    await openStill(page, 'idle-and-earning', '/settings');
    const acts = page.locator('section .acts button');
    await acts.first().click();
    await acts.nth(1).click();
    await expect(acts).toHaveCount(4);
    for (const [width, height] of [[900, 600], [1440, 900]] as const) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        await expectReadable(page, `${language} settings ${width}×${height} ${colorScheme}`);
        await expectAccessible(page, colorScheme === 'dark' ? 'everything' : 'colours');
        if (process.env.HEADFRAME_SHOTS) await page.screenshot({ fullPage: true, path: `${process.env.HEADFRAME_SHOTS}/settings-${language}-${width}-${colorScheme}.png` });
      }
    }
  }
});
