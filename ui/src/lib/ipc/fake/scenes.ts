// The situations everyone who draws the window should look at.

import type { GpuView } from '$lib/bindings/GpuView';
import { NONE_FITS, NONE_TAKEN } from './demand';
import { arc, desktop, rtx3090, rtx4090 } from './hardware';
import { EMBED, job, LONG, over, RENDER, running, TRANSCODE, type FakeJob } from './job';
import type { World } from './world';

/** One situation, and what happens in it by itself. */
export interface Scene {
  id: string;
  title: string;
  set(world: World): void;
  script?: { afterMs: number; act(world: World): void }[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SUCCEEDED = { stage: 'succeeded', reason: null, reasonText: null } as const;
const YIELDED = { stage: 'yielded', reason: 'owner_returned', reasonText: 'You came back, so the job stopped.' } as const;
const OUT_OF_MEMORY = {
  stage: 'failed', reason: 'out_of_memory', reasonText: 'The job used more memory than it had asked for (8 GiB).',
} as const;
const CANCELLED = { stage: 'cancelled', reason: 'cancelled_by_customer', reasonText: 'The customer cancelled the job.' } as const;
const LOST = { stage: 'lost', reason: 'lease_lapsed', reasonText: 'The coordinator could not be reached for longer than the lease.' } as const;

export const SCENES: Scene[] = [
  {
    id: 'first-run',
    title: 'First run',
    set(world) {
      world.wanted = 'off';
      world.wallet.view = { state: { kind: 'none' } };
      world.wallet.withdrawals = [];
      world.wallet.receipts = [];
      world.networks.forget();
      world.link = { kind: 'connecting' };
      world.touch(0);
      world.obstacles = [{ kind: 'owner_active', lastInputMs: world.nowMs - 3_000, startsMs: world.nowMs + 20_000 }];
    },
    script: [{ afterMs: 1_000, act: (world) => (world.link = { kind: 'connected', network: 'testbed' }) }],
  },
  {
    id: 'set-up',
    title: 'Setting up, without an engine',
    set(world) {
      world.wanted = 'off';
      world.networks.forget();
      Object.assign(world.wallet, { view: { state: { kind: 'none' } }, withdrawals: [], receipts: [] });
      world.rig.cpu = desktop();
      world.rig.gpus = [{ ...rtx4090(), fu: null }];
      world.engine = { found: null, tried: [{ place: 'Docker (unix:///var/run/docker.sock)', result: 'no such file' }] };
      world.link = { kind: 'waiting', untilMs: world.nowMs + 64_000, message: 'connection refused by 127.0.0.1:8080' };
      world.queue = [];
    },
    // Long enough to be told about it, then somebody installs one.
    script: [{ afterMs: 60_000, act: (world) => (world.engine = { found: 'Docker 20.10.24', tried: [] }) }],
  },
  {
    id: 'practice',
    title: 'Practice',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx4090()];
      world.networks.ask({ kind: 'practise' }, false);
      world.present = [running(RENDER, 17, world.nowMs, 11 * MINUTE, world.rig.gpus)];
      world.past = today(world.nowMs);
    },
  },
  {
    id: 'idle-and-earning',
    title: 'Idle and earning',
    set(world) {
      world.rig.cpu = desktop();
      const large = rtx4090();
      const small = rtx3090();
      world.rig.gpus = [large, small];
      world.present = [running(RENDER, 17, world.nowMs, 11 * MINUTE, [large]), running(EMBED, 16, world.nowMs, 8 * MINUTE, [small])];
      world.past = today(world.nowMs);
      world.queue = [RENDER, EMBED];
      world.sinceAgo(72 * MINUTE);
    },
  },
  {
    id: 'owner-returns',
    title: 'The owner returns',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx4090()];
      world.present = [running(RENDER, 17, world.nowMs, 3 * MINUTE, world.rig.gpus)];
      world.past = today(world.nowMs);
    },
    script: [{ afterMs: 5_000, act: (world) => world.touch(2 * MINUTE) }],
  },
  {
    id: 'coordinator-down',
    title: 'Coordinator down',
    set(world) {
      world.rig.gpus = [arc()];
      world.past = today(world.nowMs);
      world.obstacles = [{ kind: 'offline' }];
      world.link = { kind: 'waiting', untilMs: world.nowMs + 64_000, message: 'connection refused by 127.0.0.1:7411' };
      world.sinceAgo(9 * MINUTE);
    },
  },
  {
    id: 'clock-shut-out',
    title: 'The clock of this PC keeps it from connecting',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx3090()];
      world.past = today(world.nowMs);
      world.obstacles = [{ kind: 'offline' }];
      world.link = { kind: 'waiting', untilMs: world.nowMs + 64_000, message: 'the coordinator could not be reached: invalid peer certificate: certificate not valid yet' };
      world.clock = { kind: 'too_early', byMs: 3 * 24 * HOUR + 5 * HOUR };
      world.sinceAgo(9 * MINUTE);
    },
  },
  {
    id: 'disk-full',
    title: 'The disk is full',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx4090()];
      world.past = today(world.nowMs);
      world.obstacles = [{ kind: 'disk_full' }];
      world.sinceAgo(26 * MINUTE);
    },
  },
  {
    id: 'engine-gone',
    title: 'The container engine has stopped',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx4090(), rtx3090()];
      world.past = today(world.nowMs);
      world.obstacles = [{ kind: 'engine_unusable', message: 'Docker has stopped answering. Start it again: sudo systemctl start docker' }];
      world.engine = { found: null, tried: [{ place: 'Docker (unix:///var/run/docker.sock)', result: 'connection refused' }] };
      world.sinceAgo(3 * MINUTE);
    },
  },
  {
    id: 'no-docker',
    title: 'No container engine',
    set(world) {
      world.obstacles = [{ kind: 'no_engine' }, { kind: 'no_idle_probe' }];
      world.engine = {
        found: null,
        tried: [
          { place: 'DOCKER_HOST', result: 'not set' },
          { place: 'Docker (unix:///var/run/docker.sock)', result: 'no such file' },
          { place: 'Podman (unix:///run/podman/podman.sock)', result: 'permission denied' },
          { place: 'Rancher Desktop (unix://~/.rd/docker.sock)', result: 'no such file' },
        ],
      };
      world.probes = [
        { name: 'X11 input', says: 'no display to ask', works: false, kind: 'input' },
        { name: 'Gamepad', says: 'there is no gamepad', works: false, absent: true, kind: 'gamepad' },
      ];
      world.sinceAgo(40_000);
    },
  },
  {
    id: 'agent-gone',
    title: 'The agent has gone',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx4090(), rtx3090()];
      world.present = [running(RENDER, 17, world.nowMs, 11 * MINUTE, world.rig.gpus.slice(0, 1))];
      world.past = today(world.nowMs);
    },
    script: [{ afterMs: 1_000, act: (world) => world.die() }],
  },
  {
    id: 'agent-hangs',
    title: 'The agent hangs',
    set(world) {
      world.present = [running(TRANSCODE, 17, world.nowMs, 2 * MINUTE)];
      world.past = today(world.nowMs);
    },
    script: [{ afterMs: 1_000, act: (world) => world.hang() }],
  },
  {
    id: 'one-card-works',
    title: 'One card of two works',
    set(world) {
      // The desktop keeps one card busy, and the driver of the other tells nothing: neither says what works.
      const drawing: GpuView = {
        ...rtx4090(), fanPercent: null, loadPercent: 23, powerMilliwatts: 38_000,
        reasons: [{ kind: 'gpu_in_use', gpu: 'NVIDIA GeForce RTX 4090', program: 'factorio' }],
      };
      const silent = arc();
      world.rig.gpus = [drawing, silent];
      world.rig.cpu = desktop();
      world.present = [running(EMBED, 17, world.nowMs, 4 * MINUTE, [silent]), running(TRANSCODE, 16, world.nowMs, MINUTE)];
    },
  },
  {
    id: 'many-jobs',
    title: 'A thousand jobs',
    set(world) {
      world.present = [running(LONG, 1_001, world.nowMs, 5 * MINUTE)];
      world.past = thousand(world.nowMs);
      world.sinceAgo(5 * MINUTE);
    },
  },
  {
    id: 'long-history',
    title: 'Four months of work',
    set(world) {
      world.rig.cpu = desktop();
      const large = rtx4090();
      world.rig.gpus = [large, rtx3090()];
      world.present = [running(RENDER, 1_001, world.nowMs, 11 * MINUTE, [large])];
      world.past = months(world.nowMs);
      world.sinceAgo(72 * MINUTE);
    },
  },
  {
    id: 'long-log',
    title: 'A log of 10,000 lines',
    set(world) {
      const job = over(TRANSCODE, 1, world.nowMs - MINUTE, SUCCEEDED);
      // As long as the window shows of any log, in short lines.
      job.log = Array.from({ length: 10_000 }, (_, at) => `line ${at + 1} of frames\n`).join('');
      job.card.logBytes = job.log.length;
      world.past = [job];
    },
  },
  {
    id: 'failure',
    title: 'A job failed',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx3090()];
      world.past = [over(RENDER, 18, world.nowMs - 20_000, OUT_OF_MEMORY, 6 * MINUTE), ...today(world.nowMs)];
      world.obstacles = [{ kind: 'backing_off', untilMs: world.nowMs + 75_000 }];
      world.sinceAgo(20_000);
    },
  },
  {
    id: 'no-demand',
    title: 'Ready, and nothing fits',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [{ ...rtx3090(), fu: null, measuredFu: 548 }];
      world.queue = [];
      world.others = NONE_FITS;
      world.sinceAgo(41 * MINUTE);
    },
  },
  {
    id: 'picky',
    title: 'Ready, and everything is refused',
    set(world) {
      world.rig.cpu = desktop();
      world.rig.gpus = [rtx3090()];
      world.queue = [];
      world.others = NONE_TAKEN;
      world.past = today(world.nowMs);
      world.rules.block(EMBED.customer, EMBED.title, world.nowMs - 26 * HOUR);
      world.rules.block('psn_0f1e2d3c4b5a69788796a5b4c3d2e1f0', '', world.nowMs - 50 * HOUR);
      const { rules } = world.rules;
      if (rules) rules.jobs = { ...rules.jobs, unsaved: false, undeclared: false, adult: false, longest_hours: 8 };
      world.sinceAgo(41 * MINUTE);
    },
  },
  {
    id: 'preparing',
    title: 'Preparing the first job',
    set(world) {
      world.present = [job(TRANSCODE, 1, world.nowMs)];
    },
  },
  {
    id: 'no-wallet',
    title: 'No wallet yet',
    set(world) {
      world.past = today(world.nowMs);
      world.fleet = { kind: 'alone', why: 'no_account' };
      world.wallet.view = { state: { kind: 'none' } };
      world.wallet.withdrawals = [];
    },
  },
  {
    id: 'wallet-words-unverified',
    title: 'The words are not verified',
    set(world) {
      world.past = today(world.nowMs);
      world.wallet.unverified(world.nowMs, true);
    },
  },
  {
    id: 'wallet-words-forgotten',
    title: 'The words are not verified, and forgotten',
    set(world) {
      world.wallet.unverified(world.nowMs, false);
    },
  },
  {
    id: 'wallet-chain-down',
    title: 'A chain does not answer',
    set(world) {
      world.past = today(world.nowMs);
      const [base] = world.wallet.chains;
      if (base) base.problem = 'no endpoint of Base answers';
      world.wallet.stuck(world.nowMs);
    },
    script: [{ afterMs: 20_000, act: ({ wallet: { chains } }) => delete chains[0]?.problem }],
  },
  {
    id: 'wallet-offline',
    title: 'The wallet without a coordinator',
    set(world) {
      world.link = { kind: 'waiting', untilMs: world.nowMs + 64_000, message: 'connection refused by 127.0.0.1:7411' };
      world.wallet.online = false;
    },
  },
  {
    id: 'wallet-watching',
    title: 'An address whose key is elsewhere',
    set(world) {
      world.fleet = { kind: 'alone', why: 'not_signed' };
      world.wallet.watching(world.nowMs);
    },
  },
  {
    id: 'wallet-held',
    title: 'Payouts are held, and the proof is wrong',
    set(world) {
      const { payout } = world.wallet.view;
      if (payout) payout.heldBecause = 'The account is being looked at after a report.';
      const usdc = world.wallet.chains[0]?.assets[0];
      if (usdc) usdc.problem = 'the coordinator says that something is owed, and the chain does not confirm it';
    },
  },
  {
    id: 'clock-wrong',
    title: 'The clock of this PC is wrong',
    set(world) {
      world.fleet = { kind: 'clock_wrong' };
      world.past = today(world.nowMs);
      world.wallet.aheadMs = HOUR;
      world.clock = { kind: 'off', aheadMs: HOUR };
    },
  },
  {
    id: 'fleet-of-one',
    title: 'One rig',
    set(world) {
      world.rig.gpus = [rtx4090()];
      world.past = today(world.nowMs);
      world.fleet = { kind: 'rigs', others: 0 };
    },
  },
  {
    id: 'fleet-of-many',
    title: '120 rigs',
    set(world) {
      world.rig.gpus = [rtx4090()];
      world.past = today(world.nowMs);
      world.fleet = { kind: 'rigs', others: 119 };
    },
  },
  {
    id: 'fleet-silent',
    title: 'Nobody says which rigs there are',
    set(world) {
      world.rig.gpus = [rtx4090()];
      world.past = today(world.nowMs);
      world.fleet = { kind: 'silent' };
    },
    script: [{ afterMs: 2 * MINUTE, act: (world) => (world.fleet = { kind: 'rigs', others: 2 }) }],
  },
  {
    id: 'fleet-refused',
    title: 'The network does not know this rig',
    set(world) {
      world.rig.gpus = [rtx4090()];
      world.fleet = { kind: 'refused', message: 'There is no such rig.' };
    },
  },
  {
    id: 'no-virtual-rigs',
    title: 'No virtual rigs on this network',
    set(world) {
      world.virtual.offered = false;
    },
  },
  {
    id: 'virtual-rigs-none-yet',
    title: 'Virtual rigs, and none taken yet',
    set(world) {
      world.virtual.holdings = { ...world.virtual.holdings, rigs: [], machines: [] };
    },
  },
];

