// What became of something the owner asked for, where the page does not show it. A fault of the rig itself is never a toast: it
// stays in sight.

import { report, type Explained } from '$lib/ipc/errors';

/** One thing that is told: an error until it is dismissed, anything else for a moment. */
export interface Toast extends Pick<Explained, 'tone' | 'title' | 'help'> {
  id: number;
  /** Tells one error from another; absent where nothing went wrong. */
  code: Explained['code'] | null;
  /** What to copy when help is needed; absent where the text says all. */
  report: string | null;
  /** Takes it back; absent where that cannot be. */
  undo: (() => void) | null;
}

/** More would hide the page; the oldest goes. */
const TOASTS_MAX = 3;
/** How long good news stays. Whoever missed it finds it on its page. */
const NEWS_MS = 6_000;
/** How long what can be taken back stays: long enough to reach it by keyboard. */
const UNDO_MS = 20_000;

export class Toasts {
  #shown = $state.raw<Toast[]>([]);
  #last = 0;

  get shown(): Toast[] {
    return this.#shown;
  }

  show(error: Explained) {
    this.#add({ ...error, undo: null, report: error.action === 'copy-report' ? report(error, Date.now()) : null });
  }

  /** Tells that something was done, and what takes it back, if anything does. */
  news(title: string, help: string, undo: (() => void) | null = null) {
    const id = this.#add({ code: null, tone: 'quiet', title, help, report: null, undo });
    setTimeout(() => this.dismiss(id), undo ? UNDO_MS : NEWS_MS);
  }

  dismiss(id: number) {
    this.#shown = this.#shown.filter((toast) => toast.id !== id);
  }

  #add(toast: Omit<Toast, 'id'>): number {
    this.#last += 1;
    // The same again replaces itself: pressing a broken button twice is one problem.
    const others = this.#shown.filter((other) => other.code !== toast.code || other.help !== toast.help);
    this.#shown = [...others, { ...toast, id: this.#last }].slice(-TOASTS_MAX);
    return this.#last;
  }
}
