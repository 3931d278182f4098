import { expect, type Page } from '@playwright/test';
import { expectReadable } from './layout';
import { choose, expectAccessible, LANGUAGES, openPaused, openStill, test, visit } from './window';

const FRIEND = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const OWN = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const PASSWORD = 'correct horse';
const PHRASE = 'ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const dialog = (page: Page) => page.getByRole('dialog');
/** Lets the fake host's time pass, where it has been stopped. */
const pass = (page: Page, ms: number) => page.clock.runFor(ms);

async function makeWallet(page: Page, password = PASSWORD) {
  await page.getByRole('button', { name: /^Make a new wallet/ }).click();
  await page.getByLabel('A new password').fill(password);
  await page.getByLabel('The same again').fill(password);
  await button(page, 'Make the wallet').click();
  await expect(page.getByRole('heading', { name: 'Your words' })).toBeVisible();
}

/** Answers the question for words that is on the page. */
async function enterWords(page: Page, phrase = PHRASE) {
  for (const field of await page.locator('.words input').all()) {
    const label = await field.evaluate((input: HTMLInputElement) => input.labels?.[0]?.textContent ?? '');
    await field.fill(phrase.split(' ')[Number(label.replace(/\D/g, '')) - 1] ?? '');
  }
}

/** Everything in which a word could be left behind. */
async function leftBehind(page: Page): Promise<string> {
  return page.evaluate(() =>
    [
      document.documentElement.outerHTML,
      ...[...document.querySelectorAll('input, textarea')].map((field) => (field as HTMLInputElement).value),
      JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie, location.href, JSON.stringify(history.state),
    ].join('\n'),
  );
}

async function take(page: Page) {
  await page.getByRole('button', { name: 'Take: USDC on Base' }).click();
}

test('a wallet is made, its words are verified, and earnings go there; no word is left behind', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const logged: string[] = [];
  page.on('console', (message) => logged.push(message.text()));
  await openStill(page, 'no-wallet', '/wallet');
  await page.evaluate(() => navigator.clipboard.writeText('before'));
  await makeWallet(page);
  await expect(page.getByText('ozone'), 'hidden until they are asked for').toHaveCount(0);
  await expect(page.getByLabel('A new password')).toHaveCount(0);
  await button(page, 'Show the words').click();
  await expect(page.getByRole('listitem').filter({ hasText: 'picnic' })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.press('ControlOrMeta+c');
  expect(await page.evaluate(() => navigator.clipboard.readText()), 'they are for paper').not.toContain('ozone');

  await page.getByLabel('All of them are on paper').check();
  await button(page, 'Next').click();
  await enterWords(page);
  await button(page, 'Check').click();
  await expect(page.getByRole('heading', { name: 'Have your earnings go there' })).toBeVisible();
  await button(page, 'Look it over').click();
  await expect(page.getByText(OWN).first()).toBeVisible();
  await page.getByLabel('Password of the wallet').fill(PASSWORD);
  await button(page, 'Sign and send').click();
  await expect(page.getByRole('heading', { name: 'Where earnings go' })).toBeVisible();

  const rest = await leftBehind(page);
  const words = PHRASE.split(' ').filter((word) => new RegExp(`\\b${word}\\b`).test(`${rest}\n${logged.join('\n')}`));
  expect(words).toEqual([]);
  expect(`${rest}${logged.join('')}`).not.toContain(PASSWORD);
});

test('the words go when the owner turns to something else, and with the page', async ({ page }) => {
  await openStill(page, 'no-wallet', '/wallet');
  await makeWallet(page);
  await button(page, 'Show the words').click();
  await expect(page.getByText('ozone')).toBeVisible();
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  await expect(page.getByText('ozone')).toHaveCount(0);
  await visit(page, '/jobs');
  await visit(page, '/wallet');
  await expect(page.getByText('Not verified yet').first()).toBeVisible();
  expect(await leftBehind(page)).not.toContain('ozone');
});

