import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, FLEET_SCENES, LANGUAGES, NOW, openStill, test, visit, type Scene } from './window';

const rows = (page: Page) => page.locator('main tbody tr');

async function open(page: Page, scene: Scene) {
  await openStill(page, scene, '/fleet');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Fleet');
}

test('three rigs stand in a table, with their sum at its foot', async ({ page }) => {
  await open(page, 'idle-and-earning');
  await expect(rows(page)).toHaveCount(3);
  await expectAccessible(page);
});

test('a row opens by keyboard alone and tells of its cards', async ({ page }) => {
  await open(page, 'idle-and-earning');
  const name = page.getByRole('button', { name: 'cellar' });
  await name.focus();
  await page.keyboard.press('Enter');
  await expect(name).toHaveAttribute('aria-expanded', 'true');
  await expect(page.getByText('998 FU verified')).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Enter');
  await expect(page.getByText('998 FU verified')).toHaveCount(0);
});

test('who has one rig reads how to add another', async ({ page }) => {
  await open(page, 'fleet-of-one');
  await expect(page.getByRole('heading', { name: 'Add another PC' })).toBeVisible();
});

test('many rigs come by pages', async ({ page }) => {
  await open(page, 'fleet-of-many');
  await expect(rows(page)).toHaveCount(50);
  await expect(page.getByText('1–50 of 120 rigs')).toBeVisible();
  await expect(page.locator('tfoot th')).toHaveText('120 rigs, 96 connected');
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('button', { name: 'More' }).click();
  await expect(page.getByText('101–120 of 120 rigs')).toBeVisible();
  await expect(page.getByRole('button', { name: 'More' })).toHaveAttribute('aria-disabled', 'true');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Before' }).click();
  await expect(page.getByText('51–100 of 120 rigs')).toBeVisible();
});

test('a network that does not answer is asked again, and this rig is shown meanwhile', async ({ page }) => {
  await open(page, 'fleet-silent');
  await expect(page.getByRole('alert')).toContainText('The network does not answer.');
  await expectAccessible(page);
  await page.clock.setFixedTime(new Date(NOW.getTime() + 3 * 60_000));
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(async () => {
    if ((await rows(page).count()) === 0) await page.getByRole('button', { name: 'Try again' }).click();
    await expect(rows(page)).toHaveCount(3, { timeout: 1_000 });
  }).toPass();
});

test('a rig whose wallet has not signed sees itself, why, and the way out', async ({ page }) => {
  await open(page, 'wallet-watching');
  await expect(rows(page)).toHaveCount(1);
  await page.getByRole('link', { name: 'To the wallet' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Wallet');
});

test('a wrong clock and a network that does not know the rig have their words', async ({ page }) => {
  await open(page, 'clock-wrong');
  await expect(page.getByRole('alert')).toContainText('The clock of this PC is wrong.');
  await open(page, 'fleet-refused');
  await expect(page.getByRole('alert')).toContainText('There is no such rig.');
});

test('without a wallet it says that first', async ({ page }) => {
  await open(page, 'no-wallet');
  await expect(page.getByText('Where its earnings go was not said yet.')).toBeVisible();
});

for (const language of LANGUAGES) {
  test(`${language}: every fleet can be read at every size in both themes`, async ({ page }) => {
    await choose(page, { language, digits: language === 'ar' ? 'arab' : 'latn' });
    for (const scene of ['idle-and-earning', 'practice', 'wallet-watching', ...FLEET_SCENES] as const) {
      await openStill(page, scene, '/fleet');
      await expect(page.locator('main :is(tbody tr, section, [role=alert])').first()).toBeVisible();
      const first = rows(page).first().getByRole('button');
      if ((await first.count()) > 0) await first.click();
      for (const [width, height] of [[900, 600], [1440, 900]] as const) {
        await page.setViewportSize({ width, height });
        for (const colorScheme of ['dark', 'light'] as const) {
          await page.emulateMedia({ colorScheme });
          await expectReadable(page, `${language} ${scene} ${width} ${colorScheme}`);
        }
      }
    }
  });
}

test('the page stays where it was when its owner comes back to it', async ({ page }) => {
  await open(page, 'fleet-of-many');
  await page.getByRole('button', { name: 'More' }).click();
  await expect(page.getByText('51–100 of 120 rigs')).toBeVisible();
  await visit(page, '/jobs');
  await visit(page, '/fleet');
  await expect(page.getByText('51–100 of 120 rigs')).toBeVisible();
});
