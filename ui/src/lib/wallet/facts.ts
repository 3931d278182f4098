// What an intent comes to, in the words of the window.

import type { IntentFacts } from '$lib/bindings/IntentFacts';
import { isNone, named } from '$lib/format/coins';
import { money } from '$lib/format/money';
import type { Fact } from '$lib/kit/Facts.svelte';
import { m } from '$lib/messages';

/** As they are shown before they are signed, the most important first. */
export function factsOf(facts: IntentFacts): Fact[] {
  return facts.act === 'withdraw' ? ofWithdrawal(facts) : ofPayout(facts);
}

function ofWithdrawal({ chain, from, amount, to, own, fee, arrives, remains }: Extract<IntentFacts, { act: 'withdraw' }>): Fact[] {
  const paid: Fact =
    fee.kind === 'relayer'
      ? { label: m.wallet_fact_fee(), value: m.wallet_fact_at_most({ amount: named(fee.most) }), note: m.wallet_fact_fee_relayer({ worth: money(fee.worth) }) }
      : { label: m.wallet_fact_fee(), value: m.wallet_fact_at_most({ amount: named(fee.most) }), note: fee.most.symbol === '' ? m.wallet_fact_fee_gas_coin() : m.wallet_fact_fee_gas() };
  return [
    { label: from === 'earnings' ? m.wallet_fact_takes() : m.wallet_fact_sends(), value: named(amount), kind: 'sum', note: m.wallet_fact_on({ chain }) },
    { label: m.wallet_fact_to(), value: to, kind: 'code', ...(own && { note: m.wallet_fact_own() }) },
    paid,
    { label: m.wallet_fact_arrives(), value: m.wallet_fact_at_least({ amount: named(arrives) }), kind: 'sum' },
    { label: from === 'earnings' ? m.wallet_fact_remains_ready() : m.wallet_fact_remains_wallet(), value: isNone(remains) ? m.wallet_fact_nothing() : named(remains) },
  ];
}

function ofPayout({ account, chain, inHfr, byWallet }: Extract<IntentFacts, { act: 'payout' }>): Fact[] {
  return [
    { label: m.wallet_fact_paid_to(), value: account, kind: 'code', note: byWallet ? m.wallet_fact_own() : m.wallet_fact_elsewhere() },
    { label: m.wallet_chain(), value: chain },
    { label: m.wallet_fact_in(), value: inHfr ? m.wallet_fact_in_hfr() : m.wallet_fact_in_stable() },
    { label: m.wallet_fact_costs(), value: m.wallet_fact_nothing(), note: m.wallet_fact_moves_nothing() },
  ];
}