test('wrong words are answered with other words, and at last with all of them', async ({ page }) => {
  await openStill(page, 'wallet-words-unverified', '/wallet');
  await button(page, 'Show that I have the words').first().click();
  for (let slip = 0; slip < 3; slip += 1) {
    await expect(dialog(page).getByLabel(/^Word/)).toHaveCount(3);
    await enterWords(page, PHRASE.split(' ').reverse().join(' '));
    await button(page, 'Check').click();
  }
  await expect(dialog(page).getByText('The agent has forgotten the words', { exact: false }).first()).toBeVisible();
  await expectAccessible(page);
  await dialog(page).getByLabel('All words, in order').fill(PHRASE);
  await button(page, 'Check').click();
  await expect(dialog(page).getByText('The wallet is ready.', { exact: false })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByText('You have shown that you have them.', { exact: false })).toBeVisible();
});

test('a phrase from elsewhere is refused with the word that is wrong, and is not kept in the field', async ({ page }) => {
  await openStill(page, 'no-wallet', '/wallet');
  await page.getByRole('button', { name: /^Bring a wallet you have/ }).click();
  await page.getByLabel('The words', { exact: true }).fill('ozone dri11 grab fiber curtain grace pudding thank cruise elder eight picnic');
  await page.getByLabel('A new password').fill(PASSWORD);
  await page.getByLabel('The same again').fill('correct house');
  await expect(page.getByText('These are two different passwords.')).toBeVisible();
  await page.getByLabel('The same again').fill(PASSWORD);
  await button(page, 'Bring it').click();
  await expect(page.getByRole('alert')).toContainText('word 2 is not on the list');
  await expect(page.getByLabel('The words', { exact: true })).toHaveValue('');
  await expect(page.getByLabel('A new password')).toHaveValue('');
});

test('an address is looked at closely before earnings go there', async ({ page }) => {
  await openStill(page, 'no-wallet', '/wallet');
  await page.getByRole('button', { name: /^Use an address/ }).click();
  const field = page.getByRole('textbox', { name: 'Address' });
  await field.fill('alice.eth');
  await expect(page.getByText('Names such as alice.eth are not looked up', { exact: false })).toBeVisible();
  await field.fill(FRIEND.toLowerCase());
  await expect(page.getByText('no capital letters to vouch for it', { exact: false })).toBeVisible();
  await expect(button(page, 'Use this address')).toHaveAttribute('aria-disabled', 'true');
  await field.fill(FRIEND.replace('C51812', 'c51812'));
  await button(page, 'Use this address').click();
  await expect(page.getByRole('alert')).toContainText('checksum of this address is wrong');
  await field.fill(FRIEND);
  await button(page, 'Use this address').click();
  await expect(page.getByRole('heading', { name: 'Have your earnings go there' })).toBeVisible();
});

test('earnings are taken: read first, signed with the password, followed until nothing takes them back', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/wallet');
  await pass(page, 500);
  await take(page);
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  for (const fact of ['12.50 USDC', OWN, 'at most 0.02 USDC', 'at least 12.48 USDC', 'Nothing']) {
    await expect(dialog(page).getByText(fact, { exact: false }).first(), fact).toBeVisible();
  }
  await expectReadable(page, 'the intent');
  const sign = dialog(page).getByRole('button', { name: 'Sign and send' }).first();
  await expect(sign).toHaveAttribute('aria-disabled', 'true');
  await page.getByLabel('Password of the wallet').fill('wrong horse');
  await page.keyboard.press('Enter');
  await expect(dialog(page).getByRole('alert')).toContainText('That is not the password.');
  await page.getByLabel('Password of the wallet').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await expect(dialog(page).getByText('Signed; about to be sent.')).toBeVisible();
  await pass(page, 7_000);
  await expect(dialog(page).getByText('Sent; waiting', { exact: false })).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Close' }).first().click();
  await expect(page.getByRole('list', { name: 'How far it is' })).toBeVisible();
  await pass(page, 12_000);
  await expect(page.getByText('Final, in block 24,118,207.')).toBeVisible();
  await expect(page.getByRole('region', { name: 'USDC on Base' }).getByText('15.68'), 'less the fee').toBeVisible();
});

