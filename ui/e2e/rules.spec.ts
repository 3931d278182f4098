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
  await page.getByRole('button', { name: 'Add', exact: true }).click();
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

test('a tariff by the hour is added, changed and saved, and which of two prices counts is said', async ({ page }) => {
  await open(page);
  await page.getByLabel('A kilowatt-hour costs').fill('0.30');
  await page.getByRole('button', { name: 'Add a price' }).click();
  const evening = page.getByRole('listitem', { name: 'Price 1' });
  await expect(evening.getByLabel('From')).toHaveValue('17');
  await evening.getByLabel('costs').fill('0.45');
  await evening.getByRole('checkbox', { name: 'Saturday' }).uncheck();
  await evening.getByRole('checkbox', { name: 'Sunday' }).uncheck();
  await expect(page.getByText('$0.45 for 20 hours of the week')).toBeVisible();
  await expect(page.getByText('148 hours have no price here and cost the usual $0.30')).toBeVisible();
  await page.getByRole('button', { name: 'Add a night, 22:00 to 06:00' }).click();
  const late = page.getByRole('listitem', { name: 'Price 2' });
  await late.getByLabel('From').selectOption('20');
  await expect(late.getByText('5 of its 28 hours a week belong to prices above it.')).toBeVisible();
  await late.getByRole('button', { name: 'move up' }).click();
  await expect(page.getByRole('listitem', { name: 'Price 2' }).getByText('5 of its 20 hours a week')).toBeVisible();
  await page.getByRole('listitem', { name: 'Price 1' }).getByLabel('costs').fill('100.000001');
  await expect(page.getByRole('listitem', { name: 'Price 1' }).getByLabel('costs')).toHaveAttribute('aria-invalid', 'true');
  await page.getByRole('button', { name: 'Price 1: remove' }).click();
  await expectAccessible(page);
  await expect(page.getByText('That is as much as now.')).toBeVisible();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved. It counts within seconds.')).toBeVisible();
  await visit(page, '/jobs');
  await visit(page, '/rules');
  await expect(page.getByRole('listitem', { name: 'Price 1' }).getByLabel('costs')).toHaveValue('0.45');
  await expect(page.getByRole('listitem', { name: 'Price 2' }).getByLabel('to', { exact: true })).toHaveValue('6');
  await expect(page.getByRole('listitem', { name: 'Price 3' })).toHaveCount(0);
});

test('a band begins before it ends, and keeps its last day', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: 'Add a price' }).click();
  const band = page.getByRole('listitem', { name: 'Price 1' });
  await band.getByLabel('From').selectOption('23');
  await expect(band.getByLabel('to', { exact: true })).toHaveValue('24');
  await band.getByLabel('to', { exact: true }).selectOption('5');
  await expect(band.getByLabel('From')).toHaveValue('4');
  for (const day of ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']) await band.getByRole('checkbox', { name: day }).uncheck();
  await band.getByRole('checkbox', { name: 'Sunday' }).click();
  await expect(band.getByRole('checkbox', { name: 'Sunday' })).toBeChecked();
  await expect(page.getByText('there is no usual one: power is not counted then')).toBeVisible();
});

test('how long others may be busy is a rule of its own', async ({ page }) => {
  await open(page);
  await page.getByLabel('For so long in a row').fill('30');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Saved. It counts within seconds.')).toBeVisible();
});

test('columns of rules begin at the same height', async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(page);
  const tops = await page.locator('.pair > .stack').evaluateAll((stacks) => stacks.map((stack) => stack.firstElementChild?.getBoundingClientRect().top));
  expect(tops).toHaveLength(2);
  expect(tops[0]).toBe(tops[1]);
});

test('without an agent the page says so and comes back with it', async ({ page }) => {
  await openStill(page, 'agent-gone', '/rules');
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByRole('button', { name: 'Start it again' }).click();
  await expect(page.getByRole('grid', { name: 'Hours of the week' })).toBeVisible();
});
