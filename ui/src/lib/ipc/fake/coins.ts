// What an invented wallet has: chains with their assets, past withdrawals, and what jobs brought.

import type { AssetBalance } from '$lib/bindings/AssetBalance';
import type { ChainBalances } from '$lib/bindings/ChainBalances';
import type { Coins } from '$lib/bindings/Coins';
import type { ReceiptCard } from '$lib/bindings/ReceiptCard';
import type { Unpaid } from '$lib/bindings/Unpaid';
import type { WithdrawalCard } from '$lib/bindings/WithdrawalCard';

/** Accounts that every test chain has. Their capitals are right; of others nobody here can tell. */
export const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
export const FRIEND = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const SAFE = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const USDC_BASE = '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913';
const KNOWN = [ADDRESS, FRIEND, SAFE, USDC_BASE];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** An asset in its smallest unit. */
export interface FakeAsset {
  symbol: string;
  contract: string;
  decimals: number;
  inWallet: bigint;
  claimable: bigint;
  taken: bigint;
  relayFee: bigint;
  problem?: string;
}

export interface FakeChain {
  chainId: number;
  name: string;
  coin: string;
  /** What the wallet has of the chain's own coin. */
  gas: bigint;
  assets: FakeAsset[];
  problem?: string;
}

export function chains(): FakeChain[] {
  return [
    {
      chainId: 8_453, name: 'Base', coin: 'ETH', gas: 1_200_000_000_000_000n,
      assets: [
        { symbol: 'USDC', contract: USDC_BASE, decimals: 6, inWallet: 3_200_000n, claimable: 12_500_000n, taken: 50_000_000n, relayFee: 20_000n },
        { symbol: 'HFR', contract: '0x5FC8d32690cc91D4c39d9d3abcBD16989F875707', decimals: 18, inWallet: 312_400_000_000_000_000_000n, claimable: 0n, taken: 0n, relayFee: 0n },
      ],
    },
    {
      chainId: 42_161, name: 'Arbitrum One', coin: 'ETH', gas: 0n,
      assets: [{ symbol: 'USDC', contract: '0xaf88d065e77c8cC2239327C5EDb3A432268e5831', decimals: 6, inWallet: 41_075_311n, claimable: 0n, taken: 0n, relayFee: 20_000n }],
    },
  ];
}

/** `12.50`: at least two digits after the point, and no more than are needed. */
export function coins(units: bigint, symbol: string, decimals: number): Coins {
  const digits = units.toString().padStart(decimals + 1, '0');
  const rest = digits.slice(-decimals).replace(/0+$/, '').padEnd(2, '0');
  return { text: `${digits.slice(0, -decimals)}.${rest}`, symbol, units: units.toString() };
}

export function balances(all: FakeChain[]): ChainBalances[] {
  return all.map(({ chainId, name, assets, problem }) => (problem ? { chainId, name, assets: [], problem } : { chainId, name, assets: assets.map(balance) }));
}

/** All chains together, as far as they answer. */
export function totals(all: FakeChain[]): Coins[] {
  const assets = all.flatMap(({ assets, problem }) => (problem ? [] : assets));
  return [...new Set(assets.map(({ symbol }) => symbol))].map((symbol) => {
    const same = assets.filter((asset) => asset.symbol === symbol);
    const units = same.reduce((sum, { inWallet, claimable, problem }) => sum + inWallet + (problem ? 0n : claimable), 0n);
    return coins(units, symbol, same[0]?.decimals ?? 0);
  });
}

function balance({ symbol, contract, decimals, inWallet, claimable, taken, problem }: FakeAsset): AssetBalance {
  if (problem) return { symbol, contract, inWallet: coins(inWallet, symbol, decimals), problem };
  const of = (units: bigint) => coins(units, symbol, decimals);
  const both = { symbol, contract, inWallet: of(inWallet), claimable: of(claimable) };
  if (claimable === 0n) return both;
  return {
    ...both,
    proof: {
      epoch: 41, distributor: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
      root: '0x9d0b1f7e2c4a5b6d8e9f00112233445566778899aabbccddeeff001122334455',
      leaf: '0x1c2d3e4f5a6b7c8d9e0f00112233445566778899aabbccddeeff001122334455',
      path: ['0x2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a', '0x3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b'],
      owed: of(claimable + taken), taken: of(taken),
    },
  };
}

/** Why an address is none; null if it is one. Without a hash function only the addresses that are known here are looked at closely. */
export function isWrong(text: string, needsChecksum: boolean): string | null {
  const address = text.trim();
  if (address.includes('.')) return 'This is no destination: names such as alice.eth are not looked up; enter the address itself.';
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) return 'This is no destination: an address is 0x and 40 hex digits.';
  const known = KNOWN.find((one) => one.toLowerCase() === address.toLowerCase());
  if (hasCapitals(address) && known !== undefined && known !== address) {
    return 'This is no destination: the checksum of this address is wrong: a letter or digit was mistyped.';
  }
  return needsChecksum && !hasCapitals(address) ? 'An address for payouts needs its checksum: copy it as the wallet shows it, with its capitals.' : null;
}

