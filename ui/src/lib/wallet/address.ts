// What can be said of an address by looking at it. Whether its capitals are the right ones the agent knows, who can hash.

/** What an address looks like. */
export type AddressLook = 'none' | 'name' | 'malformed' | 'no_capitals' | 'right';

/** Looks at what was typed so far. A beginning that can become one is not called wrong yet. */
export function judge(typed: string): AddressLook {
  const text = typed.trim();
  if (text === '' || /^0x?[0-9a-fA-F]{0,39}$/.test(text)) return 'none';
  if (text.includes('.')) return 'name';
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return 'malformed';
  return hasCapitals(text) ? 'right' : 'no_capitals';
}

/** Whether letters of both kinds vouch for it; an address of digits alone has none to vouch with. */
function hasCapitals(address: string): boolean {
  const digits = address.slice(2);
  return !/[a-fA-F]/.test(digits) || (/[a-f]/.test(digits) && /[A-F]/.test(digits));
}

/** `0x7099…79C8`, for lists; all of it stands in the title. */
export function short(address: string): string {
  return address.length > 14 ? `${address.slice(0, 6)}…${address.slice(-4)}` : address;
}
