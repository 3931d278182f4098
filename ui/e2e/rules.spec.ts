import { expect, type Page } from '@playwright/test';
import { expectAccessible, openStill, test, visit } from './window';

const cell = (page: Page, name: string) => page.getByRole('gridcell', { name });

async function open(page: Page) {
  await openStill(page, 'one-card-works', '/rules');
  await expect(page.getByRole('grid', { name: 'Hours of the week' })).toBeVisible();
}

test('hours are painted with the mouse, and count once they are saved', async ({ page }) => {
  await open(page);
  await cell(page, 'Monday 09:00').hover();
  await page.mouse.down();
  await cell(page, 'Friday 16:00').hover();
  await page.mouse.up();
  await expect(cell(page, 'Wednesday 12:00: never')).toBeVisible();
  await expect(cell(page, 'Saturday 12:00: while I am away')).toBeVisible();
  await expect(page.getByText('128 hours of the week are for work')).toBeVisible();
  await expect(page.getByText('That is 40 h less than now.')).toBeVisible();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved. It counts within seconds.')).toBeVisible();
  await visit(page, '/jobs');
  await visit(page, '/rules');
  await expect(cell(page, 'Wednesday 12:00: never')).toBeVisible();
});

test('the week is painted by keyboard alone', async ({ page }) => {
  await open(page);
  await cell(page, 'Monday 00:00').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await expect(cell(page, 'Tuesday 02:00: never')).toBeFocused();
  await expect(cell(page, 'Tuesday 00:00: never')).toBeVisible();
  await page.keyboard.press('End');
  await page.keyboard.press('Space');
  await expect(cell(page, 'Tuesday 23:00: never')).toBeFocused();
  await expect(page.getByText('164 hours of the week are for work')).toBeVisible();
});

test('a preset is a week, and a change can be thrown away', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'At night', exact: true }).click();
  await expect(page.getByRole('button', { name: 'At night', exact: true })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByText('63 hours of the week are for work')).toBeVisible();
  await page.getByRole('button', { name: 'Discard' }).click();
  await expect(page.getByText('168 hours of the week are for work')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Save' })).toHaveCount(0);
});

test('what cannot be is refused with the reason, and can be mended', async ({ page }) => {
  await open(page);
  await page.getByLabel('Without a touch for').fill('0');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('`away.threshold_s` must be 1 to 86400')).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('Without a touch for').fill('60');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved. It counts within seconds.')).toBeVisible();
});

test('whoever leaves with changes is asked once', async ({ page }) => {
  await open(page);
  await page.getByLabel('Never disturb these').fill('factorio');
  await page.getByRole('button', { name: 'Add' }).click();
  await expect(page.getByRole('button', { name: 'Remove factorio' })).toBeVisible();
  await page.locator('nav a[href="/jobs"]').click();
  await expect(page.getByText('Your changes are not saved.')).toBeVisible();
  await page.locator('nav a[href="/jobs"]').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Jobs');
});

test('a card is kept by a switch, and money is typed with a comma or a point', async ({ page }) => {
  await open(page);
  const card = page.getByRole('switch', { name: /GeForce RTX 4090/ });
  await card.uncheck();
  await page.getByLabel('A kilowatt-hour costs').fill('0,32');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved. It counts within seconds.')).toBeVisible();
  await visit(page, '/jobs');
  await visit(page, '/rules');
  await expect(page.getByRole('switch', { name: /GeForce RTX 4090/ })).not.toBeChecked();
  await expect(page.getByLabel('A kilowatt-hour costs')).toHaveValue('0.32');
});

test('without an agent the page says so and comes back with it', async ({ page }) => {
  await openStill(page, 'agent-gone', '/rules');
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByRole('button', { name: 'Start it again' }).click();
  await expect(page.getByRole('grid', { name: 'Hours of the week' })).toBeVisible();
});
