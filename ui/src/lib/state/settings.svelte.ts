// How the window looks and speaks: what the owner chose, laid over what the system says, applied at once.

import { speak } from '$lib/messages';
import { closest, LANGUAGES, usualDigits, type Digits, type Language } from '$lib/messages/languages';
import { read, write, type Choices } from './choices';

export class Settings {
  #storage: Storage;
  #root: HTMLElement;
  #system: readonly string[];
  #choices: Choices;
  #forgotten = $state(false);

  private constructor(storage: Storage, root: HTMLElement, system: readonly string[]) {
    this.#storage = storage;
    this.#root = root;
    this.#system = system;
    this.#choices = $state.raw(read(storage));
  }

  /** Reads what was chosen and applies it, so that the first page is already drawn as the owner wants it. */
  static async open({ localStorage, document, navigator }: Window): Promise<Settings> {
    const settings = new Settings(localStorage, document.documentElement, navigator.languages);
    await settings.#apply();
    return settings;
  }

  get choices(): Choices {
    return this.#choices;
  }

  /** The language that the system asks for, whatever is chosen. */
  get systemLanguage(): Language {
    return closest(this.#system);
  }

  /** The language that is spoken. */
  get language(): Language {
    return this.#choices.language === 'system' ? this.systemLanguage : this.#choices.language;
  }

  /** The digits that Arabic is written with. */
  get digits(): Digits {
    return this.#choices.digits ?? usualDigits(this.#system);
  }

  /** Whether the last choice is lost when the window is closed. */
  get forgotten(): boolean {
    return this.#forgotten;
  }

  /** Chooses something, keeps it and applies it. */
  async choose(choice: Partial<Choices>) {
    this.#choices = { ...this.#choices, ...choice };
    this.#forgotten = !write(this.#storage, this.#choices);
    await this.#apply();
  }

  async #apply() {
    const { language, digits } = this;
    const { theme, motion } = this.#choices;
    // The styles follow the system where these say `system`.
    Object.assign(this.#root.dataset, { theme, motion });
    await speak(language, digits);
    // Of two choices in a row the texts of the later one are there now.
    this.#root.lang = this.language;
    this.#root.dir = LANGUAGES[this.language].dir;
  }
}
