// Ids are text on the wire; branded, one kind cannot be passed for another.

declare const brand: unique symbol;

/** Names one attempt at a job on this rig. */
export type AttemptId = string & { readonly [brand]: 'attempt' };

/** Takes a text that is known to name an attempt, such as the part of an address. */
export function attemptId(text: string): AttemptId {
  return text as AttemptId;
}
