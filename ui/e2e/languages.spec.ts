// Every page in every scene, language and theme: all of it can be read, by everyone.

import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, LANGUAGES, openStill, SCENES, test, visit, type Language } from './window';

const SIZES = [[900, 600], [1440, 900], [1920, 1080]] as const;
const THEMES = ['dark', 'light'] as const;
/** Arabic has two kinds of digits; those that are not tried here are tried with the settings. */
const DIGITS = { en: 'latn', es: 'latn', 'zh-Hans': 'latn', ar: 'arab' } as const;

for (const language of LANGUAGES) {
  test(`${language}: every page of every scene can be read in both themes at every size`, async ({ page }) => {
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
    await visit(page, '/rules');
    await expect(page.locator('main ul li .bar')).toHaveCount(7);
    await readInEveryShape(page, `${language} rules`);
    await visit(page, '/settings');
    await readInEveryShape(page, `${language} settings`);
  });

  test(`${language}: every page can be used by everyone in both themes`, async ({ page }) => {
    await choose(page, { language, digits: DIGITS[language] });
    await openStill(page, 'failure');
    for (const path of ['/', '/jobs', '/rules', '/settings']) {
      await visit(page, path);
      await usableInBothThemes(page);
    }
    await visit(page, '/jobs');
    await page.locator('tbody a').first().click();
    await expect(page.locator('dl')).toBeVisible();
    await usableInBothThemes(page);
    await visit(page, '/');
    await page.locator('main a[href^="/gpu/"]:not([tabindex])').first().click();
    await expect(page.locator('tbody')).toBeVisible();
    await usableInBothThemes(page);
  });
}

async function expectSpoken(page: Page, language: Language) {
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await expect(page.locator('html')).toHaveAttribute('dir', language === 'ar' ? 'rtl' : 'ltr');
}

async function readInEveryShape(page: Page, where: string) {
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await expectReadable(page, `${where} ${width}×${height} ${colorScheme}`);
    }
  }
}

async function usableInBothThemes(page: Page) {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
}
