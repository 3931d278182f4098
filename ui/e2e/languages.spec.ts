// Every page in every scene, language and theme: all of it can be read, by everyone.

import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessibleInBothThemes, expectSettled, FAULT_SCENES, LANGUAGES, openStill, SCENES, test, VIRTUAL_SCENES, visit, WALLET_SCENES, type Language } from './window';

const SIZES = [[900, 600], [1280, 800], [1440, 900], [1920, 1080]] as const;
const THEMES = ['dark', 'light'] as const;
/** Arabic has two kinds of digits; those that are not tried here are tried with the settings. */
const DIGITS = { en: 'latn', es: 'latn', 'zh-Hans': 'latn', ar: 'arab' } as const;

for (const language of LANGUAGES) {
  test(`${language}: every page of every scene can be read at every size, and in both themes at the smallest`, async ({ page }) => {
    // Hundreds of looks: minutes where there is other work.
    test.slow();
    await choose(page, { language, digits: DIGITS[language] });
    for (const scene of SCENES) {
      await openStill(page, scene);
      await expectSpoken(page, language);
      await readInEveryShape(page, `${language} ${scene} rig`);
      const details = page.locator('main a[href^="/gpu/"]:not([tabindex])');
      if ((await details.count()) > 0) {
        await details.first().click();
        await expect(page.locator('main h1')).toBeVisible();
        await readInEveryShape(page, `${language} ${scene} card`);
      }
      await visit(page, '/jobs');
      await readInEveryShape(page, `${language} ${scene} jobs`);
      if ((await page.locator('tbody a').count()) === 0) continue;
      await page.locator('tbody a').first().click();
      await expect(page.locator('dl')).toBeVisible();
      await readInEveryShape(page, `${language} ${scene} job`);
    }
    await visit(page, '/earnings');
    await readInEveryShape(page, `${language} no earnings`);
    await visit(page, '/rules');
    await expect(page.locator('main ul li .bar')).toHaveCount(7);
    await readInEveryShape(page, `${language} rules`);
    await visit(page, '/fleet');
    await readInEveryShape(page, `${language} fleet`);
    await visit(page, '/settings');
    await readInEveryShape(page, `${language} settings`);
    await openStill(page, 'long-history', '/earnings');
    for (const [index, kind] of ['hours', 'days', 'months'].entries()) {
      await page.locator('.kinds button').nth(index).click();
      await expect(page.locator('main tbody a').first()).toBeVisible();
      await page.locator('main summary').click();
      await readInEveryShape(page, `${language} earnings by ${kind}`);
    }
  });

  test(`${language}: what stands in the way, and a window without an agent, can be read at every size, and in both themes at the smallest`, async ({ page }) => {
    // Hundreds of looks: minutes where there is other work.
    test.slow();
    await choose(page, { language, digits: DIGITS[language] });
    for (const scene of [...FAULT_SCENES, 'clock-wrong'] as const) {
      await openStill(page, scene);
      await readInEveryShape(page, `${language} ${scene} rig`);
    }
    await openStill(page, 'no-docker', '/settings#checkup');
    await expect(page.locator('#checkup li').first()).toBeVisible();
    await readInEveryShape(page, `${language} check-up`);
    await openStill(page, 'agent-gone');
    for (const path of ['/earnings', '/rules', '/fleet', '/settings']) {
      await visit(page, path);
      await readInEveryShape(page, `${language} agent gone ${path}`);
    }
  });

  test(`${language}: wallet and virtual rigs can be read at every size, and in both themes at the smallest`, async ({ page }) => {
    // Hundreds of looks: minutes where there is other work.
    test.slow();
    await choose(page, { language, digits: DIGITS[language] });
    for (const scene of ['idle-and-earning', ...WALLET_SCENES] as const) {
      await openStill(page, scene, '/wallet');
      await expect(page.locator('main :is(h2, ul button)').first()).toBeVisible();
      await expectSettled(page);
      await readInEveryShape(page, `${language} ${scene} wallet`);
    }
    for (const scene of ['idle-and-earning', ...VIRTUAL_SCENES] as const) {
      await openStill(page, scene, '/virtual-rigs');
      await expect(page.locator('main :is(h2, ul button)').first()).toBeVisible();
      await expectSettled(page);
      await readInEveryShape(page, `${language} ${scene} virtual rigs`);
    }
  });

  test(`${language}: every page can be used by everyone in both themes`, async ({ page }) => {
    // Hundreds of looks: minutes where there is other work.
    test.slow();
    await choose(page, { language, digits: DIGITS[language] });
    await openStill(page, 'failure');
    for (const path of ['/', '/jobs', '/earnings', '/wallet', '/virtual-rigs', '/rules', '/fleet', '/settings']) {
      await visit(page, path);
      await expectAccessibleInBothThemes(page);
    }
    await visit(page, '/jobs');
    await page.locator('tbody a').first().click();
    await expect(page.locator('dl')).toBeVisible();
    await expectAccessibleInBothThemes(page);
    await visit(page, '/');
    await page.locator('main a[href^="/gpu/"]:not([tabindex])').first().click();
    await expect(page.locator('tbody')).toBeVisible();
    await expectAccessibleInBothThemes(page);
  });
}

async function expectSpoken(page: Page, language: Language) {
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await expect(page.locator('html')).toHaveAttribute('dir', language === 'ar' ? 'rtl' : 'ltr');
}

async function readInEveryShape(page: Page, where: string) {
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    // Themes differ by colours alone, which move nothing: one look at the other finds what does not keep to that.
    for (const colorScheme of width === SIZES[0][0] ? THEMES : (['dark'] as const)) {
      await page.emulateMedia({ colorScheme });
      await expectReadable(page, `${where} ${width}×${height} ${colorScheme}`);
    }
  }
}
