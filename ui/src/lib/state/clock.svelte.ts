// The time, as far as it is drawn: once a second, and not at all while nobody can see it.

/** How often sentences with a duration are rewritten. */
const TICK_MS = 1_000;

export class Clock {
  #now = $state(Date.now());
  #visible = $state(true);

  /** The time of the last tick, in milliseconds since 1970. */
  get now(): number {
    return this.#now;
  }

  /** Whether the window can be seen; nothing moves while it cannot. */
  get visible(): boolean {
    return this.#visible;
  }

  /** Runs until the returned function is called. */
  run(page: Document): () => void {
    const tick = () => {
      this.#now = Date.now();
    };
    const look = () => {
      this.#visible = page.visibilityState === 'visible';
      tick();
    };
    const timer = setInterval(() => this.#visible && tick(), TICK_MS);
    page.addEventListener('visibilitychange', look);
    look();
    return () => {
      clearInterval(timer);
      page.removeEventListener('visibilitychange', look);
    };
  }
}
