// What the keyboard does on every page. Each key is also written beside what it does, in the palette.

import { PAGES } from '$lib/shell/pages';

/** What a key means: the palette, or the page at an address. */
export type Meant = { kind: 'palette' } | { kind: 'page'; path: string };

const SETTINGS = '/settings';
/** There is no key for ten. */
const NUMBERED_MAX = 9;

/** Whether this PC has a key of its own for what others do with Ctrl. */
export function isApple(platform: string): boolean {
  return /^(Mac|iP)/.test(platform);
}

/** What a pressed key means; nothing for all that is typed. */
export function meant(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>, apple: boolean): Meant | null {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
  const held = apple ? metaKey && !ctrlKey : ctrlKey && !metaKey;
  if (!held || altKey || shiftKey) return null;
  if (key.toLowerCase() === 'k') return { kind: 'palette' };
  const path = numbered().find((_, at) => key === String(at + 1)) ?? (key === ',' ? SETTINGS : undefined);
  return path === undefined ? null : { kind: 'page', path };
}

/** The keys that lead to a page, as they are written on the keys; absent where none do. */
export function keysOf(path: string, apple: boolean): string[] | undefined {
  const at = numbered().indexOf(path);
  if (path === SETTINGS) return [modifier(apple), ','];
  return at < 0 ? undefined : [modifier(apple), String(at + 1)];
}

/** The keys that open the palette. */
export function paletteKeys(apple: boolean): string[] {
  return [modifier(apple), 'K'];
}

/** Pages that have a number, in the order of the sidebar. */
function numbered(): string[] {
  return PAGES.flat().map(({ path }) => path).slice(0, NUMBERED_MAX);
}

function modifier(apple: boolean): string {
  return apple ? '⌘' : 'Ctrl';
}
