// What the settings of an invented owner show.

import type { Notices } from '$lib/bindings/Notices';
import type { NoticesPage } from '$lib/bindings/NoticesPage';
import type { Places } from '$lib/bindings/Places';
import type { Support } from '$lib/bindings/Support';

const DIR = '/home/ada/.local/share/headframe/agent';

export const PLACES: Places = {
  windowVersion: '0.1.0', dataDir: DIR, dataBytes: 41_380_000_000, logDir: `${DIR}/log`, logBytes: 7_340_000,
};

export const SUPPORT: Support = {
  file: `${DIR}/support/headframe-support.txt`,
  text: 'Headframe 0.1.0 on linux (x86_64)\nPhase: {"kind":"working"}\n',
};

/** The notices of an invented owner. */
export class NoticesFile {
  #notices: Notices = { job_done: false, refused: true, trouble: true, update: true, paused: true, paid: true };

  page(): NoticesPage {
    return { notices: { ...this.#notices }, file: `${DIR}/notices.toml` };
  }

  set(notices: Notices): NoticesPage {
    this.#notices = { ...notices };
    return this.page();
  }
}
