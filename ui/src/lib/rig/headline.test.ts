import { expect, test } from 'vitest';
import type { Link } from '$lib/bindings/Link';
import type { Phase } from '$lib/bindings/Phase';
import type { Snapshot } from '$lib/bindings/Snapshot';
import type { WaitReason } from '$lib/bindings/WaitReason';
import { headline } from './headline';

const NOW = Date.UTC(2026, 10, 23, 12, 0);
const CONNECTED: Link = { kind: 'connected', network: 'testbed' };

function check(phase: Phase, title: string, detail: string, link: Link = CONNECTED) {
  const words = headline({ phase, sinceMs: NOW - 72 * 60_000, link, working: [{}, {}] } as Snapshot, NOW);
  expect(words.title).toBe(title);
  expect(words.detail.replaceAll('\u00a0', ' ')).toContain(detail);
  return words;
}

const waits = (...reasons: WaitReason[]): Phase => ({ kind: 'waiting', reasons });

test('the owner is here, and knows how long it takes', () => {
  check(
    waits({ kind: 'owner_active', lastInputMs: NOW - 40_000, startsMs: NOW + 80_000 }),
    'Waiting for you to leave',
    'You used the mouse or the keyboard 40 s ago. Starts in 1 min 20 s if you don’t touch them.',
  );
});

test('who waits for hours is not told the seconds', () => {
  check(
    waits({ kind: 'owner_active', lastInputMs: NOW - 61_000, startsMs: NOW + 7_199_000 }),
    'Waiting for you to leave',
    'You used the mouse or the keyboard 1 min ago. Starts in 1 h 59 min if you don’t touch them.',
  );
});

test('a countdown that is over promises no number', () => {
  check(waits({ kind: 'owner_active', lastInputMs: NOW - 121_000, startsMs: NOW - 1_000 }), 'Waiting for you to leave', 'at any moment');
  check(waits({ kind: 'backing_off', untilMs: NOW }), 'Taking a short break', 'at any moment');
  check({ kind: 'paused', untilMs: NOW - 1 }, 'Paused', 'at any moment');
});

test('what else stands in the way is named shortly', () => {
  const words = check(waits({ kind: 'no_engine' }, { kind: 'no_idle_probe' }), 'Waiting for a container engine', 'Docker or Podman');
  expect(words.also).toEqual(['nothing can tell whether you are away']);
  expect(words.fault).toBe(true);
});

test('being offline says when the next try comes', () => {
  const link: Link = { kind: 'waiting', untilMs: NOW + 12_000, message: 'refused' };
  expect(check(waits({ kind: 'offline' }), 'Waiting for the network', 'Tries again in 12 s', link).fault).toBe(false);
  check(waits({ kind: 'offline' }), 'Waiting for the network', 'Trying again now', { kind: 'connecting' });
});

test('a refusal gives the reason and the way out', () => {
  check(waits({ kind: 'refused', code: 'quarantined', message: 'Results did not match.' }), 'The operator has taken this rig out of work', 'Results did not match. Ask the operator');
  expect(check(waits({ kind: 'refused', code: 'unavailable', message: '' }), 'The network is taking a break', 'by itself').fault).toBe(false);
});

test('an engine that cannot be used says why', () => {
  check(waits({ kind: 'engine_unusable', message: 'Memory limits do not work.' }), 'Waiting: the container engine cannot be used', 'Memory limits');
});

test('what passes by itself is no fault, and what the owner must mend is one', () => {
  const fault = (reason: WaitReason) =>
    headline({ phase: waits(reason), sinceMs: NOW, link: CONNECTED, working: [] as unknown } as Snapshot, NOW).fault;
  expect(fault({ kind: 'on_battery' })).toBe(false);
  expect(fault({ kind: 'schedule', opensMs: NOW + 1 })).toBe(false);
  expect(fault({ kind: 'schedule' })).toBe(true);
  expect(fault({ kind: 'probe_broken', probe: 'Power', message: 'no access' })).toBe(true);
});

test.each<[Phase, string, string]>([
  [{ kind: 'off' }, 'Not started yet', 'Press Start'],
  [{ kind: 'checking' }, 'Looking at this PC', 'few seconds'],
  [{ kind: 'benchmarking', what: '', percent: 0, leftS: 0 }, 'Finding out what this PC can do', 'graphics cards'],
  [{ kind: 'benchmarking', what: 'NVIDIA GeForce RTX 4090', percent: 40, leftS: 19 }, 'Finding out what this PC can do', 'RTX 4090: 40 % done, 19 s left'],
  [{ kind: 'ready' }, 'Ready for work', 'for 1 h 12 min'],
  [{ kind: 'preparing' }, 'Preparing a job', 'from the moment it runs'],
  [{ kind: 'working' }, 'Working on 2 jobs', 'For 1 h 12 min now'],
  [{ kind: 'yielding' }, 'Giving your PC back', 'being stopped'],
  [{ kind: 'uploading' }, 'Bringing the results away', 'have arrived'],
  [{ kind: 'draining' }, 'Finishing, then stopping', 'nothing new'],
  [{ kind: 'paused' }, 'Paused', 'For 1 h 12 min now. No work is taken until you press Resume.'],
  [{ kind: 'paused', untilMs: NOW + 43 * 60_000 }, 'Paused', 'in 43 min, at 14:43'],
  [waits({ kind: 'disk_full' }), 'Waiting for disk space', 'nearly full'],
  [waits({ kind: 'schedule', opensMs: NOW + 43 * 60_000 }), 'Waiting for an hour of work', 'in 43 min, at 14:43'],
  [waits({ kind: 'schedule', opensMs: NOW }), 'Waiting for an hour of work', 'at any moment'],
  [waits({ kind: 'schedule' }), 'Waiting for an hour of work', 'every hour of the week'],
  [waits({ kind: 'remote' }), 'Waiting until nobody uses the PC from afar', 'remote desktop'],
  [waits({ kind: 'program', name: 'factorio' }), 'Waiting for factorio to end', 'never disturb'],
  [waits({ kind: 'fullscreen' }), 'Waiting until no window fills the screen', 'A game or a film'],
  [waits({ kind: 'on_battery' }), 'Waiting for mains power', 'battery'],
  [waits({ kind: 'metered' }), 'Waiting for another connection', 'metered'],
  [waits({ kind: 'hot', part: 'gpu', celsius: 91, resumesAt: 75 }), 'Cooling down', 'graphics card was 91 °C hot. Goes on at 75 °C'],
  [waits({ kind: 'busy', percent: 80, atMost: 50 }), 'Waiting for your own programs', '80 % of the processor, more than the 50 %'],
  [waits({ kind: 'unprofitable', powerPerHour: '2000000000', floorPerHour: '2050000000' }), 'Waiting for cheaper power', '$2,000.00 now, and no job may pay the $2,050.00'],
  [waits({ kind: 'probe_broken', probe: 'Power', message: 'no access' }), 'Waiting, because something cannot be measured: Power', 'no access'],
  [waits({ kind: 'rules_broken', message: 'rules.toml: line 3' }), 'Waiting, because your rules cannot be understood', 'line 3'],
  [waits({ kind: 'no_idle_probe' }), 'Waiting, because nothing can tell whether you are away', 'taken to be here'],
])('%o is said in words', (phase, title, detail) => {
  check(phase, title, detail);
});
