// What every test needs: a scene, opened at a known time, and a page that may not complain.

import AxeBuilder from '@axe-core/playwright';
import { expect, test as base, type Page } from '@playwright/test';

export const NOW = new Date('2026-11-23T12:00:00Z');

export const SCENES = [
  'first-run', 'idle-and-earning', 'owner-returns', 'coordinator-down', 'no-docker', 'agent-gone', 'many-jobs', 'failure', 'preparing',
] as const;
export type Scene = (typeof SCENES)[number];

/** A page that fails its test when it logs an error. */
export const test = base.extend({
  page: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await use(page);
    expect(complaints, 'the page must not log errors').toEqual([]);
  },
});

/** Opens a scene at a moment that stands still: nothing happens in it by itself. */
export async function openStill(page: Page, scene: Scene, path = '/') {
  await page.clock.setFixedTime(NOW);
  await page.goto(`${path}?scene=${scene}`);
  await settled(page);
}

/** Opens a scene whose time only goes on when the test says so. */
export async function openPaused(page: Page, scene: Scene, path = '/') {
  // The clock runs from its installation on, and can only be stopped at a time still to come.
  await page.clock.install({ time: new Date(NOW.getTime() - 600_000) });
  await page.clock.pauseAt(NOW);
  await page.goto(`${path}?scene=${scene}`);
  await settled(page);
}

/** Whether the page can be used by everyone, as far as a program can tell. */
export async function expectAccessible(page: Page) {
  // A colour half-way between two themes is nobody's contrast. Asking for the animations starts those that are due.
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)),
  );
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)).toEqual([]);
}

async function settled(page: Page) {
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText('Looking for the agent');
  await page.evaluate(() => document.fonts.ready);
}
