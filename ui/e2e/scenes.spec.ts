// Every page in every situation that it has a face for: what it says, to everyone, in both themes. That the other languages say the same, and
// that it fits, is tried in `languages.spec.ts`; that everybody can use it in those too, here in a long run and there for one scene of each page.

import { expect, type Page } from '@playwright/test';
import { choose, expectAccessibleInBothThemes, expectSettled, FAULT_SCENES, LANGUAGES, openStill, SCENES, setUpTo, STEPS, test, VIRTUAL_SCENES, visit, WALLET_SCENES, type Scene } from './window';

/** A page, the scenes it is looked at in, and how to come there if an address is not enough. */
interface Looked {
  name: string;
  path: string;
  scenes: readonly Scene[];
  go?: (page: Page) => Promise<void>;
}

const JOB: Looked['go'] = async (page) => {
  await page.locator('tbody a').first().click();
  await expect(page.locator('dl')).toBeVisible();
};
const CARD: Looked['go'] = async (page) => {
  await page.locator('main a[href^="/gpu/"]:not([tabindex])').first().click();
  await expect(page.locator('main h1')).toBeVisible();
};
/** With an agent and without one, and with what stands above every page. */
const EVERYWHERE: readonly Scene[] = ['idle-and-earning', 'agent-gone', 'clock-wrong'];

/** The other languages, in a long run. */
const OTHERS = process.env.HEADFRAME_E2E_LANGUAGES === 'all' ? LANGUAGES.filter((language) => language !== 'en') : [];

const PAGES: readonly Looked[] = [
  { name: 'rig', path: '/', scenes: [...SCENES, ...FAULT_SCENES, 'clock-wrong'] },
  { name: 'card', path: '/', scenes: ['idle-and-earning', 'one-card-works', 'no-demand', 'owner-returns', 'agent-gone', 'coordinator-down', ...FAULT_SCENES], go: CARD },
  { name: 'jobs', path: '/jobs', scenes: SCENES },
  { name: 'job', path: '/jobs', scenes: ['idle-and-earning', 'failure', 'many-jobs', 'agent-gone'], go: JOB },
  { name: 'earnings', path: '/earnings', scenes: [...SCENES, 'long-history'] },
  { name: 'wallet', path: '/wallet', scenes: ['idle-and-earning', 'agent-gone', ...WALLET_SCENES] },
  { name: 'virtual-rigs', path: '/virtual-rigs', scenes: ['idle-and-earning', 'agent-gone', ...VIRTUAL_SCENES] },
  { name: 'rules', path: '/rules', scenes: EVERYWHERE },
  { name: 'fleet', path: '/fleet', scenes: ['idle-and-earning', 'agent-gone', 'coordinator-down', 'no-wallet', 'wallet-watching', 'clock-wrong', 'fleet-of-one', 'fleet-silent', 'fleet-refused'] },
  { name: 'settings', path: '/settings', scenes: EVERYWHERE },
  { name: 'checkup', path: '/settings#checkup', scenes: ['no-docker', 'idle-and-earning'] },
];

for (const { name, path, scenes, go } of PAGES) {
  for (const scene of scenes) {
    test(`${scene}: the ${name} page says what it should, to everyone`, async ({ page }) => {
      await openStill(page, scene, path);
      await go?.(page);
      await saysTheSame(page, `${scene}-${name}`);
    });
    for (const language of OTHERS) {
      test(`${scene}: the ${name} page can be used by everyone in ${language}`, async ({ page }) => {
        await choose(page, { language });
        await openStill(page, scene, path);
        await go?.(page);
        await expectSettled(page);
        await expectAccessibleInBothThemes(page);
      });
    }
  }
}

for (const step of STEPS) {
  for (const scene of ['set-up', 'agent-gone'] as const) {
    test(`${scene}: the step ${step} says what it should, to everyone`, async ({ page }) => {
      await setUpTo(page, step);
      await openStill(page, scene, '/welcome');
      await expect(page.locator('#welcome-step')).toBeVisible();
      await saysTheSame(page, `${scene}-welcome-${step}`);
    });
    for (const language of OTHERS) {
      test(`${scene}: the step ${step} can be used by everyone in ${language}`, async ({ page }) => {
        await choose(page, { language });
        await setUpTo(page, step);
        await openStill(page, scene, '/welcome');
        await expect(page.locator('#welcome-step')).toBeVisible();
        await expectSettled(page);
        await expectAccessibleInBothThemes(page);
      });
    }
  }
}

test('every page of the sidebar is looked at', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  const paths = await page.locator('nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
  const looked = PAGES.map(({ path }) => path);
  expect(paths.filter((path) => !looked.includes(path ?? ''))).toEqual([]);
  for (const path of paths) await visit(page, path ?? '');
});

async function saysTheSame(page: Page, name: string) {
  await expectSettled(page);
  await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: `${name}.aria.yml` });
  await expectAccessibleInBothThemes(page);
}
