// What the pages cost in a browser, on the fake host: scrolling a long log, and a day of snapshots. One figure per line on standard output.

import { expect, test, type CDPSession, type Page } from '@playwright/test';

/** How long a scroll through the whole log takes: quick, and not quicker than a person reads headings. */
const SCROLL_MS = 4_000;
const LINES = 10_000;

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** Before the first look everything has been drawn, asked for and compiled that ever is. */
const WARM_UP_MS = HOUR_MS;

test.setTimeout(1_800_000);

function figure(id: string, value: number, unit: string, note: string) {
  process.stdout.write(`${JSON.stringify({ id, value, unit, note })}\n`);
}

test('a log of ten thousand lines is scrolled', async ({ page }) => {
  await page.goto('/jobs?scene=long-log');
  await page.locator('tbody a').first().click();
  const lines = page.getByRole('log');
  await expect(lines).toContainText(`line ${LINES} `);
  const drawn = await lines.locator('pre').evaluateAll((blocks) => blocks.reduce((sum, block) => sum + (block.textContent ?? '').split('\n').length, 0));
  expect(drawn).toBeGreaterThanOrEqual(LINES);
  const { frames, ms, worst } = await lines.evaluate(
    (log, total) =>
      new Promise<{ frames: number; ms: number; worst: number }>((done) => {
        const far = log.scrollHeight - log.clientHeight;
        let [began, last, frames, worst] = [0, 0, 0, 0];
        const step = (now: number) => {
          if (began === 0) [began, last] = [now, now];
          else {
            frames += 1;
            worst = Math.max(worst, now - last);
            last = now;
          }
          if (now - began >= total) return done({ frames, ms: now - began, worst });
          log.scrollTop = far * (1 - (now - began) / total);
          requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
      }),
    SCROLL_MS,
  );
  figure('window.log_scroll_fps', (frames * 1_000) / ms, '1/s', `${LINES} lines in ${SCROLL_MS / 1_000} s in Chromium without a GPU, worst frame ${worst.toFixed(0)} ms`);
});

test('a day of snapshots passes', async ({ page }) => {
  const browser = await page.context().newCDPSession(page);
  await page.clock.install({ time: new Date('2026-11-23T00:00:00Z') });
  await page.goto('/?scene=coordinator-down');
  await expect(page.locator('.status p')).toHaveCount(3);
  await page.clock.runFor(WARM_UP_MS);
  const before = await heap(browser);
  const nodes = await elements(page);
  for (let hour = 0; hour < HOURS; hour += 1) await page.clock.runFor(HOUR_MS);
  const after = await heap(browser);
  // Whatever was pushed away must be gone from the page as well. There may be less: a day that has just begun has brought nothing to draw.
  expect(await elements(page)).toBeLessThanOrEqual(nodes);
  figure('window.day_heap_growth_kb', (after - before) / 1000, 'kB', `${HOURS * 3_600} snapshots on the Rig page, heap ${(before / 1e6).toFixed(1)} MB before, after collection`);
});

async function heap(browser: CDPSession): Promise<number> {
  // Once is not enough: what the first collection lets go of may hold something else.
  for (let turn = 0; turn < 3; turn += 1) await browser.send('HeapProfiler.collectGarbage');
  return (await browser.send('Runtime.getHeapUsage')).usedSize;
}

function elements(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelectorAll('*').length);
}
