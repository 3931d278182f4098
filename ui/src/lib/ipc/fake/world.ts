// An invented rig that lives second by second. It is simpler than the agent, and never wiser: the window must not
// learn from it how the agent decides.

import type { BlockArgs } from '$lib/bindings/BlockArgs';
import type { CardPage } from '$lib/bindings/CardPage';
import type { ClockFault } from '$lib/bindings/ClockFault';
import type { ControlError } from '$lib/bindings/ControlError';
import type { DemandView } from '$lib/bindings/DemandView';
import type { EngineView } from '$lib/bindings/EngineView';
import type { FleetArgs } from '$lib/bindings/FleetArgs';
import type { FleetView } from '$lib/bindings/FleetView';
import type { NetworkAnswer } from '$lib/bindings/NetworkAnswer';
import type { NetworkRequest } from '$lib/bindings/NetworkRequest';
import type { Link } from '$lib/bindings/Link';
import type { Phase } from '$lib/bindings/Phase';
import type { ProbeView } from '$lib/bindings/ProbeView';
import type { RigView } from '$lib/bindings/RigView';
import type { RulesPage } from '$lib/bindings/RulesPage';
import type { Snapshot } from '$lib/bindings/Snapshot';
import type { WaitReason } from '$lib/bindings/WaitReason';
import { cardOf } from './cards';
import { demandOf, SOME, type Queue } from './demand';
import { total } from './earnings';
import { fleetOf, type FakeFleet } from './fleet';
import { breathe, small } from './hardware';
import { advance, finish, isOver, job, TRANSCODE, type FakeJob, type Kind } from './job';
import { NoticesFile } from './desk';
import { AGAIN_MS, FakeNetworks } from './network';
import { RulesFile } from './rules';
import { FakeVirtualRigs } from './virtual';
import { FakeWallet } from './wallet';

const PREPARING_MS = 6_000;
const UPLOADING_MS = 3_000;
const YIELDING_MS = 2_000;
const READY_MS = 4_000;
const MEASURING_MS = 12_000;

