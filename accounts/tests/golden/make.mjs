// Makes the golden files beside it without any code of ours: hashes, signatures and encoding are those of `ethers`, trees and
// proofs those of `@openzeppelin/merkle-tree`, and the one form of an epoch file is JSON.stringify and a line feed.
//
//   mkdir /tmp/golden && cd /tmp/golden && npm i --ignore-scripts ethers@6 @openzeppelin/merkle-tree@1
//   cp …/accounts/tests/golden/make.mjs . && node make.mjs …/accounts/tests/golden
//
// Golden files are added to, never edited: their hashes are on chains.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AbiCoder, Wallet, concat, getBytes, keccak256, toUtf8Bytes } from 'ethers';

const require = createRequire(import.meta.url);
const oz = require('@openzeppelin/merkle-tree/dist/core.js');
const out = process.argv[2];

const byte = (value, bytes) => '0x' + value.toString(16).padStart(2, '0').repeat(bytes);
const leafHash = (chainId, distributor, leaf) => {
  const types = ['uint256', 'address', 'address', 'address', 'uint256'];
  const words = AbiCoder.defaultAbiCoder().encode(types, [chainId, distributor, leaf.account, leaf.asset, leaf.cumulative]);
  return keccak256(concat([keccak256(words)]));
};
const save = (name, value) => writeFileSync(`${out}/${name}`, JSON.stringify(value) + '\n');

// --- Leaves, trees, proofs -------------------------------------------------------------------------------------------------
const leafCases = [
  { chainId: 31337, distributor: byte(0xd1, 20), account: byte(0xa1, 20), asset: byte(0xc1, 20), cumulative: '1' },
  { chainId: 8453, distributor: byte(0xd2, 20), account: byte(0xff, 20), asset: byte(0x01, 20), cumulative: '123456789012345678901234567890' },
  { chainId: 1, distributor: byte(0xd3, 20), account: byte(0x02, 20), asset: byte(0xfe, 20), cumulative: (2n ** 256n - 1n).toString() },
].map((leaf) => ({ ...leaf, hash: leafHash(leaf.chainId, leaf.distributor, leaf) }));

const treeCases = [
  [1, [0]], [2, [0]], [2, [0, 1]], [3, [0, 2]], [3, [1]], [5, [0, 1, 4]], [6, [2, 3]], [7, [0, 3, 6]], [8, [2, 3, 4, 5]],
  [9, [8]], [13, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]], [100, [40, 41, 42, 43, 44, 45, 46, 47]], [100, [0, 57, 99]],
].map(([count, indices]) => {
  // The leaves are hashes of their place, in that order: not sorted.
  const leaves = Array.from({ length: count }, (_, place) => keccak256(toUtf8Bytes(`leaf ${place}`)));
  const tree = oz.makeMerkleTree(leaves.map((leaf) => getBytes(leaf)));
  const node = (index) => tree.length - 1 - index;
  const multi = oz.getMultiProof(tree, indices.map(node));
  if (oz.processMultiProof(multi) !== tree[0]) throw new Error('the library disagrees with itself');
  return {
    count, indices, root: tree[0], proofOfFirst: oz.getProof(tree, node(indices[0])),
    leaves: multi.leaves, proof: multi.proof, flags: multi.proofFlags,
  };
});
save('merkle.json', { leaves: leafCases, trees: treeCases });

// --- Two epoch files -------------------------------------------------------------------------------------------------------
const network = 'golden';
const chainId = 31337;
const distributor = byte(0xd1, 20);
const [USDC, HFR] = [byte(0xc1, 20), byte(0xe1, 20)];
const [ALICE, BOB, TREASURY] = [byte(0xa1, 20), byte(0xb1, 20), byte(0x0e, 20)];
const tokens = { [USDC]: ['stable', 'USDC', 6], [HFR]: ['hfr', 'HFR', 18] };
const rig = new Wallet(byte(0x11, 32));
const device = rig.address.toLowerCase();
const domain = { name: 'Headframe Agent', version: '1' };

const sign = async (name, fields, message) => {
  const types = { [name]: fields.map((field) => ({ type: field.split(' ')[0], name: field.split(' ')[1] })) };
  return rig.signTypedData(domain, types, message);
};
const hex = (value) => value.toString(16).padStart(2, '0').repeat(16);
const receipt = async (number, runningMs) => {
  const [job, attempt] = [hex(number), hex(number + 0x80)];
  const fields = ['string network', 'bytes16 job', 'bytes16 attempt', 'address device', 'uint64 epoch', 'uint64 sequence', 'uint256 runningMs'];
  const message = { network, job: '0x' + job, attempt: '0x' + attempt, device, epoch: 1, sequence: 7, runningMs };
  const signature = await sign('Receipt', fields, message);
  const plain = { network, job: `job_${job}`, attempt: `att_${attempt}`, device, epoch: 1, sequence: 7, running_ms: runningMs };
  return { receipt: plain, signature };
};
const spend = async (amount) => {
  const fields = ['string network', 'address device', 'bytes16 customer', 'uint64 amount', 'bytes32 nonce', 'uint64 issuedMs'];
  const message = { network, device, customer: '0x' + hex(0x33), amount, nonce: byte(0x44, 32), issuedMs: 1764000000000 };
  const signature = await sign('SpendEarnings', fields, message);
  const plain = { network, device, customer: `cus_${hex(0x33)}`, amount: String(amount), nonce: byte(0x44, 32), issued_ms: 1764000000000 };
  return { spend: plain, signature };
};

