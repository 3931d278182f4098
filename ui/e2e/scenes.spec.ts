import { expect } from '@playwright/test';
import { expectAccessible, openStill, SCENES, test, VIRTUAL_SCENES, WALLET_SCENES, type Scene } from './window';

const PAGES: [name: string, path: string, scenes: readonly Scene[]][] = [
  ['rig', '/', SCENES],
  ['jobs', '/jobs', SCENES],
  ['earnings', '/earnings', SCENES],
  ['wallet', '/wallet', ['idle-and-earning', 'agent-gone', ...WALLET_SCENES]],
  ['fleet', '/fleet', ['idle-and-earning', 'agent-gone', 'coordinator-down', 'no-wallet', 'wallet-watching', 'clock-wrong', 'fleet-of-one', 'fleet-silent', 'fleet-refused']],
  ['virtual-rigs', '/virtual-rigs', ['idle-and-earning', 'agent-gone', ...VIRTUAL_SCENES]],
];

for (const [name, path, scenes] of PAGES) {
  for (const scene of scenes) {
    test(`${scene}: the ${name} page says what it should, to everyone`, async ({ page }) => {
      await openStill(page, scene, path);
      await expect(page.getByRole('main').getByRole('status').filter({ hasText: '…' })).toHaveCount(0);
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
