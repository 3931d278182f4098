// What an invented doctor finds: all is well but for the clock, and no engine where the scene has none. Its words are the agent's own, which writes
// them into `checkups` (`UPDATE_EXPECT=1 cargo nextest run -p headframe-agent doctor::speech`).

import type { Check } from '$lib/bindings/Check';
import type { Checkup } from '$lib/bindings/Checkup';
import type { DoctorArgs } from '$lib/bindings/DoctorArgs';
import type { Language } from '$lib/bindings/Language';
import ar from './checkups/ar.json';
import en from './checkups/en.json';
import es from './checkups/es.json';
import zhHans from './checkups/zh-Hans.json';

const SAID = { en, es, 'zh-Hans': zhHans, ar } as Record<Language, { ready: Check[]; noEngine: Check[] }>;

/** A look at a PC on which `engine` was found, or none. */
export function checkup(engine: string | null, { language = 'en' }: DoctorArgs): Checkup {
  const found = engine === null ? 'noEngine' : 'ready';
  const lines = SAID.en[found].map(({ verdict, what, actual }) => `${verdict.padEnd(8)} ${what}: ${actual}`);
  return { checks: SAID[language][found], support: ['Headframe agent 0.1.0, running.', ...lines].join('\n') };
}
