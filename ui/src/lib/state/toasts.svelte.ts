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
}

/** More would hide the page; the oldest goes. */
const TOASTS_MAX = 3;
/** How long good news stays. Whoever missed it finds it on its page. */
const NEWS_MS = 6_000;

export class Toasts {
  #shown = $state.raw<Toast[]>([]);
  #last = 0;

  get shown(): Toast[] {
    return this.#shown;
  }

  show(error: Explained) {
    this.#add({ ...error, report: error.action === 'copy-report' ? report(error, Date.now()) : null });
  }

  /** Tells that something was done. */
  news(title: string, help: string) {
    const id = this.#add({ code: null, tone: 'quiet', title, help, report: null });
    setTimeout(() => this.dismiss(id), NEWS_MS);
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
