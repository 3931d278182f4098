// Acts that must not overlap: each begins when the one before it is over.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does it in its turn, whatever came of the one before. */
  take<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(act);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
