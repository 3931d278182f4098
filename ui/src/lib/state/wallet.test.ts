import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { WalletRequest } from '$lib/bindings/WalletRequest';
import { FRIEND } from '$lib/ipc/fake/coins';
import { FakeWallet } from '$lib/ipc/fake/wallet';
import { explainTrouble } from './refusals';
import { Wallet } from './wallet.svelte';

const START = Date.UTC(2026, 10, 23);
const agent = { wallet: new FakeWallet(), gone: false };

vi.mock('$lib/ipc/commands', () => ({
  wallet: async (request: WalletRequest) => {
    if (agent.gone) throw { code: 'agent_gone', message: 'The agent is not running.' };
    return agent.wallet.answer(request, Date.now());
  },
}));

async function opened(): Promise<Wallet> {
  const wallet = new Wallet();
  await wallet.load();
  await Promise.all([wallet.count(), wallet.withdrawals.refresh()]);
  return wallet;
}

/** Lets time pass for the agent and for the window. */
async function pass(ms: number) {
  for (let second = 0; second < ms; second += 1_000) {
    await vi.advanceTimersByTimeAsync(1_000);
    agent.wallet.step(Date.now());
  }
}

const take = { kind: 'prepare', act: 'withdraw', chainId: 8_453, asset: 'USDC', from: 'earnings', ownGas: false } as const;

