import { choose, openStill, test } from './window';
for (const language of ['en','ar','zh-Hans','es'] as const) for (const colorScheme of ['dark','light'] as const)
test(`shot ${language} ${colorScheme}`, async ({ page }) => {
  await choose(page, { language });
  await page.emulateMedia({ colorScheme });
  for (const [w,h] of [[900,600],[1440,900]] as const) {
    await page.setViewportSize({ width: w, height: h });
    for (const scene of ['long-history','idle-and-earning','first-run'] as const) {
      await openStill(page, scene, '/earnings');
      await page.waitForTimeout(400);
      await page.screenshot({ path: `/tmp/shots-earn/${scene}-${language}-${colorScheme}-${w}.png`, fullPage: scene !== 'first-run' });
    }
  }
});
