// Invented networks: one that can be joined, and texts that cannot, each for its own reason.

import type { NetworkAnswer } from '$lib/bindings/NetworkAnswer';
import type { NetworkFault } from '$lib/bindings/NetworkFault';
import type { NetworkRequest } from '$lib/bindings/NetworkRequest';
import type { NetworkView } from '$lib/bindings/NetworkView';
import type { ProfileView } from '$lib/bindings/ProfileView';

const DAY_MS = 86_400_000;
/** How long an agent takes to end and begin again. */
export const AGAIN_MS = 1_500;

/** What the agent says of a text that names a fault, as `headframe://join?profile=expired` does. */
const REFUSALS: Partial<Record<NetworkFault, string>> = {
  forged: 'the signature is not by the key 0x5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff, or something was changed after it was signed',
  expired: 'the profile has expired',
  insecure: 'http://mine.example/ is not an https address',
  unsigned: 'the profile is not signed',
};

/** Which network an invented owner has joined. */
export class FakeNetworks {
  here: NetworkView;
  #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.here = { coordinator: 'https://coordinator.attic.example/', chosen: true, profile: this.#profile(), practice: false };
  }

  /** As on the day of the installation. */
  forget() {
    this.here = { coordinator: 'http://127.0.0.1:8080/', chosen: false, practice: false };
  }

  /** Answers as the agent does; `atWork` is whether a job is on the rig. */
  ask(ask: NetworkRequest, atWork: boolean): NetworkAnswer {
    if (ask.kind === 'show') return { kind: 'here', network: this.here };
    if (ask.kind === 'look') return this.#look(ask.text);
    if (atWork) return { kind: 'refused', fault: 'at_work', message: 'A job is still on this PC, or its result is on its way. Finish it first, then join.' };
    if (ask.kind === 'practise') this.here = { ...this.here, chosen: true, practice: true };
    else if (ask.kind === 'stop_practising') this.here = { ...this.here, practice: false };
    else this.here = { coordinator: 'https://coordinator.attic.example/', chosen: true, profile: this.#profile(), practice: false };
    return { kind: 'here', network: this.here };
  }

  #look(text: string): NetworkAnswer {
    const fault = (Object.keys(REFUSALS) as NetworkFault[]).find((known) => text.endsWith(known));
    if (fault) return { kind: 'refused', fault, message: REFUSALS[fault] ?? '' };
    if (!text.startsWith('headframe://join?') && !text.startsWith('https://') && !text.startsWith('{')) {
      return { kind: 'refused', fault: 'malformed', message: 'this is no network profile: neither a link nor the text of a profile' };
    }
    return { kind: 'offered', profile: this.#profile() };
  }

  #profile(): ProfileView {
    return {
      link: 'headframe://join?profile=%7B%22profile%22%3A%7B%22version%22%3A1%2C%22name%22%3A%22attic%22%7D%7D',
      name: 'attic', coordinator: 'https://coordinator.attic.example/', operator: 'Attic Computing S.L.',
      key: '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23', feeBps: 1_000, support: 'help@attic.example',
      contentPolicy: 'Rendering, AI and simulation. No mining, no scanning of others, nothing that is illegal in Spain.',
      website: 'https://attic.example/', issuedMs: this.#nowMs() - 9 * DAY_MS, expiresMs: this.#nowMs() + 356 * DAY_MS,
    };
  }
}