describe('the wallet in the window', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: START });
    agent.wallet = new FakeWallet();
    agent.wallet.settle(START);
    agent.gone = false;
  });

  it('follows what was signed until it is final, and counts again then', async () => {
    const wallet = await opened();
    const leave = wallet.follow({ hidden: false });
    const prepared = await wallet.ask('prepared', take);
    if (prepared.kind !== 'prepared') throw new Error('it can be taken');
    const signed = await wallet.sign(prepared.intent, 'correct horse', null, []);
    expect(signed.kind).toBe('signed');
    expect(wallet.underWay.map(({ state }) => state.kind)).toEqual(['signed']);
    await pass(8_000);
    expect(wallet.underWay.map(({ state }) => state.kind)).toEqual(['sent']);
    await pass(10_000);
    expect(wallet.underWay).toEqual([]);
    const [usdc] = wallet.balances?.chains[0]?.assets ?? [];
    expect([usdc?.claimable?.text, usdc?.inWallet?.text]).toEqual(['0.00', '15.68']);
    leave();
  });

  it('is counted once for a glance, and then now and then while the window is seen', async () => {
    const wallet = new Wallet();
    await Promise.all([wallet.glance(), wallet.glance()]);
    await wallet.glance();
    expect(wallet.balances?.totals.map(({ text, symbol }) => `${text} ${symbol}`)).toEqual(['56.775311 USDC', '312.40 HFR']);
    expect(wallet.isPartly).toBe(false);
    const seen = { hidden: true };
    const leave = wallet.keepCounted(seen);
    await vi.advanceTimersByTimeAsync(1_200_000);
    expect(wallet.countedMs, 'nobody sees it').toBe(START);
    seen.hidden = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(wallet.countedMs).toBe(START + 1_260_000);
    leave();
    await vi.advanceTimersByTimeAsync(1_200_000);
    expect(wallet.countedMs).toBe(START + 1_260_000);
  });

  it('says that there may be more where a chain is silent', async () => {
    const [, arbitrum] = agent.wallet.chains;
    if (arbitrum) arbitrum.problem = 'it does not answer';
    const wallet = new Wallet();
    await wallet.glance();
    expect(wallet.isPartly).toBe(true);
    expect(wallet.balances?.totals[0]?.text).toBe('15.70');
  });

  it('has no balance where there is none', async () => {
    agent.wallet = new FakeWallet();
    const wallet = new Wallet();
    await wallet.glance();
    expect(wallet.balances).toBeNull();
  });

  it('sees by itself that a payout has come, while somebody looks', async () => {
    const wallet = await opened();
    const seen = { hidden: true };
    const leave = wallet.follow(seen);
    const claimable = () => wallet.balances?.chains[0]?.assets[0]?.claimable?.text;
    expect(claimable()).toBe('12.50');
    agent.wallet.chains = agent.wallet.chains.map((chain) => ({ ...chain, assets: chain.assets.map((asset) => ({ ...asset, claimable: asset.claimable + 1_000_000n })) }));
    await pass(62_000);
    expect(claimable(), 'a window that nobody sees asks no chain').toBe('12.50');
    seen.hidden = false;
    await pass(62_000);
    expect(claimable()).toBe('13.50');
    leave();
  });

  it('asks nothing any more once nobody looks', async () => {
    const wallet = await opened();
    const leave = wallet.follow({ hidden: false });
    leave();
    const asked = vi.spyOn(agent.wallet, 'answer');
    await pass(10_000);
    expect(asked).not.toHaveBeenCalled();
  });

  it('keeps no secret that passed through it', async () => {
    agent.wallet.view = { state: { kind: 'none' } };
    const wallet = await opened();
    const made = await wallet.ask('created', { kind: 'create', words: 12, password: 'battery staple', remember: false, replace: false });
    if (made.kind !== 'created') throw new Error('it is made');
    const kept = JSON.stringify([wallet.view, wallet.balances, wallet.trouble, wallet.withdrawals.list]);
    expect(kept).not.toContain(made.phrase.split(' ')[0]);
    expect(kept).not.toContain('battery staple');
    expect(wallet.canSign, 'not before the words are on paper').toBe(false);
  });

  it('shows nothing of the wallet before, once there is another', async () => {
    const wallet = await opened();
    expect(wallet.balances).not.toBeNull();
    await wallet.ask('shown', { kind: 'watch', address: FRIEND, replace: true });
    expect(wallet.balances).toBeNull();
    expect(wallet.canSign).toBe(false);
  });

  it('keeps what it has seen while the agent is gone', async () => {
    const wallet = await opened();
    agent.gone = true;
    await Promise.all([wallet.load(), wallet.count(), wallet.withdrawals.refresh()]);
    expect(wallet.view?.state.kind).toBe('local');
    expect(wallet.balances?.chains).toHaveLength(2);
    expect(wallet.withdrawals.list).toHaveLength(6);
    expect(wallet.uncounted?.by).toBe('window');
  });

  it('loads older withdrawals once each, and keeps them when the newest are looked at again', async () => {
    const wallet = await opened();
    await Promise.all([wallet.withdrawals.older(), wallet.withdrawals.refresh(), wallet.withdrawals.older()]);
    const names = wallet.withdrawals.list.map(({ id }) => id);
    expect(names).toEqual(agent.wallet.withdrawals.map(({ id }) => id));
    expect(wallet.withdrawals.hasOlder).toBe(false);
  });

  it.each([
    ['no_wallet', 'set-up'], ['exists', 'replace'], ['password_needed', 'password'], ['wrong_password', 'password'], ['phrase_needed', 'phrase'], ['unverified', 'verify'],
    ['unconfirmed', 'confirm'], ['intent_gone', 'prepare'], ['offline', 'retry'], ['no_gas', 'gas'], ['clock_wrong', 'clock'], ['refused', 'look'],
  ] as const)('has words and a way out for %s', (code, way) => {
    const shown = explainTrouble({ by: 'wallet', refusal: { code, message: 'As the agent says it.' } });
    expect(shown.way).toBe(way);
    expect(shown.title).not.toBe('');
    expect(shown.help).not.toBe('');
  });

  it('shows the sentence of an agent that is newer than its words', () => {
    const shown = explainTrouble({ by: 'wallet', refusal: { code: 'chain_moved' as 'refused', message: 'The chain has moved.' } });
    expect(shown.told).toBe('The chain has moved.');
  });
});
