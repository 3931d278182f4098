// The state of the window, made once at the root and found by every component below it.

import { createContext } from 'svelte';
import { host, type SceneName } from '$lib/ipc/host';
import { Agent } from './agent.svelte';
import { Clock } from './clock.svelte';
import { Desk } from './desk.svelte';
import { Demand } from './demand.svelte';
import { Fleet } from './fleet.svelte';
import { Jobs } from './jobs.svelte';
import { Networks } from './networks.svelte';
import type { Settings } from './settings.svelte';
import { Toasts } from './toasts.svelte';
import { Wallet } from './wallet.svelte';
import { Welcome } from './welcome.svelte';

export const [getAgent, setAgent] = createContext<Agent>();
export const [getClock, setClock] = createContext<Clock>();
export const [getDesk, setDesk] = createContext<Desk>();
export const [getDemand, setDemand] = createContext<Demand>();
export const [getFleet, setFleet] = createContext<Fleet>();
export const [getJobs, setJobs] = createContext<Jobs>();
export const [getSettings, setSettings] = createContext<Settings>();
export const [getNetworks, setNetworks] = createContext<Networks>();
export const [getWelcome, setWelcome] = createContext<Welcome>();
export const [getToasts, setToasts] = createContext<Toasts>();
export const [getWallet, setWallet] = createContext<Wallet>();

/** Makes the rest of the state, gives all of it to everything below the calling component, and answers it to be run. */
export function provideWindow(settings: Settings): { agent: Agent; clock: Clock; networks: Networks; welcome: Welcome } {
  const toasts = setToasts(new Toasts());
  const clock = setClock(new Clock());
  const agent = setAgent(new Agent(toasts));
  setDesk(new Desk(toasts));
  setJobs(new Jobs(agent));
  setWallet(new Wallet());
  const networks = setNetworks(new Networks(agent));
  const welcome = setWelcome(new Welcome(localStorage));
  setDemand(new Demand());
  setFleet(new Fleet());
  setSettings(settings);
  return { agent, clock, networks, welcome };
}

/** The scenes of the fake host; absent when the host is real. */
export async function scenes(): Promise<{ all: SceneName[]; current: string } | undefined> {
  return (await host()).scenes;
}
