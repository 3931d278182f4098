// What keeps a rig from working until its owner does something: each state says what is wrong and has one way out.

import { expect } from '@playwright/test';
import { expectAccessible, openStill, test, visit } from './window';

for (const [scene, title, way, leads] of [
  ['no-docker', 'Waiting for a container engine', 'Check this PC', 'Diagnostics'],
  ['engine-gone', 'Waiting: the container engine cannot be used', 'Check this PC', 'Diagnostics'],
  ['coordinator-down', 'Waiting for the network', 'Check this PC', 'Diagnostics'],
  ['disk-full', 'Waiting for disk space', 'See what takes room', 'On this PC'],
] as const) {
  test(`${scene}: one link leads to what can be done`, async ({ page }) => {
    await openStill(page, scene);
    await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();
    await page.getByRole('link', { name: way }).click();
    await expect(page.getByRole('region', { name: leads })).toBeInViewport();
    if (leads === 'Diagnostics') await expect(page.getByRole('region', { name: leads }).getByRole('listitem').first()).toBeVisible();
    await expectAccessible(page);
  });
}

test('a clock that is wrong is told with by how much, on every page, and what to do', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStill(page, 'clock-wrong');
  for (const path of ['/', '/jobs', '/earnings', '/wallet', '/rules', '/settings']) {
    await visit(page, path);
    await expect(page.getByText(/^This PC’s clock is 1\sh ahead$/)).toBeVisible();
  }
  await page.getByRole('button', { name: 'Copy the command' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('sudo timedatectl set-ntp true');
});

for (const [platform, says] of [['Win32', 'Time & language'], ['MacIntel', 'System Settings']] as const) {
  test(`what to do about a clock is that of the system: ${platform}`, async ({ page }) => {
    await page.addInitScript((platform) => Object.defineProperty(navigator, 'platform', { get: () => platform }), platform);
    await openStill(page, 'clock-shut-out');
    await expect(page.getByRole('alert')).toContainText(says);
    await expect(page.getByRole('button', { name: 'Copy the command' })).toHaveCount(0);
  });
}

test('a clock that keeps the rig from the network is the reason, and not the network', async ({ page }) => {
  await openStill(page, 'clock-shut-out');
  await expect(page.getByRole('alert')).toContainText(/at least 3\sd,? 5\sh behind/);
  await expect(page.getByText('Nobody can be reached before the clock of this PC is right.')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Check this PC' })).toHaveCount(0);
});
