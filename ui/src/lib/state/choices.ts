// What the owner chose for this window, as it lies in the window's own storage.

import { isLanguage, type Digits, type Language } from '$lib/messages/languages';

/** Everything that can be chosen. `system` follows the PC, now and when it changes. */
export interface Choices {
  language: Language | 'system';
  /** Only Arabic asks; null are those usual where the owner comes from. */
  digits: Digits | null;
  theme: 'system' | 'dark' | 'light';
  motion: 'system' | 'still';
}

export const DEFAULTS: Choices = { language: 'system', digits: null, theme: 'system', motion: 'system' };

const KEY = 'headframe.window';
/** Changes when an old reader would misunderstand a new text. A text of another version is not read. */
const VERSION = 1;

/** What was chosen. What is missing, unreadable or no longer offered is as if never chosen. */
export function read(storage: Storage): Choices {
  const stored = parse(storage);
  if (stored.version !== VERSION) return DEFAULTS;
  return {
    language: stored.language === 'system' || isLanguage(stored.language) ? stored.language : DEFAULTS.language,
    digits: one(stored.digits, ['latn', 'arab'] as const) ?? DEFAULTS.digits,
    theme: one(stored.theme, ['system', 'dark', 'light'] as const) ?? DEFAULTS.theme,
    motion: one(stored.motion, ['system', 'still'] as const) ?? DEFAULTS.motion,
  };
}

/** Keeps what was chosen; answers whether it could. */
export function write(storage: Storage, choices: Choices): boolean {
  try {
    storage.setItem(KEY, JSON.stringify({ version: VERSION, ...choices }));
    return true;
  } catch {
    return false;
  }
}

function parse(storage: Storage): Record<string, unknown> {
  try {
    const stored: unknown = JSON.parse(storage.getItem(KEY) ?? 'null');
    return typeof stored === 'object' && stored !== null ? { ...stored } : {};
  } catch {
    return {};
  }
}

function one<T extends string>(stored: unknown, offered: readonly T[]): T | undefined {
  return offered.find((offer) => offer === stored);
}