test('money is sent on to a new address only after what may be wrong with it was read', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/wallet');
  await page.getByRole('button', { name: 'Send: USDC on Base' }).click();
  await page.getByRole('radio', { name: 'A part' }).check();
  await dialog(page).getByRole('textbox', { name: 'Amount' }).fill('1,5');
  await dialog(page).getByLabel('Address').fill(FRIEND.toLowerCase());
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await expect(dialog(page).getByText('1.50 USDC').first()).toBeVisible();
  await expect(dialog(page).getByText('1.70 USDC'), 'what stays').toBeVisible();
  await expect(dialog(page).getByText('Nothing was ever sent there from here.', { exact: false })).toBeVisible();
  await expectAccessible(page);
  const sign = dialog(page).getByRole('button', { name: 'Sign and send' }).first();
  await page.getByLabel('Password of the wallet').fill(PASSWORD);
  await expect(sign).toHaveAttribute('aria-disabled', 'true');
  await page.getByLabel('I have looked, and mean it.').check();
  await sign.click();
  await expect(dialog(page).getByText('Signed; about to be sent.')).toBeVisible();
});

test('a wallet without gas is told so, and what would help', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/wallet');
  await page.getByRole('button', { name: 'Send: USDC on Arbitrum One' }).click();
  await dialog(page).getByLabel('Address').fill(FRIEND);
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await expect(dialog(page).getByRole('alert')).toContainText('The wallet cannot pay for gas.');
  await expect(dialog(page).getByRole('alert')).toContainText('Send a little of the chain’s own coin');
});

test('what was prepared grows old and is looked up again', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/wallet');
  await pass(page, 500);
  await take(page);
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await pass(page, 121_000);
  await expect(dialog(page).getByText('This has grown old. Nothing was signed.')).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Look it up again' }).click();
  await expect(dialog(page).getByText('This stands for another', { exact: false })).toBeVisible();
});

test('a wrong clock is named, not blamed on the owner', async ({ page }) => {
  await openStill(page, 'clock-wrong', '/wallet');
  await take(page);
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await expect(dialog(page).getByText('The clock of this PC seems wrong', { exact: false })).toBeVisible();
});

test('a chain that does not answer keeps the other usable, and comes back', async ({ page }) => {
  await openPaused(page, 'wallet-chain-down', '/wallet');
  await pass(page, 500);
  await expect(page.getByText('This chain does not answer.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Send: USDC on Arbitrum One' })).toBeEnabled();
  await expect(page.getByText('Sent; waiting', { exact: false }), 'after a reload it is still followed').toBeVisible();
  await pass(page, 25_000);
  await expect(page.getByRole('region', { name: 'USDC on Base' }), 'what became final is counted by itself').toBeVisible();
});

test('a claimable amount shows its proof on demand, and the keyboard stays in it', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/wallet');
  const opener = page.getByRole('button', { name: 'Proof for USDC' });
  await opener.click();
  await expect(dialog(page).getByText('Root, on the chain')).toBeVisible();
  await expectAccessible(page);
  for (let stop = 0; stop < 6; stop += 1) {
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null)).toBe(true);
  }
  await page.keyboard.press('Escape');
  await expect(dialog(page)).toHaveCount(0);
  await expect(opener).toBeFocused();
});

test('earnings become computing credit after they were looked over', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/wallet');
  const card = page.getByRole('region', { name: 'Turn earnings into computing' });
  await card.getByLabel('Amount').fill('1.2');
  await card.getByLabel('Customer account').fill(`cus_${'0a'.repeat(16)}`);
  await card.getByRole('button', { name: 'Look it over' }).click();
  await expect(dialog(page).getByText('It cannot be turned back into money.', { exact: false })).toBeVisible();
  await dialog(page).getByRole('button', { name: 'Turn it into credit' }).click();
  await expect(page.getByText('$1.20 of your earnings are computing credit now.')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Earned, not ready yet' }).getByText('$0.64')).toBeVisible();
});

test('a network that does not answer is told of it later, once, and nobody needs to ask again', async ({ page }) => {
  await openStill(page, 'wallet-offline', '/wallet');
  const card = page.getByRole('region', { name: 'Turn earnings into computing' });
  await card.getByLabel('Amount').fill('1.2');
  await card.getByLabel('Customer account').fill(`cus_${'0a'.repeat(16)}`);
  await card.getByRole('button', { name: 'Look it over' }).click();
  await dialog(page).getByRole('button', { name: 'Turn it into credit' }).click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(card.getByRole('status')).toContainText('$1.20 is to become computing credit. The network does not answer');
  await expect(card.getByLabel('Amount')).toHaveValue('');
  await visit(page, '/jobs');
  await visit(page, '/wallet');
  await expect(card.getByRole('status'), 'it is the agent that remembers it').toContainText('You need not ask again.');
});