function today(nowMs: number): FakeJob[] {
  return [
    over(TRANSCODE, 15, nowMs - 14 * MINUTE, SUCCEEDED),
    over(RENDER, 14, nowMs - 40 * MINUTE, YIELDED, 7 * MINUTE),
    over(EMBED, 13, nowMs - 2 * HOUR, CANCELLED, 2 * MINUTE),
    over(LONG, 12, nowMs - 3 * HOUR, SUCCEEDED),
    over(TRANSCODE, 11, nowMs - 26 * HOUR, LOST, 3 * MINUTE),
    over(RENDER, 10, nowMs - 50 * HOUR, SUCCEEDED),
  ];
}

/** Some evenings more and some less; short logs, for there are many. */
function months(nowMs: number): FakeJob[] {
  const kinds = [RENDER, EMBED, RENDER, TRANSCODE];
  const days = Array.from({ length: 120 }, (_, back) => Array.from({ length: (back * 7 + 4) % 9 }, (_, number) => ({ back, number })));
  return days.flat().map(({ back, number }, index) => {
    const kind = kinds[(back + number) % kinds.length] ?? RENDER;
    const ran = (12 + ((back * 5 + number * 11) % 50)) * MINUTE;
    const endedMs = nowMs - back * 24 * HOUR - number * 70 * MINUTE - 20 * MINUTE;
    return over({ ...kind, lengthMs: ran }, 1_000 - index, endedMs, number === 5 ? YIELDED : SUCCEEDED, ran);
  });
}

function thousand(nowMs: number): FakeJob[] {
  const kinds = [TRANSCODE, LONG, EMBED];
  const ends = [SUCCEEDED, SUCCEEDED, SUCCEEDED, YIELDED, SUCCEEDED, OUT_OF_MEMORY, SUCCEEDED];
  return Array.from({ length: 1_000 }, (_, back) => {
    const kind = kinds[back % kinds.length] ?? TRANSCODE;
    // Short logs: a thousand long ones would make the fake host slow to start.
    return over(kind, 1_000 - back, nowMs - (back + 1) * 11 * MINUTE, ends[back % ends.length] ?? SUCCEEDED, 40_000);
  });
}
