import { expect } from '@playwright/test';
import { expectAccessible, openPaused, openStill, test } from './window';

test('a thousand jobs are shown page by page', async ({ page }) => {
  await openStill(page, 'many-jobs', '/jobs');
  await expect(page.getByRole('row')).toHaveCount(52 - 1);
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(page.getByText('100 jobs shown')).toBeVisible();
  for (let shown = 150; shown <= 1000; shown += 50) {
    await page.getByRole('button', { name: 'Show older' }).click();
    await expect(page.getByText(`${shown.toLocaleString('en')} jobs shown`)).toBeVisible();
  }
  await page.getByRole('button', { name: 'Show older' }).click();
  await expect(page.getByText('1,001 jobs shown')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Show older' })).toBeHidden();
});

test('a job that ends is updated in the list', async ({ page }) => {
  await openPaused(page, 'preparing', '/jobs');
  await expect(page.getByRole('row')).toHaveCount(2);
  await page.clock.runFor(250_000);
  await expect(page.getByRole('row').filter({ hasText: 'Done' })).toHaveCount(1);
  await expect(page.getByRole('row').filter({ hasText: 'Done' })).not.toContainText('not settled yet');
});

test('the whole date is there on hover', async ({ page }) => {
  await openStill(page, 'failure', '/jobs');
  await expect(page.locator('time').first()).toHaveAttribute('title', /Monday,? 23 November 2026/);
});

test('from the rig to the live log and back, by names alone', async ({ page }) => {
  await openPaused(page, 'preparing');
  await page.clock.runFor(10_000);
  await page.getByRole('link', { name: 'Log of Transcode trailer to AV1' }).click();
  // Going to another page takes a timer.
  await page.clock.runFor(1_000);
  const log = page.getByRole('log', { name: 'Log' });
  await expect(log).toContainText('reading /work/in/source');
  await page.clock.runFor(30_000);
  await expect(log).toContainText('frame=720');
  await page.clock.resume();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'All jobs' }).click();
  await expect(page.getByRole('heading', { name: 'Jobs', level: 1 })).toBeVisible();
  await page.getByRole('link', { name: 'Rig', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Working on a job' })).toBeVisible();
});

test('the log follows, stops following when read, and jumps back', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/jobs');
  await page.getByRole('link', { name: 'Blender: courtyard, frames 200 to 480' }).first().click();
  // Going to another page takes a timer.
  await page.clock.runFor(1_000);
  const log = page.getByRole('log', { name: 'Log' });
  await expect(log).toContainText('frame=');
  const fromEnd = () => log.evaluate((view) => Math.round(view.scrollHeight - view.scrollTop - view.clientHeight));
  await expect.poll(fromEnd).toBeLessThan(24);
  await page.clock.runFor(5_000);
  await expect.poll(fromEnd).toBeLessThan(24);
  await log.evaluate((view) => (view.scrollTop = 100));
  await expect(page.getByRole('button', { name: 'Jump to the newest line' })).toBeVisible();
  await page.clock.runFor(5_000);
  expect(await log.evaluate((view) => view.scrollTop), 'reading is not disturbed').toBe(100);
  await page.getByRole('button', { name: 'Jump to the newest line' }).click();
  await expect.poll(fromEnd).toBeLessThan(24);
  await expect(page.getByRole('button', { name: 'Jump to the newest line' })).toBeHidden();
});

test('the log can be copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStill(page, 'failure', '/jobs');
  await page.getByRole('link', { name: /Blender/ }).first().click();
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Copy the log' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('The job used more memory');
});

test('a clipboard that refuses is no silence', async ({ page }) => {
  await openStill(page, 'failure', '/jobs');
  await page.getByRole('link', { name: /Blender/ }).first().click();
  await page.evaluate(() => Object.assign(navigator.clipboard, { writeText: () => Promise.reject(new Error('not allowed')) }));
  await page.getByRole('button', { name: 'Copy the log' }).click();
  await expect(page.getByRole('button', { name: 'Could not copy' })).toBeVisible();
});

