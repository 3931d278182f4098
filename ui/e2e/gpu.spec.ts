// A card's details, and why the rig earns or does not.

import { expect } from '@playwright/test';
import { expectAccessible, openPaused, openStill, test } from './window';

test('from a card of the rig to its details and back', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  await page.getByRole('region', { name: 'GeForce RTX 4090' }).getByRole('link', { name: 'GeForce RTX 4090' }).click();
  await expect(page.getByRole('heading', { name: 'NVIDIA GeForce RTX 4090', level: 1 })).toBeVisible();
  await expect(page.locator('nav a[href="/"]')).toHaveAttribute('aria-current', 'page');
  await expect(page.getByText('It passed a challenge that cannot be answered without the card')).toBeVisible();
  await expect(page.getByRole('cell', { name: '82.6 TOP/s' })).toBeVisible();
  await expect(page.getByText('NVIDIA GeForce RTX 4090 (450 W)')).toBeVisible();
  await page.getByRole('link', { name: 'The rig' }).click();
  await page.locator('.frame a').nth(1).click();
  await expect(page.getByRole('heading', { name: 'NVIDIA GeForce RTX 3090', level: 1 })).toBeVisible();
  await expect(page.getByText('Nobody but this PC has checked it yet.')).toBeVisible();
});

test('a card is kept and offered again from its own page', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/gpu/GPU-3090');
  const offered = page.getByRole('switch', { name: 'Let this card work' });
  await expect(offered).toBeChecked();
  await offered.click();
  await expect(offered).not.toBeChecked();
  await page.locator('nav a[href="/rules"]').click();
  await expect(page.getByRole('switch', { name: 'Let NVIDIA GeForce RTX 3090 work' })).not.toBeChecked();
  await expect(page.getByRole('switch', { name: 'Let NVIDIA GeForce RTX 4090 work' })).toBeChecked();
});

test('a card is measured again once the PC is free', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/gpu/GPU-4090');
  await page.getByRole('button', { name: 'Measure again' }).click();
  await expect(page.getByRole('button', { name: 'Measured once the PC is free' })).toHaveAttribute('aria-disabled', 'true');
});

test('a card whose driver tells little is shown with what is not told, and one that is not there is said to be missing', async ({ page }) => {
  await openStill(page, 'one-card-works', '/gpu/GPU-A380');
  await expect(page.getByText('not told')).toHaveCount(5);
  await expect(page.getByText('It has not been measured yet.')).toBeVisible();
  await expectAccessible(page);
  await openStill(page, 'one-card-works', '/gpu/nobody');
  await expect(page.getByRole('heading', { name: 'There is no such card in this PC' })).toBeVisible();
  await expectAccessible(page);
});

test('an owner reads why his rig earns nothing although nothing stands in the way', async ({ page }) => {
  await openStill(page, 'no-demand');
  const why = page.getByRole('region', { name: 'Why it earns, or does not' });
  await expect(why).toContainText('7 jobs wait, and none fits this PC. Most of them ask for a verified score, which no card here has yet.');
  await expect(why.getByRole('listitem')).toHaveCount(4);
  await expect(why).toContainText('appears here once 20 of their jobs in seven days are known');
});

test('what the network has is not invented while it does not answer', async ({ page }) => {
  await openStill(page, 'coordinator-down');
  const why = page.getByRole('region', { name: 'Why it earns, or does not' });
  await expect(why).toContainText('It takes no work now: the coordinator cannot be reached.');
  await expect(why).toContainText('The network does not answer.');
});

test('the reason is the rig’s own as long as it has one', async ({ page }) => {
  await openPaused(page, 'idle-and-earning');
  const why = page.getByRole('region', { name: 'Why it earns, or does not' });
  await expect(why).toContainText('It earns now, with 2 jobs.');
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.clock.runFor(10_000);
  await expect(why).toContainText('You have paused it.');
});
