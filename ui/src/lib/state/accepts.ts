// Which jobs the owner takes: each choice is saved at once.

import type { OwnerRules } from '$lib/bindings/OwnerRules';
import type { RulesEditor } from './rules.svelte';

/** Lengths a job may be refused by, in hours, and 0 for no limit. */
export const LENGTHS_HOURS = [1, 2, 4, 8, 12, 24, 48, 72, 0] as const;

/**
 * Makes one change and saves it. Where somebody else has written the rules meanwhile, the same change is made to what they wrote: nothing of
 * theirs is lost, be it a customer blocked from the page of a job. Answers whether it holds; if not, the editor shows what does.
 */
export async function choose(editor: RulesEditor, edit: (draft: OwnerRules) => void): Promise<boolean> {
  editor.change(edit);
  if (await editor.save()) return true;
  const overtaken = editor.error?.code === 'changed';
  if (overtaken) {
    editor.discard();
    editor.change(edit);
    if (await editor.save()) return true;
  }
  // What could not be saved does not hold: the switch says what does, and the error stays to be read.
  editor.giveUp();
  return false;
}

/** Whether the owner refuses every job there can be. */
export function isNothingLeft({ jobs }: OwnerRules): boolean {
  return !jobs.gpu && !jobs.cpu;
}