export class World {
  nowMs: number;
  alive = true;
  /** Why nobody answers, where nobody does. */
  trouble: ControlError = { code: 'agent_gone', message: 'The Headframe agent is not running.' };
  wanted: 'off' | 'on' | 'paused' | 'draining' = 'on';
  pausedUntilMs: number | undefined;
  checkingUntilMs = 0;
  obstacles: WaitReason[] = [];
  rig: RigView = { device: '0x5aE7C1f2b3D4e5F60718293a4b5c6d7e8f901234', name: 'attic', cpu: small(), gpus: [] };
  link: Link = { kind: 'connected', network: 'testbed' };
  engine: EngineView = {
    found: 'Docker 20.10.24',
    tried: [
      { place: 'DOCKER_HOST', result: 'not set' },
      { place: 'Docker (unix:///var/run/docker.sock)', result: 'in use' },
    ],
  };
  /** What is wrong with the clock of this PC. */
  clock: ClockFault | undefined;
  probes: ProbeView[] = [
    { name: 'X11 input', says: 'you are away', works: true, kind: 'input', sees: 'away' },
    { name: 'Power', says: 'on mains power', works: true, kind: 'power', sees: 'mains' },
    { name: 'Full screen', says: 'no window fills the screen', works: true, kind: 'fullscreen', sees: 'no_fullscreen' },
    { name: 'Graphics cards', says: 'measured', works: true, kind: 'gpus', sees: 'measured' },
  ];
  /** What the owner lets his PC do. It changes nothing here but what he is shown. */
  readonly rules = new RulesFile();
  /** What is earned goes there in no scene by itself: the wallet has its own past. */
  readonly wallet = new FakeWallet();
  readonly virtual: FakeVirtualRigs;
  readonly notices = new NoticesFile();
  readonly networks: FakeNetworks;
  /** Jobs on the rig, and those that are over, newest first. */
  present: FakeJob[] = [];
  past: FakeJob[] = [];
  /** What comes when the rig is ready; empty if nothing does. */
  queue: Kind[] = [TRANSCODE];
  /** What others want of the network. */
  others: Queue = SOME;
  /** Which rigs its owner has. */
  fleet: FakeFleet = { kind: 'rigs', others: 2 };
  /** Cards to be measured again. */
  readonly #measure = new Set<string>();
  #revision = 0;
  #againAtMs = Infinity;
  #measuringUntilMs = 0;
  #history = 1;
  #number = 5_000;
  #since: { kind: Phase['kind']; ms: number } | undefined;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
    this.virtual = new FakeVirtualRigs(nowMs);
    this.wallet.settle(nowMs);
    this.networks = new FakeNetworks(() => this.nowMs);
  }

  want(what: World['wanted']): null {
    if (what === 'on' && this.wanted === 'off') this.checkingUntilMs = this.nowMs + 2_000;
    this.wanted = what;
    this.#settle();
    return null;
  }

  pause(minutes: number | undefined): null {
    this.pausedUntilMs = minutes === undefined ? undefined : this.nowMs + minutes * 60_000;
    return this.want('paused');
  }

  /** Asks which network there is, or joins one: then the agent ends and begins again. */
  askNetwork(ask: NetworkRequest): NetworkAnswer {
    const answer = this.networks.ask(ask, this.present.length > 0);
    if (answer.kind === 'here' && ask.kind !== 'show') {
      this.die();
      this.#againAtMs = this.nowMs + AGAIN_MS;
    }
    return answer;
  }

  /** Finds out what the cards can do, though the owner is here. */
  measure(): null {
    this.#measuringUntilMs = this.nowMs + MEASURING_MS;
    return null;
  }

  /** The agent process ends; its jobs go on without it. */
  die() {
    this.alive = false;
  }

  /** There is an agent, and no word of it. */
  hang() {
    this.die();
    this.trouble = { code: 'agent_silent', message: 'The Headframe agent runs and does not answer.' };
  }

  revive(): null {
    this.alive = true;
    this.#revision = 0;
    return null;
  }

  /** The owner touches the mouse. */
  touch(awayAfterMs: number) {
    const others = this.obstacles.filter((reason) => reason.kind !== 'owner_active');
    this.obstacles = [{ kind: 'owner_active', lastInputMs: this.nowMs, startsMs: this.nowMs + awayAfterMs }, ...others];
    this.probes = [{ name: 'X11 input', says: 'you are here', works: true, kind: 'input', sees: 'here' }];
    this.#settle();
  }

  step(nowMs: number) {
    const ms = Math.max(0, nowMs - this.nowMs);
    this.nowMs = nowMs;
    if (nowMs >= this.#againAtMs) this.#beginAgain();
    if (!this.alive) return;
    this.wallet.step(nowMs);
    this.virtual.step(nowMs);
    if (this.#measuringUntilMs > 0 && nowMs >= this.#measuringUntilMs) this.#measured();
    if (this.pausedUntilMs !== undefined && nowMs >= this.pausedUntilMs) this.want('on');
    this.obstacles = this.obstacles.filter((reason) => !isOverdue(reason, nowMs));
    for (const it of this.present) this.#live(it, ms);
    const over = this.present.filter(({ card }) => isOver(card.stage));
    this.past = [...over, ...this.past];
    this.present = this.present.filter(({ card }) => !isOver(card.stage));
    this.#history += over.length;
    this.#settle();
    this.#takeNext();
  }

  demand(): DemandView {
    return demandOf(this.snapshot(), this.others, this.nowMs);
  }

  listFleet(args: FleetArgs): FleetView {
    return fleetOf(this.snapshot(), this.fleet, args, this.nowMs);
  }

  cards(): CardPage {
    return { cards: this.rig.gpus.map((gpu) => cardOf(gpu, this.#measure.has(gpu.uuid), this.nowMs)) };
  }

  measureAgain(gpu: string): CardPage {
    this.#measure.add(gpu);
    return this.cards();
  }

  everything(): FakeJob[] {
    return [...this.present, ...this.past];
  }

  snapshot(): Snapshot {
    this.#revision += 1;
    const running = this.present.filter(({ card }) => card.stage === 'running');
    const busy = running.length > 0;
    const phase = this.#phase();
    const gpus = this.rig.gpus.map((card) => ({ ...card }));
    gpus.forEach((card, slot) => {
      const works = running.some((it) => it.card.gpus?.includes(card.uuid)) || phase.kind === 'benchmarking';
      breathe(card, works, this.nowMs / 1000 + slot * 9);
    });
    const cpu = { ...this.rig.cpu, loadPercent: busy ? 88 : this.rig.cpu.loadPercent };
    return {
      revision: this.#revision, agentVersion: '0.1.0', phase, sinceMs: this.#since?.ms ?? this.nowMs, rig: { ...this.rig, cpu, gpus },
      working: this.present.map(({ card }) => ({ ...card })), today: this.#today(), link: this.link, ...(this.networks.here.practice && { practice: true }), engine: this.engine, probes: this.probes,
      history: this.#history, ...(this.clock && { clock: this.clock }),
    };
  }

  #live(it: FakeJob, ms: number) {
    it.stageMs += ms;
    if (it.card.stage === 'preparing') {
      it.card.permille = Math.min(1000, Math.floor((it.stageMs / PREPARING_MS) * 1000));
      if (it.stageMs >= PREPARING_MS) enter(it, 'running');
    } else if (it.card.stage === 'running') {
      advance(it, ms);
      if (it.card.runningMs >= it.lengthMs) enter(it, 'uploading');
    } else if (it.card.stage === 'uploading') {
      it.card.permille = Math.min(1000, Math.floor((it.stageMs / UPLOADING_MS) * 1000));
      if (it.stageMs >= UPLOADING_MS) finish(it, this.nowMs, { stage: 'succeeded', reason: null, reasonText: null });
    } else if (it.card.stage === 'yielding' && it.stageMs >= YIELDING_MS) {
      finish(it, this.nowMs, { stage: 'yielded', ...this.#whyYielded(it) });
    }
  }

  #whyYielded({ card }: FakeJob): Pick<FakeJob['card'], 'reason' | 'reasonText'> {
    if (this.wanted === 'paused') return { reason: 'rig_paused', reasonText: 'You paused the rig.' };
    if (this.#isBlocked(card.customer)) return { reason: 'unwanted', reasonText: 'The rig’s owner does not take such jobs.' };
    return { reason: 'owner_returned', reasonText: 'You came back, so the job stopped.' };
  }

  /** No more jobs of the customer of an attempt; what of theirs is here goes on, or is given back. */
  block({ attempt, stop }: BlockArgs): Promise<RulesPage> {
    const card = this.everything().find((it) => it.card.attempt === attempt)?.card;
    if (card?.customer === undefined) return Promise.reject({ code: 'not_found', message: 'There is no such attempt here.' });
    const page = this.rules.block(card.customer, card.title, this.nowMs);
    if (stop) this.present.filter((it) => it.card.customer === card.customer).forEach((it) => enter(it, 'yielding'));
    return Promise.resolve(page);
  }

  #isBlocked(customer: string | undefined): boolean {
    return this.rules.rules?.jobs.blocked.some((blocked) => blocked.customer === customer) ?? false;
  }

  /** Gives back what may not run on. */
  #settle() {
    const stop = this.wanted === 'paused' || this.obstacles.some((reason) => reason.kind === 'owner_active');
    if (stop) this.present.filter(({ card }) => card.stage !== 'yielding').forEach((it) => enter(it, 'yielding'));
    if (this.wanted === 'draining' && this.present.length === 0) this.pause(undefined);
    this.#phase();
  }

  #takeNext() {
    const next = this.queue.find(({ customer }) => !this.#isBlocked(customer));
    if (this.#phase().kind !== 'ready' || !next || this.nowMs - (this.#since?.ms ?? 0) < READY_MS) return;
    this.#number += 1;
    this.present = [job(next, this.#number, this.nowMs, next.onGpu ? this.rig.gpus.slice(0, 1) : [])];
    this.#history += 1;
  }

  #phase(): Phase {
    const phase = this.#decide();
    if (this.#since?.kind !== phase.kind) this.#since = { kind: phase.kind, ms: this.nowMs };
    return phase;
  }

  /** Lets the present phase have begun earlier, for scenes that open in the middle. */
  sinceAgo(ms: number) {
    this.#since = { kind: this.#decide().kind, ms: this.nowMs - ms };
  }

  #decide(): Phase {
    const stage = this.present[0]?.card.stage;
    if (this.#measuringUntilMs > 0) return this.#measuring(this.#measuringUntilMs - this.nowMs);
    if (this.wanted === 'off') return { kind: 'off' };
    if (this.nowMs < this.checkingUntilMs) return { kind: 'checking' };
    if (stage === 'yielding') return { kind: 'yielding' };
    if (this.wanted === 'paused') return { kind: 'paused', ...(this.pausedUntilMs !== undefined && { untilMs: this.pausedUntilMs }) };
    if (this.wanted === 'draining') return { kind: 'draining' };
    if (stage === 'preparing') return { kind: 'preparing' };
    if (stage === 'running') return { kind: 'working' };
    if (stage === 'uploading') return { kind: 'uploading' };
    return this.obstacles.length > 0 ? { kind: 'waiting', reasons: this.obstacles } : { kind: 'ready' };
  }

  #measuring(leftMs: number): Phase {
    const percent = Math.min(99, Math.round((1 - leftMs / MEASURING_MS) * 100));
    return { kind: 'benchmarking', what: this.rig.gpus[0]?.model ?? this.rig.cpu.model, ...(this.rig.gpus[0] && { gpu: this.rig.gpus[0].uuid }), percent, leftS: Math.ceil(leftMs / 1_000) };
  }

  #measured() {
    this.#measuringUntilMs = 0;
    const scores: Record<string, number> = { 'GPU-4090': 1_004, 'GPU-3090': 548, 'GPU-A380': 92 };
    for (const card of this.rig.gpus) card.measuredFu = scores[card.uuid] ?? 500;
  }

  #beginAgain() {
    this.#againAtMs = Infinity;
    this.revive();
    const { practice, profile } = this.networks.here;
    this.link = { kind: 'connected', network: practice ? 'testbed' : (profile?.name ?? 'testbed') };
  }

  #today() {
    const midnight = new Date(this.nowMs).setHours(0, 0, 0, 0);
    const settled = this.past.filter(({ card }) => (card.endedMs ?? 0) >= midnight);
    const pending = this.present.reduce((all, { card }) => all + BigInt(card.earned), 0n).toString();
    const { jobs: confirmed, attempts, unmeasured, unpriced, power, net } = total(settled);
    const jobs = settled.filter(({ card }) => card.stage === 'succeeded').length;
    return { confirmed, pending, jobs, attempts, unmeasured, unpriced, ...(power !== undefined && { power, net }) };
  }
}

function enter(it: FakeJob, stage: FakeJob['card']['stage']) {
  it.card.stage = stage;
  // Of a running container nobody knows how far it is.
  it.card.permille = stage === 'yielding' || stage === 'running' ? null : 0;
  it.stageMs = 0;
}

function isOverdue(reason: WaitReason, nowMs: number): boolean {
  if (reason.kind === 'owner_active') return nowMs >= reason.startsMs;
  if (reason.kind === 'backing_off') return nowMs >= reason.untilMs;
  return false;
}
