// What every test needs: a scene, opened at a known time, and a page that may not complain.

import AxeBuilder from '@axe-core/playwright';
import { expect, test as base, type Page } from '@playwright/test';

export const NOW = new Date('2026-11-23T12:00:00Z');

export const SCENES = [
  'first-run', 'idle-and-earning', 'owner-returns', 'coordinator-down', 'no-docker', 'agent-gone', 'agent-hangs', 'one-card-works',
  'many-jobs', 'failure', 'no-demand', 'preparing', 'practice',
] as const;
/** What keeps a PC from working until its owner does something, beside those above: each with one way out. */
export const FAULT_SCENES = ['engine-gone', 'disk-full', 'clock-shut-out'] as const;
/** Situations of the wallet: the other pages are the same in all of them. */
export const WALLET_SCENES = [
  'no-wallet', 'wallet-words-unverified', 'wallet-words-forgotten', 'wallet-chain-down', 'wallet-offline', 'wallet-watching', 'wallet-held', 'clock-wrong',
] as const;
/** Situations of the fleet; three rigs are in most of the others. */
export const FLEET_SCENES = ['fleet-of-one', 'fleet-of-many', 'fleet-silent', 'fleet-refused'] as const;
/** Situations of virtual rigs. */
export const VIRTUAL_SCENES = ['no-virtual-rigs', 'virtual-rigs-none-yet'] as const;
/** `picky` is about what its owner accepts, and is looked at there. `set-up` is looked at step by step, where its owner is led through; `long-history` is about earnings alone, and shows nothing else that the others do not. */
export type Scene = (typeof SCENES)[number] | (typeof FAULT_SCENES)[number] | 'picky' | 'set-up' | 'long-history' | (typeof WALLET_SCENES)[number] | (typeof FLEET_SCENES)[number] | (typeof VIRTUAL_SCENES)[number];

export const LANGUAGES = ['en', 'es', 'zh-Hans', 'ar'] as const;
export type Language = (typeof LANGUAGES)[number];

/** What happens in a scene by itself: after how long all of it has, and by what it can be seen, on every page and in every language. */
const HAPPENS: Partial<Record<Scene, { afterMs: number; sign: string }>> = {
  'first-run': { afterMs: 1_000, sign: '.status .works' },
  'owner-returns': { afterMs: 5_000, sign: '.frame:not(.lit), .outcome .busy, .pending:not(.earning)' },
  'agent-gone': { afterMs: 1_000, sign: '[role=alert]' },
  'agent-hangs': { afterMs: 1_000, sign: '[role=alert]' },
};

/** A page that fails its test when it logs an error. Its owner has been led through already, unless the test says otherwise. */
export const test = base.extend<{ isNew: boolean }>({
  isNew: [false, { option: true }],
  page: async ({ page, isNew }, use) => {
    if (!isNew) await page.addInitScript(() => localStorage.setItem('headframe.welcome', JSON.stringify({ version: 1, at: 'over' })));
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await use(page);
    expect(complaints, 'the page must not log errors').toEqual([]);
  },
});

/** Lets everything that is opened from now on be as if the owner had chosen this. */
export async function choose(page: Page, choices: Record<string, string>) {
  const chosen = JSON.stringify({ version: 1, ...choices });
  await page.addInitScript((text) => localStorage.setItem('headframe.window', text), chosen);
}

/** Goes to another page of the window as an owner does, so that the scene goes on. */
export async function visit(page: Page, path: string) {
  await page.locator(`nav a[href="${path}"]`).click();
  await expect(page.locator(`nav a[href="${path}"]`)).toHaveAttribute('aria-current', 'page');
}

/** A page of a scene; the path may have parts of its own behind it. */
function addressOf(path: string, scene: Scene): string {
  const address = new URL(path, 'http://window');
  address.searchParams.set('scene', scene);
  return `${address.pathname}${address.search}${address.hash}`;
}

/** Opens a scene at a moment that stands still, when everything that happens in it by itself has happened. */
export async function openStill(page: Page, scene: Scene, path = '/') {
  await page.clock.setFixedTime(NOW);
  await page.goto(addressOf(path, scene));
  await settled(page);
  const happens = HAPPENS[scene];
  if (!happens) return;
  await page.clock.setFixedTime(new Date(NOW.getTime() + happens.afterMs));
  await expect(page.locator(happens.sign).first()).toBeVisible();
}

/** Opens a scene whose time only goes on when the test says so. */
export async function openPaused(page: Page, scene: Scene, path = '/') {
  // The clock runs from its installation on, and can only be stopped at a time still to come.
  await page.clock.install({ time: new Date(NOW.getTime() - 600_000) });
  await page.clock.pauseAt(NOW);
  await page.goto(addressOf(path, scene));
  await settled(page);
}

const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The rules that look at colours: all that differs between two themes. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

/** Whether the page can be used by everyone, as far as a program can tell. */
export async function expectAccessible(page: Page, what: 'everything' | 'colours' = 'everything') {
  // A colour half-way between two themes is nobody's contrast. Asking for the animations starts those that are due.
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)),
  );
  // The other mode is for frames, of which there are none, and takes twice as long: it adds up in a page of its own.
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  const { violations } = await (what === 'colours' ? axe.withRules(COLOURS) : axe.withTags(EVERYTHING)).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
}

/** The same in both themes, which differ by nothing but colours. */
export async function expectAccessibleInBothThemes(page: Page) {
  for (const [colorScheme, what] of [['dark', 'everything'], ['light', 'colours']] as const) {
    await base.step(`${colorScheme} theme`, async () => {
      await page.emulateMedia({ colorScheme });
      await expectAccessible(page, what);
    });
  }
}

async function settled(page: Page) {
  // Comes with the first snapshot, on every page: before it the scene has not begun.
  await expect(page.locator('.status p')).toHaveCount(3);
  await page.evaluate(() => document.fonts.ready);
}

/** The steps of the first start. */
export const STEPS = ['network', 'check', 'benchmark', 'wallet', 'when', 'done'] as const;

/** Lets whoever is led through have come to a step. */
export async function setUpTo(page: Page, at: (typeof STEPS)[number]) {
  await page.addInitScript((at) => localStorage.setItem('headframe.welcome', JSON.stringify({ version: 1, at })), at);
}

/** Nothing is being loaded any more. */
export async function expectSettled(page: Page) {
  await expect(page.getByRole('main').getByRole('status').filter({ hasText: '…' })).toHaveCount(0);
}