/** Whether letters of both kinds vouch for an address. */
export function hasCapitals(address: string): boolean {
  return /[a-f]/.test(address.slice(2)) && /[A-F]/.test(address.slice(2));
}

export function withdrawals(nowMs: number): WithdrawalCard[] {
  const hash = (letter: string) => `0x${`${letter}1f2e3d4c5b6a798`.repeat(4)}`;
  const past = (at: number, units: bigint, to: string, transaction: string): WithdrawalCard => ({
    id: `past-${at}`, chainId: 8_453, chain: 'Base', amount: coins(units, 'USDC', 6), fee: 'at most 0.02 USDC ($0.02)', arrives: coins(units - 20_000n, 'USDC', 6), to, from: 'earnings',
    state: { kind: 'final', block: 24_001_118 - at }, transaction, explorer: `https://scan.example/tx/${transaction}`, createdMs: nowMs - at * DAY_MS,
  });
  const refused: WithdrawalCard = {
    id: 'past-no', chainId: 42_161, chain: 'Arbitrum One', amount: coins(8_000_000n, 'USDC', 6), fee: 'gas, at most 0.00002 ETH', to: SAFE, from: 'wallet',
    state: { kind: 'refused', message: 'The relayer has not sent it within the hour.' }, createdMs: nowMs - 9 * DAY_MS,
  };
  const older = Array.from({ length: 10 }, (_, back) => past(20 + back * 7, 2_000_000n + BigInt(back) * 130_000n, ADDRESS, hash((back % 10).toString())));
  return [past(5, 30_000_000n, SAFE, hash('a')), refused, past(12, 20_000_000n, ADDRESS, hash('b')), ...older];
}

export function receipts(nowMs: number): ReceiptCard[] {
  type Place = { practice?: boolean; maturesMs?: number; payoutEpoch?: number; transaction?: string; explorer?: string };
  const one = (back: number, title: string, paid: bigint, { practice = false, ...more }: Place): ReceiptCard => {
    const fee = paid / 10n;
    const attempt = `att_${(0xa000 + back).toString(16).padStart(32, '0')}`;
    return { attempt, title, settledMs: nowMs - back * 3 * HOUR_MS, paid: paid.toString(), fee: fee.toString(), share: (paid - fee).toString(), practice, lapses: false, ...more };
  };
  const transaction = `0x${'0505beef'.repeat(8)}`;
  const done = { payoutEpoch: 41, transaction, explorer: `https://scan.example/tx/${transaction}` };
  return [
    one(1, 'Blender, frames 200 to 240', 1_120_000n, {}),
    one(2, 'Embeddings, batch 91', 924_444n, {}),
    one(3, 'Transcode an interview', 1_000_000n, { maturesMs: nowMs + 26 * DAY_MS }),
    one(5, 'A first try', 310_000n, { practice: true }),
    one(9, 'Blender, frames 160 to 200', 740_000n, { payoutEpoch: 42 }),
    ...Array.from({ length: 12 }, (_, back) => one(11 + back, `Embeddings, batch ${90 - back}`, 900_000n + BigInt(back) * 7_531n, done)),
  ];
}

export function unpaid(all: ReceiptCard[], nowMs: number): Unpaid {
  const sum = (which: (one: ReceiptCard) => boolean) => all.filter(which).reduce((so, { share }) => so + BigInt(share), 0n).toString();
  const waits = ({ practice, payoutEpoch, waitsUntilMs }: ReceiptCard) => !practice && payoutEpoch === undefined && waitsUntilMs !== undefined;
  const withheld = all.flatMap((one) => (waits(one) && !one.lapses ? [one.waitsUntilMs ?? 0] : []));
  const held = all.flatMap(({ maturesMs }) => (maturesMs !== undefined && maturesMs > nowMs ? [maturesMs] : []));
  return {
    credited: sum((one) => !one.practice && one.payoutEpoch === undefined && !waits(one) && (one.maturesMs ?? 0) <= nowMs),
    onItsWay: sum((one) => !one.practice && one.payoutEpoch !== undefined && one.transaction === undefined),
    held: sum((one) => !one.practice && one.payoutEpoch === undefined && (one.maturesMs ?? 0) > nowMs),
    ...(held.length > 0 && { heldUntilMs: Math.min(...held) }),
    withheld: sum((one) => waits(one) && !one.lapses), ...(withheld.length > 0 && { withheldUntilMs: Math.min(...withheld) }),
    givenBack: sum((one) => waits(one) && one.lapses),
    practice: sum(({ practice }) => practice), more: false,
  };
}
