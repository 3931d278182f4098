// What the settings of an invented owner show.

import type { Checkup } from '$lib/bindings/Checkup';
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

export const CHECKUP: Checkup = {
  checks: [
    { id: 'engine', verdict: 'ok', what: 'Container engine', actual: 'Docker 20.10.24', required: 'one that answers', why: 'Jobs run in containers.' },
    {
      id: 'disk', verdict: 'warn', what: 'Room for jobs', actual: '38 GiB free', required: '60 GiB', why: 'Images and results need room.',
      fix: 'Make room, or lower limits.disk_gib in agent.toml.',
    },
    { id: 'clock', verdict: 'ok', what: 'Clock', actual: 'right to 40 ms', required: 'right to 30 s', why: 'Receipts carry the time.' },
    { id: 'sleep', verdict: 'unknown', what: 'Sleep', actual: 'the desktop does not say', required: 'no sleep while idle', why: 'A PC that sleeps earns nothing.' },
  ],
};

/** The notices of an invented owner. */
export class NoticesFile {
  #notices: Notices = { job_done: false, refused: true, trouble: true, update: true, paused: true };

  page(): NoticesPage {
    return { notices: { ...this.#notices }, file: `${DIR}/notices.toml` };
  }

  set(notices: Notices): NoticesPage {
    this.#notices = { ...notices };
    return this.page();
  }
}
