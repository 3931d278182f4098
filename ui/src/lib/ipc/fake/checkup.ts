// What an invented doctor finds: all is well but for a little, and no engine where the scene has none.

import type { Check } from '$lib/bindings/Check';
import type { Checkup } from '$lib/bindings/Checkup';

const FINE: Check[] = [
  { id: 'gpu_driver', verdict: 'ok', what: 'NVIDIA driver', actual: '580.95.05', required: '550 or later', why: 'older ones cannot give a card to a container' },
  { id: 'probes', verdict: 'ok', what: 'Away or not', actual: 'X11 input', required: 'one way of telling', why: 'your own use comes first' },
  { id: 'disk', verdict: 'ok', what: 'Disk', actual: '412 GiB free', required: '60 GiB', why: 'images and jobs need room' },
  { id: 'memory', verdict: 'ok', what: 'Memory', actual: '32 GiB', required: '4 GiB', why: 'jobs ask for it' },
  { id: 'bandwidth', verdict: 'unknown', what: 'Bandwidth', actual: 'not measured', required: 'nothing in particular', why: 'a fast line gets jobs with large files done sooner' },
];
const CLOCK: Check = {
  id: 'clock', verdict: 'warn', what: 'Clock', actual: '94 s ahead of coordinator.attic.example', required: 'within a minute of the coordinator’s',
  why: 'your hours are kept by it, and certificates are judged by it', fix: 'let the system set its clock over the network, on Linux: `sudo timedatectl set-ntp true`',
};
const NO_ENGINE: Check = {
  id: 'engine', verdict: 'fail', what: 'Container engine', actual: 'none found at /var/run/docker.sock', required: 'Docker 20.10 or later',
  why: 'jobs run in containers, apart from your files', fix: 'install one, on Debian and Ubuntu: `sudo apt install docker.io`, and allow your user to use it',
};

/** A look at a PC on which `engine` was found, or none. */
export function checkup(engine: string | null): Checkup {
  const found: Check = { ...NO_ENGINE, verdict: 'ok', actual: engine ?? '' };
  delete found.fix;
  const checks = [engine === null ? NO_ENGINE : found, CLOCK, ...FINE];
  const lines = checks.map(({ verdict, what, actual }) => `${verdict.padEnd(8)} ${what}: ${actual}`);
  return { checks, support: ['Headframe agent 0.1.0, running.', ...lines].join('\n') };
}
