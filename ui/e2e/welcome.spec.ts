// An owner is led through the first start, from an empty PC to the first job.

import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, expectAccessibleInBothThemes, LANGUAGES, openPaused, openStill, setUpTo, STEPS, test, visit } from './window';

const LINK = 'headframe://join?profile=%7B%7D';
const next = (page: Page) => page.getByRole('button', { name: 'Next', exact: true });
const step = (page: Page, title: string) => page.getByRole('heading', { level: 2, name: title });

async function join(page: Page) {
  await page.getByLabel('Link', { exact: true }).fill(LINK);
  await page.getByRole('button', { name: 'Look at it' }).click();
  await expect(page.getByText('Attic Computing S.L.')).toBeVisible();
  await expect(page.getByText('0x2c75 36E3 605D 9C16 a7a3 D7b1 898e 5293 96a6 5c23')).toBeVisible();
  await page.getByRole('button', { name: 'Join this network' }).click();
  await page.clock.runFor(4_000);
  await expect(page.getByRole('heading', { name: 'This PC belongs to attic' })).toBeVisible();
}

test.describe('a window that nobody has opened before', () => {
  test.use({ isNew: true });

  test('leads there before the other page offers anything that would be gone at once', async ({ page }) => {
    await page.addInitScript(() => {
      const offers: string[] = [];
      Object.assign(window, { offers });
      const look = () => document.querySelector('section[aria-label="Setting up is not finished."]') && offers.push(location.pathname);
      new MutationObserver(look).observe(document, { subtree: true, childList: true });
    });
    await openPaused(page, 'set-up');
    await expect(step(page, 'Which network?')).toBeVisible();
    await page.clock.runFor(1_000);
    expect(await page.evaluate(() => (window as unknown as { offers: string[] }).offers)).toEqual([]);
  });

  test('leads from an empty PC to the start', async ({ page }) => {
    await openPaused(page, 'set-up');
    await expect(step(page, 'Which network?')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Later', exact: true })).toBeVisible();
    await join(page);
    await expect(page.getByRole('alert'), 'an agent that begins again is not gone').toHaveCount(0);
    await next(page).click();

    await expect(step(page, 'Can this PC work?')).toBeFocused();
    await expect(page.getByText('One thing must be mended before this PC can work.')).toBeVisible();
    await expect(page.getByText('install Docker (https://docs.docker.com')).toBeVisible();
    await expect(next(page)).toHaveAttribute('aria-disabled', 'true');
    await next(page).click({ force: true });
    await expect(step(page, 'Can this PC work?'), 'the engine is no step to be skipped').toBeVisible();
    await page.clock.runFor(60_000);
    await page.getByRole('button', { name: 'Check again' }).click();
    await expect(page.getByText('This PC can work; one thing could be better.')).toBeVisible();
    await next(page).click();

    await expect(page.getByText('not measured yet')).toBeVisible();
    await page.getByRole('button', { name: 'Measure now' }).click();
    await page.clock.runFor(6_000);
    await expect(page.getByRole('progressbar', { name: 'NVIDIA GeForce RTX 4090' })).toBeVisible();
    await expect(page.getByText(/^3\d\d\sW$/)).toBeVisible();
    await page.clock.runFor(8_000);
    await expect(page.getByText('1,004 FU')).toBeVisible();
    await next(page).click();

    await expect(step(page, 'Where should earnings go?')).toBeVisible();
    await page.getByRole('button', { name: 'Later', exact: true }).click();

    await page.getByText('Hour by hour').click();
    await expect(page.getByRole('gridcell', { name: /:00/ })).toHaveCount(168);
    await page.getByRole('button', { name: 'Only at night' }).click();
    await page.getByRole('gridcell', { name: 'Wednesday 23:00: while I am away' }).click();
    await expect(page.getByRole('gridcell', { name: 'Wednesday 23:00: never' }), 'an hour of his own').toBeVisible();
    await expect(page.getByRole('button', { name: 'Only at night' })).toHaveAttribute('aria-pressed', 'false');
    await page.getByRole('button', { name: 'Only at night' }).click();
    await page.getByLabel('A kilowatt-hour costs').fill('0,31');
    await next(page).click();

    await expect(step(page, 'Ready to start')).toBeVisible();
    const steps = page.getByRole('navigation', { name: 'Steps' }).getByRole('button');
    await expect(steps.filter({ hasText: /done$/ }), 'what was put off is not done').toHaveText([/Network/, /This PC/, /Benchmark/, /Hours and power/]);
    const wait = page.getByText('Half of the last 212 jobs given to PCs of this kind came within 4 min.');
    await expect(wait, 'before it is started').toBeVisible();
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.clock.runFor(5_000);
    await expect(page.getByText('There is no job for this PC right now.')).toBeVisible();
    await expect(wait).toBeVisible();
    await page.getByRole('button', { name: 'Go to the rig' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Ready for work' })).toBeVisible();
    await page.clock.resume();
    await visit(page, '/rules');
    await expect(page.getByRole('button', { name: 'At night', exact: true })).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByLabel('A kilowatt-hour costs')).toHaveValue('0.31');
  });

  test('goes on where it was closed, and goes back', async ({ page }) => {
    await openPaused(page, 'set-up');
    await page.getByRole('button', { name: 'Later', exact: true }).click();
    await expect(step(page, 'Can this PC work?')).toBeVisible();
    await page.reload();
    await expect(step(page, 'Can this PC work?'), 'a rig that was never started is gone on with').toBeVisible();
    await page.getByRole('button', { name: 'Back', exact: true }).click();
    await expect(step(page, 'Which network?')).toBeFocused();
  });

  test('is found again from the page of the rig and by the next window, until it is put off', async ({ page }) => {
    await openPaused(page, 'set-up');
    await page.getByRole('button', { name: 'Later', exact: true }).click();
    const banner = page.getByRole('region', { name: 'Setting up is not finished.' });
    await page.clock.resume();
    await visit(page, '/');
    await expect(banner).toContainText('Next: This PC.');
    await banner.getByRole('button', { name: 'Go on setting up' }).click();
    await expect(step(page, 'Can this PC work?')).toBeVisible();
    await page.goto('/?scene=set-up');
    await expect(step(page, 'Can this PC work?'), 'the next window goes on there').toBeVisible();
    await visit(page, '/');
    await banner.getByRole('button', { name: 'Set up later' }).click();
    await expect(banner).toHaveCount(0);
  });

  test('is left with one press, leads nobody there again, and is found in the settings', async ({ page }) => {
    await openPaused(page, 'set-up');
    await page.getByRole('button', { name: 'Set up later' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Not started yet' })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('heading', { level: 1, name: 'Not started yet' })).toBeVisible();
    await page.clock.resume();
    await visit(page, '/settings');
    await page.getByRole('link', { name: 'Set up again' }).click();
    await expect(step(page, 'Which network?')).toBeVisible();
  });

  test('can be gone through by keyboard alone', async ({ page }) => {
    await openPaused(page, 'set-up');
    const link = page.getByLabel('Link', { exact: true });
    await link.focus();
    await page.keyboard.type(LINK);
    await page.keyboard.press('Tab');
    await expect(page.getByRole('button', { name: 'Look at it' })).toBeFocused();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Join this network' }).focus();
    await page.keyboard.press('Enter');
    await page.clock.runFor(4_000);
    await next(page).focus();
    await page.keyboard.press('Enter');
    await expect(step(page, 'Can this PC work?')).toBeFocused();
  });
});

test('a wait that nobody knows is not made up', async ({ page }) => {
  await setUpTo(page, 'done');
  await openStill(page, 'no-demand', '/welcome');
  await expect(page.getByText('There is no job for this PC right now. How long the wait will be is not known')).toBeVisible();
});

test('a profile that is not to be believed is refused with its reason, and another is looked at', async ({ page }) => {
  await openStill(page, 'set-up', '/welcome');
  for (const [text, says] of [
    ['hello', 'This is not a network profile.'],
    ['headframe://join?profile=forged', 'Do not use it.'],
    ['headframe://join?profile=expired', 'Ask the operator for a new link.'],
    ['https://mine.example/insecure', 'others could listen'],
  ] as const) {
    await page.getByLabel('Link', { exact: true }).fill(text);
    await page.getByRole('button', { name: 'Look at it' }).click();
    await expect(page.getByRole('alert')).toContainText(says);
  }
  await expectAccessible(page);
  await page.locator('input[type=file]').setInputFiles({ name: 'huge.json', mimeType: 'application/json', buffer: Buffer.alloc(20_000, 'x') });
  await expect(page.getByRole('alert')).toContainText('longer than a network profile can be');
  await page.locator('input[type=file]').setInputFiles({ name: 'attic.json', mimeType: 'application/json', buffer: Buffer.from('{"profile":{}}') });
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByText('Attic Computing S.L.')).toBeVisible();
  await page.getByRole('button', { name: 'Not this one' }).click();
  await expect(page.getByLabel('Link', { exact: true })).toBeVisible();
});

test.describe('a link that is opened with the window', () => {
  const field = (page: Page) => page.getByLabel('Link', { exact: true });
  const open = (page: Page, link: string) => page.evaluate((link) => window.dispatchEvent(new CustomEvent('headframe:link', { detail: link })), link);

  test('is filled in, looked at when its owner says so, and joins nothing by itself', async ({ page }) => {
    await openStill(page, 'idle-and-earning', `/?link=${encodeURIComponent(LINK)}`);
    await expect(field(page)).toHaveValue(LINK);
    await expect(page.getByText('Attic Computing S.L.'), 'what this PC has joined is shown, not what the link offers').toHaveCount(1);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Look at it' }).click();
    await expect(page.getByRole('button', { name: 'Join this network' })).toBeVisible();
    await visit(page, '/');
    await page.goBack();
    await expect(page.getByRole('button', { name: 'Join this network' })).toHaveCount(0);
  });

  test('brings the window that runs to where it is looked at, whatever was shown there', async ({ page }) => {
    await openStill(page, 'idle-and-earning', '/earnings');
    await open(page, LINK);
    await expect(field(page)).toHaveValue(LINK);
    await page.getByRole('button', { name: /Run a network/ }).click();
    await expect(field(page)).toHaveCount(0);
    await open(page, `${LINK}&again=1`);
    await expect(field(page)).toHaveValue(`${LINK}&again=1`);
  });

  for (const [what, link, says] of [
    ['is of another kind', 'https://evil.example/', 'This is not a network profile.'],
    ['leads elsewhere', 'headframe:../../', 'This is not a network profile.'],
    ['is endless', `headframe://join?profile=${'x'.repeat(1 << 20)}`, 'longer than a network profile can be'],
  ] as const) {
    test(`is refused with its reason where it ${what}`, async ({ page }) => {
      await openStill(page, 'idle-and-earning');
      await open(page, link);
      await expect(page.getByRole('alert')).toContainText(says);
      await expect(field(page)).toHaveValue('');
      await expectAccessible(page);
    });
  }
});

test('while a job is on the PC no other network is joined', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/welcome');
  await page.getByRole('button', { name: /Practise on this PC/ }).click();
  await page.getByRole('button', { name: 'Begin to practise' }).click();
  await expect(page.getByRole('alert')).toContainText('A job is still on this PC.');
});

test('an owner practises with amounts that are no money, and stops', async ({ page }) => {
  await openPaused(page, 'set-up', '/welcome');
  await page.getByRole('button', { name: /Practise on this PC/ }).click();
  await page.getByRole('button', { name: 'Begin to practise' }).click();
  await page.clock.runFor(4_000);
  await expect(page.getByRole('heading', { name: 'This PC practises' })).toBeVisible();
  await page.getByRole('button', { name: 'Stop practising' }).click();
  await page.clock.runFor(4_000);
  await expect(page.getByRole('heading', { name: 'This PC practises' })).toHaveCount(0);
});

test('what is practised is never shown as money', async ({ page }) => {
  await openStill(page, 'practice');
  await expect(page.getByText(/^[\d.]+ practice$/).first()).toBeVisible();
  await expect(page.getByRole('main')).not.toContainText('$');
  await visit(page, '/jobs');
  await expect(page.getByRole('main')).not.toContainText('$');
});

test('whoever runs a network is told what to do, and has the link of this one', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openStill(page, 'preparing', '/welcome');
  await page.getByRole('button', { name: /Run a network/ }).click();
  await page.getByRole('button', { name: 'Copy the command' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('headframe-coordinator admin network profile');
  await page.getByRole('button', { name: 'Copy the link' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('headframe://join?profile=');
});

for (const language of LANGUAGES) {
  test(`${language}: every step can be read at every size and used by everyone`, async ({ page }) => {
    await choose(page, { language, digits: language === 'ar' ? 'arab' : 'latn' });
    for (const at of STEPS) {
      await setUpTo(page, at);
      await openStill(page, 'set-up', '/welcome');
      await expect(page.locator('#welcome-step')).toBeVisible();
      if (at === 'when') await page.locator('main summary').click();
      await expect(page.locator('main [role=status]').first().or(page.locator('main code, main input, main section li button').first()).first()).toBeVisible();
      for (const [width, height] of [[900, 600], [1280, 800], [1440, 900], [1920, 1080]] as const) {
        await page.setViewportSize({ width, height });
        await expectReadable(page, `${language} welcome ${at} ${width}×${height}`);
      }
      await expectAccessibleInBothThemes(page);
    }
  });
}
