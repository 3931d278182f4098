import { expect, type Page } from '@playwright/test';
import { expectAccessible, openStill, SCENES, test } from './window';

const PAGES = { rig: '/', jobs: '/jobs' } as const;
const SIZES = [[900, 600], [1280, 800], [1920, 1080]] as const;

for (const scene of SCENES) {
  for (const [name, path] of Object.entries(PAGES)) {
    test(`${scene}: the ${name} page says what it should, to everyone, at every size`, async ({ page }) => {
      await openStill(page, scene, path);
      await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: `${scene}-${name}.aria.yml` });
      for (const colorScheme of ['dark', 'light'] as const) {
        await test.step(`${colorScheme} theme`, async () => {
          await page.emulateMedia({ colorScheme });
          await expectAccessible(page);
        });
      }
      await expectNothingSticksOut(page);
    });
  }
}

async function expectNothingSticksOut(page: Page) {
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    for (const direction of ['ltr', 'rtl'] as const) {
      const overhang = await page.evaluate((dir) => {
        document.documentElement.dir = dir;
        return document.documentElement.scrollWidth - document.documentElement.clientWidth;
      }, direction);
      expect(overhang, `${width}×${height} ${direction}`).toBe(0);
    }
  }
}
