import { expect, type Page } from '@playwright/test';
import { expectAccessible, openStill, test, type Scene } from './window';

const bars = (page: Page) => page.getByRole('listbox', { name: 'Choose one to see its jobs' });
const bar = (page: Page) => bars(page).getByRole('option');
const chosen = (page: Page) => bars(page).getByRole('option', { selected: true });

async function open(page: Page, scene: Scene = 'long-history') {
  await openStill(page, scene, '/earnings');
  await expect(bars(page)).toBeVisible();
}

test('hours, days and months are one press apart', async ({ page }) => {
  await open(page);
  await expect(bar(page)).toHaveCount(30);
  await expect(page.getByRole('region', { name: 'A day with work' })).toContainText(/By \d+ whole days of the last 90/);
  await page.getByRole('button', { name: 'Hours' }).click();
  await expect(bar(page)).toHaveCount(24);
  await expect(page.getByRole('button', { name: 'Hours' })).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Months' }).click();
  await expect(bar(page)).toHaveCount(12);
  await expect(page.getByRole('region', { name: 'A month with work' })).toContainText('Told once there are 6 whole months with work');
  await expectAccessible(page);
});

test('a bar is chosen by mouse or by keyboard, and lists what it is made of', async ({ page }) => {
  await open(page);
  await bars(page).getByRole('option', { name: /^Friday 20 November/ }).click();
  await expect(page.getByRole('region', { name: 'Friday 20 November' }).locator('tbody tr')).toHaveCount(7);
  await bars(page).focus();
  await page.keyboard.press('ArrowLeft');
  await expect(chosen(page)).toHaveAccessibleName(/^Thursday 19 November: \$/);
  await expect(page.getByRole('region', { name: 'Thursday 19 November' }).locator('tbody tr')).toHaveCount(5);
  await page.keyboard.press('Home');
  await expect(chosen(page)).toHaveAccessibleName(/^Sunday 25 October: \$/);
  await page.keyboard.press('End');
  await expect(chosen(page)).toHaveAccessibleName(/^Monday 23 November: \$/);
});

test('an amount can be followed to its job and its receipt', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page, 'idle-and-earning');
  const row = page.getByRole('row', { name: /Transcode trailer/ });
  await row.getByRole('button', { name: /Copy the receipt 0x0192/ }).click();
  await expect(row.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^0x[0-9a-f]{64}$/);
  await row.getByRole('link').click();
  await expect(page.getByRole('heading', { name: 'Transcode trailer to AV1' })).toBeVisible();
});

test('what is not known is said, and is no zero', async ({ page }) => {
  await open(page, 'idle-and-earning');
  const sum = page.getByRole('region', { name: 'The last 30 days in all' });
  await expect(sum).toContainText('Power was not measured for 4 of 6 jobs.');
  await expect(sum).toContainText('After measured power');
  await expect(sum).toContainText('not settled yet');
  await expect(page.getByRole('listitem').filter({ hasText: 'Rewards' })).toContainText('not known yet');
  await expect(page.getByRole('region', { name: 'By what worked' })).toContainText('Not known which');
  await page.getByText('As a table').click();
  await expect(page.getByRole('row', { name: /Saturday 21 November/ })).toContainText('not known yet');
  await expect(page.getByRole('region', { name: 'A day with work' })).toContainText('so far 2');
  await expectAccessible(page);
});

test('a file is written and said where, or said why not', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'The year 2026 for taxes (CSV)' }).click();
  await expect(page.getByText('Written: /home/ada/Downloads/headframe-year-2026.csv')).toBeVisible();
  await open(page, 'many-jobs');
  await page.getByRole('button', { name: 'Every job (CSV)' }).click();
  await expect(page.getByText('no space left on device')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Every job (CSV)' })).toBeEnabled();
  await expectAccessible(page);
});

test('more jobs than fit are shown when asked for', async ({ page }) => {
  await open(page, 'many-jobs');
  await expect(page.locator('main tbody a')).toHaveCount(20);
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(page.locator('main tbody a')).toHaveCount(40);
});

test('where nothing was earned yet it is said when something will be', async ({ page }) => {
  await openStill(page, 'first-run', '/earnings');
  await expect(page.getByRole('heading', { name: 'Nothing earned yet' })).toBeVisible();
  await expect(page.getByText('The first amount appears here when a job has ended')).toBeVisible();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
});

test('without an agent nothing is made up, and the figures come back with it', async ({ page }) => {
  await openStill(page, 'agent-gone', '/earnings');
  await page.getByRole('button', { name: 'Start it again' }).click();
  await expect(bars(page)).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});
