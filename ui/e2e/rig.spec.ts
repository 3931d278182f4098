import { expect } from '@playwright/test';
import { expectAccessible, openPaused, openStill, test, visit } from './window';

const HOUR_MS = 3_600_000;

test('from the first start to the first job', async ({ page }) => {
  await openPaused(page, 'first-run');
  await expect(page.getByRole('heading', { name: 'Not started yet' })).toBeVisible();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Looking at this PC' })).toBeVisible();
  await page.clock.runFor(10_000);
  await expect(page.getByRole('heading', { name: 'Waiting for you to leave' })).toBeVisible();
  await page.clock.runFor(17_000);
  await expect(page.getByRole('heading', { name: 'Preparing a job' })).toBeVisible();
  await page.clock.runFor(10_000);
  await expect(page.getByRole('heading', { name: 'Working on a job' })).toBeVisible();
  await expect(page.getByRole('img', { name: /earning now/ })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
});

test('the headline counts between snapshots', async ({ page }) => {
  await openPaused(page, 'failure');
  const detail = page.getByText('The next one is taken in');
  await expect(detail).toContainText(/taken in 1\smin 1[45]\ss/);
  await page.clock.runFor(5_000);
  await expect(detail).toContainText(/taken in 1\smin (9|10)\ss/);
});

test('a returning owner gets the PC back, and the job goes on after he left', async ({ page }) => {
  await openPaused(page, 'owner-returns');
  await expect(page.getByRole('heading', { name: 'Working on a job' })).toBeVisible();
  await page.clock.runFor(10_000);
  await expect(page.getByRole('heading', { name: 'Waiting for you to leave' })).toBeVisible();
  await expect(page.getByText('You used the mouse or the keyboard')).toBeVisible();
  await expect(page.getByRole('img', { name: /not earning/ })).toBeVisible();
  await expect(page.getByRole('article')).toHaveCount(0);
  await page.clock.runFor(140_000);
  await expect(page.getByRole('heading', { name: 'Working on a job' })).toBeVisible();
});

test('a card is kept where it is seen, and the rules say so', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  const kept = page.getByRole('switch', { name: 'Let GeForce RTX 3090 work' });
  await expect(kept).toBeChecked();
  await kept.click();
  await expect(kept).not.toBeChecked();
  await expect(page.getByRole('switch', { name: 'Let GeForce RTX 4090 work' })).toBeChecked();
  await visit(page, '/rules');
  await expect(page.getByRole('switch', { name: 'Let NVIDIA GeForce RTX 3090 work' })).not.toBeChecked();
});

test('what is the owner’s stands beside every page, and leads to the wallet', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  const balance = page.getByRole('link', { name: 'Balance' });
  await expect(balance).toContainText(/56\.77\sUSDC/);
  await expect(balance).toContainText(/312\.40\sHFR/);
  await expect(balance).toHaveAttribute('title', /56\.775311\sUSDC/);
  await balance.click();
  await expect(page.getByRole('heading', { level: 1, name: 'Wallet' })).toBeVisible();
  await openStill(page, 'no-wallet');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Balance' })).toHaveCount(0);
});

