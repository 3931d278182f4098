// Which cards the owner lets work: one of his rules, that can be changed where a card is shown.

import type { Explained } from '$lib/ipc/errors';
import { isKept, keep, offer, type Named } from './kept';
import { RulesEditor } from './rules.svelte';

export class CardOffers {
  readonly #editor = new RulesEditor({ simulates: false });

  /** Whether the rules are known: nobody can choose before. */
  get isKnown(): boolean {
    return this.#editor.draft !== null;
  }

  /** Whether a choice is being written down. */
  get isSaving(): boolean {
    return this.#editor.isSaving;
  }

  /** Why the rules could not be read, or the last choice not be saved. */
  get error(): Explained | null {
    return this.#editor.error;
  }

  /** Whether there are rules that nobody understands. */
  get isUnreadable(): boolean {
    return this.#editor.page?.problem !== undefined;
  }

  /** Whether a card may work. */
  isOffered(gpu: Named): boolean {
    return !isKept(this.#editor.draft?.gpus.kept ?? [], gpu);
  }

  /** Reads what holds. */
  load() {
    return this.#editor.load();
  }

  /** Lets one of the cards of this PC work, or keeps it. Answers whether that holds now; if not, the switch says what does. */
  set(gpu: Named, offered: boolean, all: Named[]): Promise<boolean> {
    return this.#editor.choose((draft) => (draft.gpus.kept = offered ? offer(draft.gpus.kept, gpu, all) : keep(draft.gpus.kept, gpu)));
  }
}