test('without an agent no job seems to run, and it can be started from the list', async ({ page }) => {
  await openStill(page, 'agent-gone', '/jobs');
  await expect(page.getByRole('cell', { name: 'Running, when last heard of' })).toBeVisible();
  await expect(page.locator('.earning')).toHaveCount(0);
  await page.getByRole('button', { name: 'Start it again' }).click();
  await expect(page.locator('.earning').first()).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByRole('main')).toBeFocused();
});

test('without an agent a log says that it is interrupted, and goes on with the agent', async ({ page }) => {
  await openPaused(page, 'agent-gone', '/jobs');
  await page.getByRole('link', { name: /Blender/ }).first().click();
  await page.clock.runFor(600);
  await expect(page.getByText('live', { exact: true })).toBeVisible();
  await page.clock.runFor(5_000);
  await expect(page.getByText('interrupted', { exact: true })).toBeVisible();
  await expect(page.locator('.earning')).toHaveCount(0);
  await expect(page.getByRole('log')).not.toContainText('stopped answering');
  await page.clock.resume();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Start it again' }).click();
  await expect(page.getByText('live', { exact: true })).toBeVisible();
});

test('where there were no jobs yet, one button starts the rig', async ({ page }) => {
  await openStill(page, 'first-run', '/jobs');
  await expect(page.getByRole('heading', { name: 'No jobs yet' })).toBeVisible();
  await expect(page.getByRole('img', { name: /not earning/ })).toBeVisible();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Pause', exact: true })).toBeVisible();
});

test('a failed job says why and that nothing was earned', async ({ page }) => {
  await openStill(page, 'failure', '/jobs');
  await page.getByRole('link', { name: /Blender/ }).first().click();
  await expect(page.getByRole('definition').filter({ hasText: '$' }).last()).toHaveText('$0.00');
  await expect(page.getByRole('main')).toMatchAriaSnapshot({ name: 'failed-job.aria.yml' });
});

test('an address of no job says so', async ({ page }) => {
  await openStill(page, 'failure', '/jobs/0192f3a0-0000-7000-8000-ffffffffffff');
  await expect(page.getByRole('heading', { name: 'This job is not on this rig' })).toBeVisible();
  await expectAccessible(page);
});

test('a text is looked for in the log by keyboard, and the log stays where it was found', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/jobs');
  await page.getByRole('link', { name: 'Blender: courtyard, frames 200 to 480' }).first().click();
  await page.clock.runFor(1_000);
  const log = page.getByRole('log', { name: 'Log' });
  await expect(log).toContainText('frame=');
  await page.keyboard.press('Control+f');
  const field = page.getByRole('textbox', { name: 'Search the log' });
  await expect(field).toBeFocused();
  await page.keyboard.type('Segment 1 written');
  const told = page.getByRole('search').getByRole('status');
  await expect(told).toHaveText('1 of 1');
  const top = () => log.evaluate((view) => view.scrollTop);
  const there = await top();
  await page.clock.runFor(5_000);
  expect(await top()).toBe(there);
  await field.fill('segment');
  await expect(told).toHaveText(/^(\d+) of \1$/);
  await page.keyboard.press('Enter');
  await expect(told).toHaveText(/^1 of \d+$/);
  await expect.poll(() => page.evaluate(() => [...CSS.highlights.get('log-current') ?? []].map(String))).toEqual(['segment']);
  await field.fill('[no such');
  await expect(told).toHaveText('Nothing found');
  await page.clock.resume();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(log).toBeFocused();
});

test('how large a result is can be read', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/jobs');
  await page.getByRole('row').filter({ hasText: 'Done' }).first().getByRole('link').click();
  await expect(page.getByText(/^\d+ files, \d+(\.\d)?\sMiB$/)).toBeVisible();
});
