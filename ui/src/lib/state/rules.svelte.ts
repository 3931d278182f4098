// The owner's rules as they hold, and as he is changing them. Nothing counts before it is saved.

import type { OwnerRules } from '$lib/bindings/OwnerRules';
import type { RulesPage } from '$lib/bindings/RulesPage';
import type { Simulation } from '$lib/bindings/Simulation';
import * as commands from '$lib/ipc/commands';
import { controlError, explain, type Explained } from '$lib/ipc/errors';
import type { Loading } from './jobs.svelte';
import { Turns } from './turns';

/** What past days are shown for: all that can be compared without waiting. */
const SIMULATED_DAYS = 7;
/** A moment without a change before it is simulated again: painting changes the draft many times a second. */
const SIMULATE_AFTER_MS = 400;

/** A draft beside what holds, for the same past days. */
export interface Outlook {
  held: Simulation;
  draft: Simulation;
}

export class RulesEditor {
  #page = $state.raw<RulesPage | null>(null);
  #draft = $state<OwnerRules | null>(null);
  #loading = $state<Loading>('idle');
  #saving = $state(false);
  #error = $state.raw<Explained | null>(null);
  #outlook = $state.raw<Outlook | null>(null);
  #simulated = $state<Loading>('idle');
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;
  #turns = new Turns();
  readonly #simulates: boolean;

  /** Where only single choices are made, nobody asks what they would have changed. */
  constructor({ simulates = true } = {}) {
    this.#simulates = simulates;
  }

  /** What the agent told last; null before its first answer. */
  get page(): RulesPage | null {
    return this.#page;
  }

  /** What is shown and changed; null until it is loaded, or if the file cannot be understood. */
  get draft(): OwnerRules | null {
    return this.#draft;
  }

  get loading(): Loading {
    return this.#loading;
  }

  get isSaving(): boolean {
    return this.#saving;
  }

  /** Why the last load or save failed. The draft stays. */
  get error(): Explained | null {
    return this.#error;
  }

  /** What the past days would have been; null before the first answer. */
  get outlook(): Outlook | null {
    return this.#outlook;
  }

  get simulated(): Loading {
    return this.#simulated;
  }

  /** Whether there is something to save: in place of a file nobody understands, whatever is there. */
  get isChanged(): boolean {
    const held = this.#page?.rules;
    return this.#draft !== null && (held === undefined || !isSame(held, this.#draft));
  }

  /** Loads what holds. What was changed and not saved is laid over it. */
  async load() {
    this.#loading = 'loading';
    try {
      this.#show(await commands.rules(), true);
      this.#loading = 'ready';
      this.#error = null;
    } catch (cause) {
      this.#fail(cause);
      this.#loading = 'failed';
    }
  }

  /** Another value in the draft. */
  change(edit: (draft: OwnerRules) => void) {
    if (!this.#draft) return;
    edit(this.#draft);
    this.#simulateSoon();
  }

  /**
   * Makes one change and saves it, after those that were asked for before it. Where somebody else has written the rules meanwhile, the same
   * change is made to what they wrote: nothing of theirs is lost, be it a customer blocked from the page of a job. Answers whether it holds;
   * if not, the editor shows what does.
   */
  choose(edit: (draft: OwnerRules) => void): Promise<boolean> {
    return this.#turns.take(() => this.#chooseNow(edit));
  }

  async #chooseNow(edit: (draft: OwnerRules) => void): Promise<boolean> {
    this.change(edit);
    if (await this.save()) return true;
    if (this.#error?.code === 'changed') {
      this.discard();
      this.change(edit);
      if (await this.save()) return true;
    }
    // What could not be saved does not hold: the switch says what does, and the error stays to be read.
    this.giveUp();
    return false;
  }

  /** Back to what holds. */
  discard() {
    if (!this.#page) return;
    this.#show(this.#page, false);
    this.#error = null;
  }

  /** Back to what holds, and why that is so stays to be read. */
  giveUp() {
    if (this.#page) this.#show(this.#page, false);
  }

  /** In place of a file nobody understands. */
  startOver() {
    if (!this.#page) return;
    this.#draft = structuredClone(this.#page.defaults);
    this.#simulateSoon();
  }

  /** Saves the draft. Answers whether that was done. */
  async save(): Promise<boolean> {
    if (!this.#page || !this.#draft || this.#saving) return false;
    this.#saving = true;
    try {
      const page = await commands.setRules({ rules: $state.snapshot(this.#draft), revision: this.#page.revision });
      this.#show(page, false);
      this.#error = null;
      return true;
    } catch (cause) {
      this.#fail(cause);
      // To be looked at and saved again.
      if (this.#error?.code === 'changed') await commands.rules().then((page) => this.#show(page, true), () => undefined);
      return false;
    } finally {
      this.#saving = false;
    }
  }

  /** Nobody looks any more. */
  close() {
    clearTimeout(this.#timer);
  }

  /** What holds now. Somebody else may have written it: what was changed here and is kept is laid over what he wrote. */
  #show(page: RulesPage, keepsChanges: boolean) {
    const before = this.#page?.rules;
    const changes = keepsChanges && before && this.#draft ? { before, draft: $state.snapshot(this.#draft) } : null;
    this.#page = page;
    this.#draft = page.rules ? structuredClone(page.rules) : null;
    if (page.rules && changes) this.#draft = changedOver(changes.before, changes.draft, page.rules);
    this.#simulateSoon();
  }

  #fail(cause: unknown) {
    this.#error = explain(controlError(cause));
  }

  #simulateSoon() {
    clearTimeout(this.#timer);
    if (this.#simulates) this.#timer = setTimeout(() => void this.#simulate(), SIMULATE_AFTER_MS);
  }

  async #simulate() {
    if (!this.#draft) return;
    const turn = ++this.#asked;
    const draft = $state.snapshot(this.#draft);
    this.#simulated = 'loading';
    try {
      const held = await commands.simulate({ days: SIMULATED_DAYS });
      const changed = this.isChanged ? await commands.simulate({ days: SIMULATED_DAYS, draft }) : held;
      // A later question has a later answer.
      if (turn !== this.#asked) return;
      this.#outlook = { held, draft: changed };
      this.#simulated = 'ready';
    } catch {
      // What is being typed may not be a rule yet; saving says why.
      if (turn === this.#asked) this.#simulated = 'failed';
    }
  }
}

/** `now`, with every value of `draft` that differs from `before`. */
export function changedOver(before: OwnerRules, draft: OwnerRules, now: OwnerRules): OwnerRules {
  const sections = Object.entries(now).map(([name, section]) => {
    const was = before[name as keyof OwnerRules] as Record<string, unknown>;
    const wanted = draft[name as keyof OwnerRules] as Record<string, unknown>;
    const own = Object.entries(wanted).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key]));
    return [name, { ...section, ...Object.fromEntries(own) }];
  });
  return Object.fromEntries(sections) as OwnerRules;
}

function isSame(one: OwnerRules, other: OwnerRules): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
