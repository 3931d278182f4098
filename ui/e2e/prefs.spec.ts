// What an owner accepts, and whom he has blocked.

import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessibleInBothThemes, LANGUAGES, openPaused, openStill, test } from './window';

const THEMES = ['dark', 'light'] as const;

async function openJob(page: Page, name: string) {
  await openPaused(page, 'idle-and-earning', '/jobs');
  await page.getByRole('link', { name }).first().click();
  // Going to another page takes a timer.
  await page.clock.runFor(1_000);
}

test('an owner who has chosen much sees all of it', async ({ page }) => {
  await openStill(page, 'picky', '/jobs');
  await page.getByRole('link', { name: 'What I accept' }).click();
  await expect(page.getByRole('switch', { name: 'Jobs that save nothing on the way' })).not.toBeChecked();
  await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: 'picky-accepts.aria.yml' });
  await expectAccessibleInBothThemes(page);
});

test('an owner who has chosen nothing takes everything, and has blocked nobody', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/jobs/accepts');
  await expect(page.getByText('You have blocked nobody.')).toBeVisible();
  await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: 'idle-and-earning-accepts.aria.yml' });
  await expectAccessibleInBothThemes(page);
});

test('a choice is saved at once, by keyboard', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/jobs/accepts');
  await page.getByRole('switch', { name: 'Jobs that save nothing on the way' }).focus();
  await page.keyboard.press('Space');
  await expect(page.getByRole('main').getByRole('status')).toHaveText('Saved. It counts within seconds.');
  await page.getByRole('radio', { name: 'No limit' }).focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('radio', { name: '3 d' })).toBeChecked();
  await page.getByRole('link', { name: 'All jobs' }).click();
  await page.getByRole('link', { name: 'What I accept' }).click();
  await expect(page.getByRole('switch', { name: 'Jobs that save nothing on the way' })).not.toBeChecked();
  await expect(page.getByRole('radio', { name: '3 d' })).toBeChecked();
});

test('an owner who refuses cards and processor is told that nothing can come', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/jobs/accepts');
  await page.getByRole('switch', { name: 'Jobs for graphics cards' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await page.getByRole('switch', { name: 'Jobs for the processor' }).click();
  await expect(page.getByRole('alert')).toContainText('nothing can come');
  await expectAccessibleInBothThemes(page);
});

test('whoever is unblocked can be blocked again with one press', async ({ page }) => {
  await openStill(page, 'picky', '/jobs/accepts');
  const row = page.getByRole('button', { name: 'Unblock the customer of Embedding batch 91 of 130' });
  await row.click();
  await expect(row).toBeHidden();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(row).toBeVisible();
});

test('when nothing that waits is accepted, the rig says why by count', async ({ page }) => {
  await openStill(page, 'picky');
  const card = page.getByRole('region', { name: 'Why it earns, or does not' });
  await expect(card).toContainText('no saving on the way, which you refuse');
  await expect(card).toContainText('6 jobs');
  await expect(card).toMatchAriaSnapshot({ name: 'picky-demand.aria.yml' });
});

test('a customer is blocked by keyboard, what runs is given back, and it is undone', async ({ page }) => {
  await openJob(page, 'Embedding batch 91 of 130');
  const button = page.getByRole('button', { name: 'Block this customer' });
  await button.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Block this customer?' });
  await expect(dialog).toMatchAriaSnapshot({ name: 'block-dialog.aria.yml' });
  await page.clock.resume();
  await expectAccessibleInBothThemes(page);
  await dialog.getByRole('radio', { name: 'Goes on to its end' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(dialog).toContainText('It is paid like any job that you give back');
  await dialog.getByRole('button', { name: 'Block', exact: true }).focus();
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByText('You take no more jobs of this customer.')).toBeVisible();
  await expect(page.getByRole('main')).toContainText('does not take such jobs');
  await expectAccessibleInBothThemes(page);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(button).toBeVisible();
});

test('Escape blocks nobody', async ({ page }) => {
  await openJob(page, 'Blender: courtyard, frames 200 to 480');
  const button = page.getByRole('button', { name: 'Block this customer' });
  await button.click();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(button).toBeFocused();
});

for (const language of LANGUAGES) {
  test(`${language}: what is accepted can be read in both themes at every size`, async ({ page }) => {
    await choose(page, { language, digits: language === 'ar' ? 'arab' : 'latn' });
    const read = async (where: string) => {
      for (const [width, height] of [[900, 600], [1440, 900], [1920, 1080]] as const) {
        await page.setViewportSize({ width, height });
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme });
          await expectReadable(page, `${language} ${where} ${width} ${colorScheme}`);
        }
      }
    };
    await openStill(page, 'picky', '/jobs/accepts');
    await expect(page.locator('main li')).toHaveCount(2);
    await read('accepts');
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: language === 'es' ? 'light' : 'dark' });
    await page.mouse.move(0, 0);
    await expect(page).toHaveScreenshot(`accepts-${language}-${language === 'es' ? 'light' : 'dark'}.png`);
    await openStill(page, 'idle-and-earning', '/jobs');
    await page.locator('tbody a').first().click();
    await page.locator('.bar button').click();
    await expect(page.locator('dialog[open]')).toBeVisible();
    await read('block dialog');
  });
}
