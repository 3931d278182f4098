// What the settings show beside the rules and the look: what the owner is told, where his data lies, how his PC is.

import type { Notices } from '$lib/bindings/Notices';
import type { NoticesPage } from '$lib/bindings/NoticesPage';
import type { Place } from '$lib/bindings/Place';
import type { Places } from '$lib/bindings/Places';
import type { Support } from '$lib/bindings/Support';
import * as commands from '$lib/ipc/commands';
import { controlError, explain } from '$lib/ipc/errors';
import { Asked } from './asked.svelte';
import { CheckupLook } from './checkup.svelte';
import type { Toasts } from './toasts.svelte';
import { Turns } from './turns';

export class Desk {
  /** Of what the desktop tells the owner. */
  readonly notices = new Asked<NoticesPage>(commands.notices);
  /** Where his data lies. Known without an agent, too. */
  readonly places = new Asked<Places>(commands.places);
  /** Whether his PC can be a rig; looked at only when he wants to know. */
  readonly checkup = new CheckupLook();
  /** A text for somebody who helps; written only when he wants one. */
  readonly support = new Asked<Support>(commands.support);
  #turns = new Turns();
  #toasts: Toasts;

  constructor(toasts: Toasts) {
    this.#toasts = toasts;
  }

  /** Other notices from now on, one change after the other: each is made to what came of the one before. */
  tell(change: Partial<Notices>): Promise<boolean> {
    return this.#turns.take(async () => {
      const held = this.notices.value?.notices;
      return held !== undefined && (await this.notices.change(() => commands.setNotices({ ...held, ...change })));
    });
  }

  /** Shows a folder in the system's own program. */
  async open(place: Place) {
    try {
      await commands.openPlace({ place });
    } catch (cause) {
      this.#toasts.show(explain(controlError(cause)));
    }
  }
}
