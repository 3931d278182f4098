import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, LANGUAGES, openPaused, openStill, test } from './window';

const dialog = (page: Page) => page.getByRole('dialog');
const pass = (page: Page, ms: number) => page.clock.runFor(ms);

async function lookAt(page: Page, pool: string, fu: string) {
  await page.getByRole('button', { name: `Look at the terms of a share of ${pool}` }).click();
  await dialog(page).getByLabel('How much power').fill(fu);
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await expect(dialog(page).getByRole('table')).toBeVisible();
}

test('a share always shows what was paid, what it brought and when it ends', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/virtual-rigs');
  const terms = page.getByRole('region', { name: 'Virtual rig #1042' }).getByLabel('Paid, received, ends');
  await expect(terms).toContainText('$750.00');
  await expect(terms).toContainText('$186.40');
  await expect(terms).toContainText('worth $0.00 then');
});

test('nothing is bought before a table of losses was shown and every risk was ticked', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/virtual-rigs');
  await pass(page, 500);
  await lookAt(page, 'Tallinn 7', '100');
  await expect(dialog(page).getByRole('row', { name: /no customer comes/ })).toContainText('−$150.00');
  const agree = dialog(page).getByRole('button', { name: 'Pay and take the share' });
  const risks = await dialog(page).getByRole('checkbox').all();
  expect(risks.length).toBe(5);
  for (const risk of risks) {
    await expect(agree).toHaveAttribute('aria-disabled', 'true');
    await risk.check();
  }
  await agree.click();
  const rig = page.getByRole('region', { name: 'Virtual rig #1043' });
  await expect(rig.getByText('Being entered on the chain…')).toBeVisible();
  await expect(rig.getByLabel('Paid, received, ends')).toContainText('worth $0.00 then');
  await pass(page, 9_000);
  await expect(rig.getByText('Being entered on the chain…')).toHaveCount(0);
});

test('what is for sale is a limit, and machines that nobody verified are not sold', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/virtual-rigs');
  await page.getByRole('button', { name: 'Look at the terms of a share of Tallinn 7' }).click();
  await dialog(page).getByLabel('How much power').fill('220');
  await expect(dialog(page).getByText('A whole number from 1 to 219.')).toBeVisible();
  await expect(dialog(page).getByRole('button', { name: 'Look it over' })).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Look at the terms of a share of Málaga 4' })).toHaveAttribute('aria-disabled', 'true');
  await expect(page.getByText('Nothing is sold while its machines are not verified.')).toBeVisible();
});

test('a share can be enlarged for the rest of its term, and retired for what that brings', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/virtual-rigs');
  await pass(page, 500);
  await page.getByRole('button', { name: 'Add power to virtual rig #1042' }).click();
  await dialog(page).getByLabel('How much power').fill('100');
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await expect(dialog(page).getByText('$112.50').first(), 'for 27 of 36 months').toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Retire virtual rig #1042' }).click();
  await expect(dialog(page).getByText('$337.50')).toBeVisible();
  await dialog(page).getByRole('checkbox').check();
  await dialog(page).getByRole('button', { name: 'Retire it' }).click();
  await expect(page.getByText('You have none, and you need none', { exact: false })).toBeVisible();
});

test('a machine in a box is activated once, and its key is not kept', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/virtual-rigs');
  const card = page.getByRole('region', { name: 'Activate a machine' });
  const enter = async (serial: string, key: string) => {
    await card.getByLabel('Serial number').fill(serial);
    await card.getByLabel('Claim key').fill(key);
    await card.getByRole('button', { name: 'Activate' }).click();
  };
  await enter('HF-2026-0041', 'claim-0041');
  await expect(card.getByRole('alert')).toContainText('This machine was activated before.');
  await enter('HF-2026-0042', 'claim-0000');
  await expect(card.getByRole('alert')).toContainText('This key does not belong to the machine.');
  await expect(card.getByLabel('Claim key')).toHaveValue('');
  await enter('HF-2026-0042', 'claim-0042');
  await expect(card.getByText('is yours now.', { exact: false })).toBeVisible();
});

test('a network without them says so and asks for nothing', async ({ page }) => {
  await openStill(page, 'no-virtual-rigs', '/virtual-rigs');
  await expect(page.getByRole('heading', { name: 'Not offered by this network yet' })).toBeVisible();
  await expect(page.getByRole('main').getByRole('button')).toHaveCount(0);
});

test('nothing on the page urges or promises', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/virtual-rigs');
  await lookAt(page, 'Oulu 9', '50');
  const said = await page.evaluate(() => document.body.innerText);
  expect(said).not.toMatch(/APY|ROI|yield|passive|payback|hurry|only \d+ left|guarantee/i);
});

for (const language of LANGUAGES) {
  test(`${language}: terms and risks can be read in a small window, by everyone`, async ({ page }) => {
    await choose(page, { language, digits: 'latn' });
    await page.setViewportSize({ width: 900, height: 600 });
    await openStill(page, 'idle-and-earning', '/virtual-rigs');
    await page.locator('.pools button').first().click();
    await dialog(page).locator('input').fill('100');
    await dialog(page).locator('footer button').nth(1).click();
    await expect(dialog(page).getByRole('table')).toBeVisible();
    await expectReadable(page, `${language} terms of a share`);
    await expectAccessible(page);
  });
}
