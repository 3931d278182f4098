// What each refusal of the wallet means to a person and the one way out of it. No component builds such a text.

import type { ControlError } from '$lib/bindings/ControlError';
import type { WalletCode } from '$lib/bindings/WalletCode';
import type { WalletRefusal } from '$lib/bindings/WalletRefusal';
import { m } from '$lib/messages';
import { explain } from './errors';

/** What a person does about a refusal. */
export type Way = 'set-up' | 'replace' | 'password' | 'phrase' | 'verify' | 'confirm' | 'prepare' | 'retry' | 'gas' | 'clock' | 'look';

/** Why the wallet did not do something: it said no, or nobody could ask it. */
export type Trouble = { by: 'wallet'; refusal: WalletRefusal } | { by: 'window'; error: ControlError };

/** A trouble as it is shown. */
export interface Refused {
  code: WalletCode | null;
  title: string;
  help: string;
  way: Way;
  /** What the agent says in its own words, where they know more than the window's. */
  told: string | null;
}

/** Words are asked for when they are shown: the language may have changed since. */
interface Meaning {
  title: () => string;
  help: () => string;
  way: Way;
  /** Whether the agent's sentence is shown too. */
  tells?: true;
}

const MEANINGS: Record<WalletCode, Meaning> = {
  no_wallet: { title: m.wallet_code_no_wallet_title, help: m.wallet_code_no_wallet_help, way: 'set-up' },
  exists: { title: m.wallet_code_exists_title, help: m.wallet_code_exists_help, way: 'replace' },
  password_needed: { title: m.wallet_code_password_needed_title, help: m.wallet_code_password_needed_help, way: 'password' },
  wrong_password: { title: m.wallet_code_wrong_password_title, help: m.wallet_code_wrong_password_help, way: 'password' },
  phrase_needed: { title: m.wallet_code_phrase_needed_title, help: m.wallet_code_phrase_needed_help, way: 'phrase' },
  unverified: { title: m.wallet_code_unverified_title, help: m.wallet_code_unverified_help, way: 'verify' },
  unconfirmed: { title: m.wallet_code_unconfirmed_title, help: m.wallet_code_unconfirmed_help, way: 'confirm' },
  intent_gone: { title: m.wallet_code_intent_gone_title, help: m.wallet_code_intent_gone_help, way: 'prepare' },
  offline: { title: m.wallet_code_offline_title, help: m.wallet_code_offline_help, way: 'retry', tells: true },
  no_gas: { title: m.wallet_code_no_gas_title, help: m.wallet_code_no_gas_help, way: 'gas', tells: true },
  clock_wrong: { title: m.wallet_code_clock_wrong_title, help: m.wallet_code_clock_wrong_help, way: 'clock' },
  refused: { title: m.wallet_code_refused_title, help: m.wallet_code_refused_help, way: 'look', tells: true },
};

/** How to show a trouble. */
export function explainTrouble(trouble: Trouble): Refused {
  if (trouble.by === 'window') {
    const { title, help } = explain(trouble.error);
    return { code: null, title, help, way: 'retry', told: null };
  }
  const { code, message } = trouble.refusal;
  // A code from a newer agent: its own sentence says what to do.
  const { title, help, way, tells } = MEANINGS[code] ?? MEANINGS.refused;
  return { code, title: title(), help: help(), way, told: tells ? message : null };
}
