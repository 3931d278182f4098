// How far the owner has come with setting up, kept in the window's own storage. What he set up is the agent's to know; of what leaves no trace there,
// such as hours he found good as they were, it is kept here that he went through it.

/** The steps, in their order. */
export const STEPS = ['network', 'check', 'benchmark', 'wallet', 'when', 'done'] as const;
export type StepId = (typeof STEPS)[number];

/** Over: gone through, or put off. */
type Kept = StepId | 'over';

const KEY = 'headframe.welcome';
/** Changes when an old reader would misunderstand a new text. A text of another version is not read. */
const VERSION = 1;

export class Welcome {
  #storage: Storage;
  #kept = $state<Kept | null>(null);
  #passed = $state.raw<readonly StepId[]>([]);
  #hasLed = $state(false);

  constructor(storage: Storage) {
    this.#storage = storage;
    const stored = read(storage);
    this.#kept = stored?.at ?? null;
    this.#passed = stored?.passed ?? [];
  }

  /** Where to go on: the first step where nothing was begun. */
  get step(): StepId {
    return this.#kept === null || this.#kept === 'over' ? 'network' : this.#kept;
  }

  /** Whether this window has never led anybody through. */
  get isNew(): boolean {
    return this.#kept === null;
  }

  /** Whether it was begun, and neither gone through nor put off. */
  get isUnderWay(): boolean {
    return this.#kept !== null && this.#kept !== 'over';
  }

  /** Whether the window has led here by itself since it was opened, as it does once. */
  get hasLed(): boolean {
    return this.#hasLed;
  }

  /** The window has led here. */
  led() {
    this.#hasLed = true;
  }

  /** Whether he went through a step with nothing in the way. */
  hasPassed(step: StepId): boolean {
    return this.#passed.includes(step);
  }

  go(step: StepId) {
    this.#keep(step);
  }

  /** He has gone through it, and nothing was in the way. */
  pass(step: StepId) {
    if (!this.hasPassed(step)) this.#passed = [...this.#passed, step];
  }

  /** Gone through, or put off: the window does not lead here by itself any more. */
  leave() {
    this.#keep('over');
  }

  #keep(kept: Kept) {
    this.#kept = kept;
    try {
      this.#storage.setItem(KEY, JSON.stringify({ version: VERSION, at: kept, passed: this.#passed }));
    } catch {
      // Then it is asked again when the window is opened the next time.
    }
  }
}

function read(storage: Storage): { at: Kept; passed: StepId[] } | null {
  try {
    const stored: unknown = JSON.parse(storage.getItem(KEY) ?? 'null');
    if (typeof stored !== 'object' || stored === null || !('at' in stored) || !('version' in stored)) return null;
    if (stored.version !== VERSION) return null;
    const at = [...STEPS, 'over' as const].find((known) => known === stored.at);
    const passed: unknown = 'passed' in stored ? stored.passed : [];
    return at === undefined ? null : { at, passed: STEPS.filter((step) => Array.isArray(passed) && passed.includes(step)) };
  } catch {
    return null;
  }
}