const floor = (value, by) => BigInt(value) / BigInt(by);
const work = async ({ number, runningMs, pricePerHour, feeBps, chargedMs, cappedAt, paidBefore, usedBefore }) => {
  let charged = floor(BigInt(pricePerHour) * BigInt(chargedMs), 3600000);
  if (cappedAt !== undefined && BigInt(cappedAt) < charged) charged = BigInt(cappedAt);
  const before = BigInt(usedBefore ?? 0);
  const fee = floor((before + charged) * BigInt(feeBps), 10000) - floor(before * BigInt(feeBps), 10000);
  const due = charged - fee - BigInt(paidBefore ?? 0);
  const text = {
    signedReceipt: await receipt(number, runningMs), pricePerHour: String(pricePerHour), feeBps, chargedMs, charged: String(charged),
    ...(cappedAt === undefined ? {} : { cappedAt: String(cappedAt) }), ...(paidBefore === undefined ? {} : { paidBefore: String(paidBefore) }),
    ...(usedBefore === undefined ? {} : { usedBefore: String(usedBefore) }),
  };
  return { text, due };
};
const credit = (id, account, asset, amount, kind, rest) => ({ id, account, asset, amount: String(amount), kind, ...rest });
const byText = (one, other) => (one < other ? -1 : 1);

const file = (previous, fromMs, toMs, credits) => {
  const owed = new Map((previous?.value.leaves ?? []).map((leaf) => [leaf.asset + leaf.account, leaf]));
  for (const { account, asset, amount } of credits) {
    const scale = 10n ** BigInt(tokens[asset][2] - 6);
    const before = BigInt(owed.get(asset + account)?.cumulative ?? 0);
    owed.set(asset + account, { account, asset, cumulative: String(before + BigInt(amount) * scale) });
  }
  const leaves = [...owed.values()].sort((one, other) => byText(one.asset + one.account, other.asset + other.account));
  const sum = (asset) => leaves.filter((leaf) => leaf.asset === asset).reduce((all, leaf) => all + BigInt(leaf.cumulative), 0n);
  const assets = Object.keys(tokens).sort(byText).map((asset) => {
    const [kind, symbol, decimals] = tokens[asset];
    return { asset, kind, symbol, decimals, cumulative: String(sum(asset)) };
  });
  const value = {
    version: 1, network, chainId, distributor, epoch: (previous?.value.epoch ?? 0) + 1, fromMs, toMs,
    previousRoot: previous?.value.root ?? byte(0, 32), previousFile: previous?.hash ?? byte(0, 32),
    assets, credits: [...credits].sort((one, other) => byText(one.id, other.id)), leaves,
    root: oz.makeMerkleTree(leaves.map((leaf) => getBytes(leafHash(chainId, distributor, leaf))))[0],
  };
  return { value, hash: keccak256(toUtf8Bytes(JSON.stringify(value) + '\n')) };
};

const day = 86400000;
const start = 1764000000000;
const whole = await work({ number: 1, runningMs: 5400000, pricePerHour: 333333, feeBps: 1000, chargedMs: 5399999, usedBefore: 4321 });
const capped = await work({ number: 2, runningMs: 7200000, pricePerHour: 1000000, feeBps: 1000, chargedMs: 7200000, cappedAt: 1500001 });
const inHfr = await work({ number: 3, runningMs: 3600000, pricePerHour: 239361750, feeBps: 600, chargedMs: 3600000 });
const first = file(null, start, start + day, [
  credit('capture:one', ALICE, USDC, whole.due, 'job', { work: whole.text }),
  credit('capture:two', BOB, USDC, capped.due, 'job', { work: capped.text }),
  credit('capture:three', ALICE, HFR, inHfr.due, 'job', { work: inHfr.text }),
  credit('inventory:one', TREASURY, HFR, 5000000, 'inventory', {}),
  credit('correction:one', BOB, USDC, 250000, 'correction', { reason: 'Zu wenig für „Probe“ gezahlt.' }),
]);

const goesOn = await work({ number: 2, runningMs: 9000000, pricePerHour: 1000000, feeBps: 1000, chargedMs: 9000000, paidBefore: capped.due });
const fiat = await work({ number: 4, runningMs: 3600000, pricePerHour: 700007, feeBps: 1000, chargedMs: 3000000 });
const island = await work({ number: 5, runningMs: 3600000, pricePerHour: 700007, feeBps: 1000, chargedMs: 3600000 });
const swapped = await work({ number: 6, runningMs: 3600000, pricePerHour: 987654, feeBps: 1000, chargedMs: 3600000 });
const price = 4003000007n;
const at = start + 35 * day - 1000;
const from = (chain, asset) => ({ chainId: chain, asset, kind: 'stable' });
const second = file(first, start + day, start + 35 * day, [
  credit('capture:four', BOB, USDC, goesOn.due, 'job', { work: goesOn.text }),
  credit('mature:one', BOB, USDC, fiat.due - 1000n, 'matured', { maturity: { transfer: 'capture:five', earnedMs: start + day, reversed: '1000' }, work: fiat.text }),
  credit('convert:one', ALICE, USDC, island.due, 'conversion', {
    conversion: { from: from(10, byte(0xc2, 20)), amount: String(island.due), atMs: at }, work: island.text,
  }),
  credit('convert:two', ALICE, HFR, floor(swapped.due * 1000000000000n, price), 'conversion', {
    conversion: { from: from(chainId, USDC), amount: String(swapped.due), rate: { usdPerHfr: String(price), seenMs: at - 600000 }, atMs: at },
    work: swapped.text, maturity: { transfer: 'capture:six', earnedMs: start + 2 * day },
  }),
  credit('spend:one', ALICE, USDC, -400000, 'spent', { signedSpend: await spend(500000) }),
]);
save('epoch-1.json', first.value);
save('epoch-2.json', second.value);
save('epoch-hashes.json', { one: { root: first.value.root, dataHash: first.hash }, two: { root: second.value.root, dataHash: second.hash } });
