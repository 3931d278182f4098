// An invented agent for a browser: scripted scenes, so that the window can be looked at without Rust, GPU or engine.

import type { BlockArgs } from '$lib/bindings/BlockArgs';
import type { DoctorArgs } from '$lib/bindings/DoctorArgs';
import type { EarnedArgs } from '$lib/bindings/EarnedArgs';
import type { EarningsArgs } from '$lib/bindings/EarningsArgs';
import type { FleetArgs } from '$lib/bindings/FleetArgs';
import type { JobsArgs } from '$lib/bindings/JobsArgs';
import type { LogArgs } from '$lib/bindings/LogArgs';
import type { NetworkRequest } from '$lib/bindings/NetworkRequest';
import type { Notices } from '$lib/bindings/Notices';
import type { MeasureArgs } from '$lib/bindings/MeasureArgs';
import type { OpenedLink } from '$lib/bindings/OpenedLink';
import type { PauseArgs } from '$lib/bindings/PauseArgs';
import type { Present } from '$lib/bindings/Present';
import type { SetRulesArgs } from '$lib/bindings/SetRulesArgs';
import type { SheetOf } from '$lib/bindings/SheetOf';
import type { SimulateArgs } from '$lib/bindings/SimulateArgs';
import type { UnblockArgs } from '$lib/bindings/UnblockArgs';
import type { WalletRequest } from '$lib/bindings/WalletRequest';
import { earned, earnings, exported } from './fake/earnings';
import { PLACES, SUPPORT } from './fake/desk';
import { checkup } from './fake/checkup';
import { page, piece, yields } from './fake/past';
import { SCENES } from './fake/scenes';
import { World } from './fake/world';
import type { Host } from './host';

const STEP_MS = 1_000;
const LINK_BYTES_MAX = 16 * 1024;
const STORED_SCENE = 'headframe.scene';
const FIRST_SCENE = 'idle-and-earning';

/** The host for the scene that the address names, or the one that played before a reload. */
export function fakeHost(address: Location, storage: Storage): Host {
  const asked = new URLSearchParams(address.search).get('scene') ?? storage.getItem(STORED_SCENE);
  const scene = SCENES.find((known) => known.id === asked) ?? SCENES.find((known) => known.id === FIRST_SCENE);
  if (!scene) throw new Error('the first scene is one of the scenes');
  storage.setItem(STORED_SCENE, scene.id);

  const world = new World(Date.now());
  scene.set(world);
  const began = world.nowMs;
  const script = [...(scene.script ?? [])];
  const hearers = new Map<string, Set<(payload: unknown) => void>>();
  const tell = (event: string, payload: unknown) => hearers.get(event)?.forEach((hear) => hear(payload));
  // A test opens a link with the window that runs as the system would: from outside.
  let link = opened(new URLSearchParams(address.search).get('link'));
  window.addEventListener('headframe:link', (event) => {
    link = opened((event as CustomEvent<string>).detail);
    tell('link', null);
  });
  let seq = 0;
  const present = (): Present => {
    seq += 1;
    return { seq, agent: world.alive ? { kind: 'here', snapshot: world.snapshot() } : { kind: 'gone', error: world.trouble } };
  };
  const push = () => tell('present', present());

  setInterval(() => {
    const wasAlive = world.alive;
    world.step(Date.now());
    while (script[0] && world.nowMs - began >= script[0].afterMs) script.shift()?.act(world);
    if (wasAlive || world.alive) push();
  }, STEP_MS);

  return {
    scenes: { all: SCENES.map(({ id, title }) => ({ id, title })), current: scene.id },
    listen(event, hear) {
      const all = hearers.get(event) ?? new Set();
      hearers.set(event, all.add(hear));
      return Promise.resolve(() => void all.delete(hear));
    },
    virtual: (request) => (world.alive ? Promise.resolve(world.virtual.answer(request, Date.now())) : Promise.reject(world.trouble)),
    async call(command, args) {
      // A test counts what is asked.
      window.dispatchEvent(new CustomEvent('headframe:asked', { detail: command }));
      if (command === 'present') return present();
      if (command === 'opened_link') {
        const last = link;
        link = null;
        return last;
      }
      const answer = await obey(world, command, args);
      if (CHANGES.has(command)) push();
      return answer;
    },
  };
}

/** As the window's Rust does it, roughly. */
function opened(text: string | null): OpenedLink | null {
  if (text === null) return null;
  if (text.length > LINK_BYTES_MAX) return { kind: 'refused', fault: 'too_long' };
  return text.startsWith('headframe://join?') ? { kind: 'given', text } : { kind: 'refused', fault: 'malformed' };
}

const CHANGES = new Set(['start', 'pause', 'finish', 'measure', 'network', 'start_agent', 'block']);

function obey(world: World, command: string, args: unknown): Promise<unknown> {
  if (command === 'start_agent') return Promise.resolve(world.revive());
  if (command === 'places') return Promise.resolve(PLACES);
  if (command === 'open_place') return Promise.resolve(null);
  if (!world.alive) return Promise.reject(world.trouble);
  switch (command) {
    case 'start':
      return Promise.resolve(world.want('on'));
    case 'pause':
      return Promise.resolve(world.pause((args as PauseArgs).minutes));
    case 'finish':
      return Promise.resolve(world.want('draining'));
    case 'jobs':
      return Promise.resolve(page(world.everything(), args as JobsArgs));
    case 'yields':
      return Promise.resolve(yields(world.everything()));
    case 'log': {
      const chunk = piece(world.everything(), args as LogArgs);
      return chunk ? Promise.resolve(chunk) : Promise.reject({ code: 'not_found', message: 'There is no such attempt.' });
    }
    case 'earnings':
      return Promise.resolve(earnings(world, args as EarningsArgs));
    case 'earned':
      return Promise.resolve(earned(world, args as EarnedArgs));
    case 'export_earnings':
      return exported(world, args as SheetOf);
    case 'doctor':
      return Promise.resolve(checkup(world.engine.found, args as DoctorArgs));
    case 'measure':
      return Promise.resolve(world.measure());
    case 'network':
      return Promise.resolve(world.askNetwork(args as NetworkRequest));
    case 'demand':
      return Promise.resolve(world.demand());
    case 'fleet':
      return Promise.resolve(world.listFleet(args as FleetArgs));
    case 'cards':
      return Promise.resolve(world.cards());
    case 'measure_again':
      return Promise.resolve(world.measureAgain((args as MeasureArgs).gpu));
    case 'rules':
      return Promise.resolve(world.rules.page());
    case 'set_rules':
      return world.rules.set(args as SetRulesArgs);
    case 'block':
      return world.block(args as BlockArgs);
    case 'unblock':
      return Promise.resolve(world.rules.unblock((args as UnblockArgs).customer));
    case 'simulate':
      return Promise.resolve(world.rules.simulate(args as SimulateArgs, world.nowMs));
    case 'wallet':
      return Promise.resolve(world.wallet.answer(args as WalletRequest, Date.now()));
    case 'notices':
      return Promise.resolve(world.notices.page());
    case 'set_notices':
      return Promise.resolve(world.notices.set(args as Notices));
    case 'support':
      return Promise.resolve(SUPPORT);
    default:
      return Promise.reject({ code: 'bad_request', message: `The fake host does not know the command ${command}.` });
  }
}
