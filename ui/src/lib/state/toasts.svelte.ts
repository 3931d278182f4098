// What went wrong with something the owner asked for. A fault of the rig itself is never a toast: it stays in sight.

import { report, type Explained } from '$lib/ipc/errors';

/** One error, until it is dismissed. */
export interface Toast extends Explained {
  id: number;
  /** What to copy when help is needed; absent where the text says all. */
  report: string | null;
}

/** More would hide the page; the oldest goes. */
const TOASTS_MAX = 3;

export class Toasts {
  #shown = $state.raw<Toast[]>([]);
  #last = 0;

  get shown(): Toast[] {
    return this.#shown;
  }

  show(error: Explained) {
    this.#last += 1;
    const toast = { ...error, id: this.#last, report: error.action === 'copy-report' ? report(error, Date.now()) : null };
    // The same error again replaces itself: pressing a broken button twice is one problem.
    const others = this.#shown.filter((other) => other.code !== error.code || other.help !== error.help);
    this.#shown = [...others, toast].slice(-TOASTS_MAX);
  }

  dismiss(id: number) {
    this.#shown = this.#shown.filter((toast) => toast.id !== id);
  }
}