test('what was confirmed for one look is confirmed anew for the next', async ({ page }) => {
  await openPaused(page, 'idle-and-earning', '/wallet');
  await pass(page, 500);
  await page.getByRole('button', { name: 'Send: USDC on Base' }).click();
  await dialog(page).getByLabel('Address').fill(FRIEND.toLowerCase());
  await dialog(page).getByRole('button', { name: 'Look it over' }).click();
  await dialog(page).getByLabel('I have looked, and mean it.').check();
  await pass(page, 121_000);
  await dialog(page).getByRole('button', { name: 'Look it up again' }).click();
  await expect(dialog(page).getByText('This stands for another', { exact: false })).toBeVisible();
  await expect(dialog(page).getByLabel('I have looked, and mean it.')).not.toBeChecked();
});

test('once another wallet is made, the one before cannot be kept any more', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/wallet');
  await button(page, 'Use another wallet').click();
  await expect(button(page, 'Keep the one I have')).toBeVisible();
  await makeWallet(page);
  await expect(button(page, 'Keep the one I have')).toHaveCount(0);
});

for (const path of ['/jobs', '/earnings', '/wallet']) {
  test(`${path} asks for the past when it has changed, and not at every measurement`, async ({ page }) => {
    await page.addInitScript(() => {
      const asked: string[] = [];
      Object.assign(window, { asked });
      window.addEventListener('headframe:asked', (event) => asked.push((event as CustomEvent<string>).detail));
    });
    await openPaused(page, 'many-jobs', path);
    await pass(page, 2_000);
    const asked = () => page.evaluate(() => (window as unknown as { asked: string[] }).asked.filter((what) => what !== 'present'));
    const before = await asked();
    await pass(page, 8_000);
    expect((await asked()).slice(before.length)).toEqual([]);
  });
}

test('withdrawals and receipts are shown page by page', async ({ page }) => {
  await openStill(page, 'idle-and-earning', '/wallet');
  const list = page.getByRole('region', { name: 'Withdrawals' });
  await expect(list.getByRole('article')).toHaveCount(6);
  await list.getByRole('button', { name: 'Show older' }).click();
  await expect(list.getByRole('article')).toHaveCount(12);
  await expect(page.getByText('Practice: not money.', { exact: false })).toBeVisible();
});

for (const language of LANGUAGES) {
  test(`${language}: what lies over the page can be read in a small window`, async ({ page }) => {
    await choose(page, { language, digits: 'latn' });
    await page.setViewportSize({ width: 900, height: 600 });
    await openStill(page, 'idle-and-earning', '/wallet');
    const section = page.locator('main section section').first();
    await section.locator('button').nth(0).click();
    await expectReadable(page, `${language} proof`);
    await page.keyboard.press('Escape');
    await section.locator('button').nth(1).click();
    await expectReadable(page, `${language} withdrawal`);
    await dialog(page).locator('button.primary').click();
    await expect(dialog(page).locator('details')).toBeVisible();
    await expectReadable(page, `${language} intent`);
  });
}

for (const language of LANGUAGES) {
  test(`${language}: every step of the set-up can be read in a small window`, async ({ page }) => {
    await choose(page, { language, digits: 'latn' });
    await page.setViewportSize({ width: 900, height: 600 });
    await openStill(page, 'no-wallet', '/wallet');
    for (const way of [1, 2, 0]) {
      await page.locator('.setup ul button').nth(way).click();
      await expect(page.locator('.setup h2')).toBeVisible();
      await expectReadable(page, `${language} way ${way}`);
      if (way !== 0) await page.locator('.setup .ways button').first().click();
    }
    for (const field of await page.locator('.setup input[type=password]').all()) await field.fill(PASSWORD);
    await page.locator('.setup button.primary').click();
    await page.locator('.setup .ways button').first().click();
    await expect(page.locator('.setup ol li')).toHaveCount(12);
    await expectReadable(page, `${language} words`);
    await page.locator('.setup input[type=checkbox]').check();
    await page.locator('.setup button.primary').click();
    await expect(page.locator('.setup form input')).toHaveCount(3);
    await expectReadable(page, `${language} quiz`);
    await enterWords(page);
    await page.locator('.setup button.primary').click();
    await expect(page.locator('.setup [role=switch]')).toBeVisible();
    await expectReadable(page, `${language} payout`);
  });
}