test('today is what is left after power, hour by hour, and says what is not known', async ({ page }) => {
  await openStill(page, 'many-jobs');
  const today = page.getByRole('region', { name: 'Jobs today' });
  await expect(today).toContainText('$0.041 after measured power');
  await expect(today).toContainText('$0.069 after the platform’s fee, less $0.027 for power.');
  await expect(today).toContainText('Power was not measured for 51 of 76 jobs.');
  await expect(today.getByRole('list', { name: 'What each hour of today has brought' }).getByRole('listitem')).toHaveCount(15);
  await expect(today.locator('.bar'), 'the whole day is drawn').toHaveCount(24);
  await today.getByRole('link', { name: 'All earnings' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Earnings' })).toBeVisible();
});

test('a snooze stops the work and ends by itself', async ({ page }) => {
  await openPaused(page, 'preparing');
  await page.getByRole('button', { name: 'More ways to stop' }).click();
  await page.getByRole('menuitem', { name: 'Snooze for 1 h' }).click();
  await page.clock.runFor(5_000);
  await expect(page.getByRole('heading', { name: 'Paused' })).toBeVisible();
  await expect(page.getByText(/Starts again by itself in 59\smin/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await page.clock.fastForward(HOUR_MS);
  await page.clock.runFor(2_000);
  await expect(page.getByRole('heading', { name: 'Paused' })).toBeHidden();
});

test('finishing lets the job end and takes no other', async ({ page }) => {
  await openPaused(page, 'preparing');
  await page.getByRole('button', { name: 'More ways to stop' }).click();
  await page.getByRole('menuitem', { name: 'Finish, then stop' }).click();
  await expect(page.getByRole('heading', { name: 'Finishing, then stopping' })).toBeVisible();
  await page.clock.runFor(260_000);
  await expect(page.getByRole('heading', { name: 'Paused' })).toBeVisible();
  await expect(page.getByText('1 job done.')).toBeVisible();
});

test('an agent that went can be started again from here', async ({ page }) => {
  await openPaused(page, 'agent-gone');
  await page.clock.runFor(3_000);
  await expect(page.getByRole('alert')).toContainText('The agent has stopped answering');
  await expect(page.getByRole('heading', { name: /As last seen at/ })).toBeVisible();
  await expect(page.getByText('What is below is what the agent said then.')).toBeVisible();
  await page.clock.resume();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Start it again' }).click();
  await expect(page.getByRole('heading', { name: 'Working on a job' })).toBeVisible();
});

test('an agent that hangs cannot be started, but told about', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStill(page, 'agent-hangs');
  await page.getByRole('button', { name: 'Copy a report' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('code: agent_silent');
});

test('a button keeps the focus while its meaning changes', async ({ page }) => {
  await openPaused(page, 'preparing');
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  await button('Pause').focus();
  await page.keyboard.press('Enter');
  await page.clock.runFor(5_000);
  await expect(button('Resume')).toBeFocused();
  await page.keyboard.press('Enter');
  await page.clock.runFor(5_000);
  await expect(button('Pause')).toBeFocused();
  await button('More ways to stop').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.clock.runFor(5_000);
  await expect(button('Resume')).toBeFocused();
});

test('only the card that a job was given is lit, whatever its driver says', async ({ page }) => {
  await openStill(page, 'one-card-works');
  await expect(page.locator('.card .lit')).toHaveCount(1);
  await expect(page.locator('.card').nth(1).locator('.lit')).toHaveCount(1);
  await expect(page.getByRole('img', { name: /earning now/ })).toBeVisible();
});

test('everything can be reached and used by keyboard', async ({ page }) => {
  await openPaused(page, 'preparing');
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? document.activeElement?.getAttribute('aria-label'));
  const order: (string | null)[] = [];
  await expect(page.getByRole('link', { name: 'Balance' })).toBeVisible();
  for (let stop = 0; stop < 13; stop += 1) {
    await page.keyboard.press('Tab');
    order.push((await focused()) ?? null);
  }
  // Between them stands the scene picker, which only the fake host has.
  order.splice(10, 1);
  expect(order).toEqual([
    'Skip to the page', 'Search Ctrl K', 'Rig', 'Jobs', 'Earnings', 'Wallet', 'Virtual rigs', 'Rules', 'Fleet', 'Settings',
    expect.stringMatching(/^Balance/), 'Pause',
  ]);
  await page.keyboard.press('Tab');
  const opener = page.getByRole('button', { name: 'More ways to stop' });
  await expect(opener).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('menuitem', { name: 'Snooze for 1 h' })).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('menuitem', { name: 'Finish, then stop' })).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('menuitem', { name: 'Snooze for 1 h' })).toBeFocused();
  await expectAccessibleMenu();
  await page.keyboard.press('Escape');
  await expect(opener).toBeFocused();
  await expect(page.getByRole('menu')).toBeHidden();

  async function expectAccessibleMenu() {
    await expect(page.getByRole('menu')).toMatchAriaSnapshot(`
      - menu "More ways to stop":
        - menuitem "Snooze for 1 h"
        - menuitem "Snooze until tomorrow, 06:00"
        - menuitem "Finish, then stop"
    `);
  }
});

test('fans turn at the measured speed, and never where motion is not wanted', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  const rotors = page.locator('.rotor');
  const animation = () => rotors.evaluateAll((all) => all.map((one) => getComputedStyle(one).animationName !== 'none'));
  expect(await animation()).toEqual([true, true, true, true, true, true]);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  expect(await animation()).toEqual([false, false, false, false, false, false]);
});

test('a fan that nobody measures stands still', async ({ page }) => {
  await openStill(page, 'coordinator-down');
  await expect(page.locator('.rotor')).not.toHaveClass(/turning/);
  await expect(page.getByText('Not measured', { exact: true })).toHaveCount(3);
});

test('amber is lit only while money is earned', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  await expect(page.locator('.lit')).not.toHaveCount(0);
  for (const scene of ['first-run', 'coordinator-down', 'no-docker', 'failure', 'preparing'] as const) {
    await openStill(page, scene);
    await expect(page.locator('.lit'), scene).toHaveCount(0);
  }
});

test('cards stand beside one another, however narrow the window is', async ({ page }) => {
  await openStill(page, 'idle-and-earning');
  for (const width of [900, 1280, 1920]) {
    await page.setViewportSize({ width, height: 700 });
    const parts = await page.locator('.frame :is(.card, .free)').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON() as DOMRect));
    expect(parts.length).toBe(3);
    parts.slice(1).forEach((part, at) => expect(part.left, `${width} px wide`).toBeGreaterThanOrEqual(parts[at]?.right ?? 0));
  }
});
