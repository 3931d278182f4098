// Whether this PC can be a rig, looked at whenever the owner asks and told in the language of the window.

import type { Checkup } from '$lib/bindings/Checkup';
import * as commands from '$lib/ipc/commands';
import { language } from '$lib/messages';
import type { Language } from '$lib/messages/languages';
import { Asked } from './asked.svelte';

export class CheckupLook extends Asked<Checkup> {
  #askedIn = $state<Language>();

  constructor() {
    super(() => commands.doctor({ language: language() }));
  }

  /** What was found last; null before the first look. */
  get found(): Checkup | null {
    return this.value;
  }

  /** Whether no job can run at all until something is mended. */
  get lacksEngine(): boolean {
    return this.value?.checks.some(({ id, verdict }) => id === 'engine' && verdict === 'fail') ?? false;
  }

  /** Whether it was told in another language than the one that is spoken now. */
  get isForeign(): boolean {
    return this.value !== null && this.#askedIn !== language();
  }

  /** Looks anew. */
  override load() {
    this.#askedIn = language();
    return super.load();
  }
}
