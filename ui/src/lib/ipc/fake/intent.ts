// What an invented wallet would sign, in words and in figures, or why it would not.

import type { Fee } from '$lib/bindings/Fee';
import type { IntentFacts } from '$lib/bindings/IntentFacts';
import type { PrepareArgs } from '$lib/bindings/PrepareArgs';
import type { WalletCode } from '$lib/bindings/WalletCode';
import type { Warning } from '$lib/bindings/Warning';
import type { WithdrawalCard } from '$lib/bindings/WithdrawalCard';
import { coins, hasCapitals, isWrong, type FakeAsset, type FakeChain } from './coins';

/** What gas costs at most, on every chain alike. */
const GAS = 20_000_000_000_000n;

type Withdraw = Extract<PrepareArgs, { act: 'withdraw' }>;

/** An act that waits for its owner. */
export interface FakeIntent {
  act: PrepareArgs;
  words: string[];
  facts: IntentFacts;
  warnings: Warning[];
  /** What it becomes when it is signed. */
  withdrawal: Omit<WithdrawalCard, 'id' | 'state' | 'createdMs'>;
}

interface Around {
  account: string;
  chains: FakeChain[];
  /** Where something was sent before, in small letters. */
  used: Set<string>;
  byWallet: boolean;
}

interface Refusal {
  code: WalletCode;
  message: string;
}

const no = (message: string, code: WalletCode = 'refused'): Refusal => ({ code, message });

export function draftOf(act: PrepareArgs, around: Around): FakeIntent | Refusal {
  return act.act === 'withdraw' ? withdraw(act, around) : payout(act, around);
}

function payout(act: Extract<PrepareArgs, { act: 'confirm_payout' }>, { account, chains, byWallet }: Around): FakeIntent {
  const chain = chains.find(({ chainId }) => chainId === act.chainId) ?? chains[0];
  const name = chain?.name ?? '';
  const words = [
    `Pay what this rig earns on network testbed to your wallet ${account} on ${name}.`,
    act.inHfr ? 'In HFR where the operator has some at a fresh price, otherwise in the stablecoin of that chain.' : 'In the stablecoin of that chain.',
    'This costs nothing and moves no money.',
  ];
  const nothing = { chainId: 0, chain: name, amount: coins(0n, 'USDC', 6), fee: '', to: account, from: 'wallet' } as const;
  return { act, words, facts: { act: 'payout', account, chain: name, inHfr: act.inHfr, byWallet }, warnings: [], withdrawal: nothing };
}

function withdraw(act: Withdraw, { account, chains, used }: Around): FakeIntent | Refusal {
  const chain = chains.find(({ chainId }) => chainId === act.chainId);
  const asset = chain?.assets.find(({ symbol, contract }) => [symbol.toLowerCase(), contract.toLowerCase()].includes(act.asset.toLowerCase()));
  if (!chain || !asset) return no('There is no such asset on this network.');
  if (chain.problem) return no(`The chain did not help: no endpoint of ${chain.name} answers.`, 'offline');
  const to = act.to?.trim() ?? account;
  const wrong = isWrong(to, false);
  if (wrong) return no(wrong);
  const units = unitsOf(act, asset, chain.name, to === account);
  if (typeof units !== 'bigint') return units;
  if (act.ownGas && chain.gas < GAS) {
    return no(`The wallet cannot pay for gas on ${chain.name}: it may take 0.00002, and 0.00 is there, of the chain's own coin.`, 'no_gas');
  }
  const of = (amount: bigint) => coins(amount, asset.symbol, asset.decimals);
  const kept = act.ownGas ? 0n : asset.relayFee;
  const fee: Fee = act.ownGas ? { kind: 'gas', most: coins(GAS, chain.coin, 18) } : { kind: 'relayer', most: of(kept), worth: kept.toString() };
  const remains = act.from === 'wallet' ? asset.inWallet - units : 0n;
  const facts: IntentFacts = { act: 'withdraw', chain: chain.name, from: act.from, amount: of(units), to, own: to === account, fee, arrives: of(units - kept), remains: of(remains) };
  const said = act.ownGas ? 'gas, at most 0.00002 ETH' : `at most ${of(kept).text} ${asset.symbol} ($0.02)`;
  return {
    act, facts, warnings: warnings(to, to === account, used, chains),
    words: [`${act.from === 'earnings' ? 'Take all' : 'Send'} ${of(units).text} ${asset.symbol} on ${chain.name}.`, `It goes to ${to}.`, `The fee is ${said}.`, 'Once it is in a block nobody can take it back.'],
    withdrawal: { chainId: chain.chainId, chain: chain.name, amount: of(units), fee: said, ...(!act.ownGas && { arrives: of(units - kept) }), to, from: act.from },
  };
}

/** How much, in the smallest unit. */
function unitsOf(act: Withdraw, asset: FakeAsset, chain: string, own: boolean): bigint | Refusal {
  const asked = act.amount === undefined ? null : parse(act.amount, asset);
  if (asked !== null && typeof asked !== 'bigint') return asked;
  if (act.from === 'earnings') {
    if (asset.claimable === 0n) return no(`No ${asset.symbol} is ready to be taken on ${chain}.`);
    if (asked !== null && asked !== asset.claimable) return no('Earnings are taken as a whole. Take all of it, or take it to your wallet and send a part from there.');
    return asset.claimable;
  }
  if (own) return no('This money is in the wallet already.');
  const units = asked ?? asset.inWallet;
  return units === 0n || units > asset.inWallet ? no(`The wallet has ${coins(asset.inWallet, asset.symbol, asset.decimals).text} ${asset.symbol} on ${chain}.`) : units;
}

function parse(text: string, { symbol, decimals }: FakeAsset): bigint | Refusal {
  const found = /^(\d{0,20})(?:\.(\d*))?$/.exec(text.trim());
  const [, whole = '', rest = ''] = found ?? [];
  if (!found || whole + rest === '') return no('This is no amount: an amount is digits with at most one point, such as 12.5.');
  if (rest.replace(/0+$/, '').length > decimals) return no(`This is no amount: ${symbol} has ${decimals} digits after the point.`);
  const units = BigInt(whole + rest.slice(0, decimals).padEnd(decimals, '0'));
  return units === 0n ? no('This is no amount: this amount is nothing, or more than there can be.') : units;
}

function warnings(to: string, own: boolean, used: Set<string>, chains: FakeChain[]): Warning[] {
  const token = chains.flatMap(({ assets }) => assets).find(({ contract }) => contract.toLowerCase() === to.toLowerCase());
  const all: (Warning | false)[] = [
    token !== undefined && { hazard: 'token', confirm: true, message: `This is the contract of ${token.symbol} itself. What is sent there is lost.` },
    !hasCapitals(to) && { hazard: 'no_checksum', confirm: true, message: 'The address has no capitals that vouch for it. Compare every digit.' },
    !own && !used.has(to.toLowerCase()) && { hazard: 'first_use', confirm: false, message: 'Nothing was ever sent there from here. Compare the address with where you have it from.' },
  ];
  return all.filter((one) => one !== false);
}
