import { expect } from '@playwright/test';
import { expectAccessible, openStill, SCENES, test } from './window';

const PAGES = { rig: '/', jobs: '/jobs', earnings: '/earnings' } as const;

for (const scene of SCENES) {
  for (const [name, path] of Object.entries(PAGES)) {
    test(`${scene}: the ${name} page says what it should, to everyone`, async ({ page }) => {
      await openStill(page, scene, path);
      await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: `${scene}-${name}.aria.yml` });
      for (const colorScheme of ['dark', 'light'] as const) {
        await test.step(`${colorScheme} theme`, async () => {
          await page.emulateMedia({ colorScheme });
          await expectAccessible(page);
        });
      }
    });
  }
}
