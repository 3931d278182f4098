// What stands behind this page: the window's Rust, an invented agent, or nothing.

import type { VirtualAnswer, VirtualRequest } from './virtual';

/** Ends a subscription. */
export type Unlisten = () => void;

/** A scripted situation of the fake host. */
export interface SceneName {
  id: string;
  title: string;
}

/** The one door. Commands and events have their types in `commands.ts` and `events.ts`. */
export interface Host {
  /** Runs a command; rejects with a `ControlError`. */
  call(command: string, args?: unknown): Promise<unknown>;
  /** Hears every event of one name, from now on. */
  listen(event: string, hear: (payload: unknown) => void): Promise<Unlisten>;
  /** Answers about virtual rigs; rejects with a `ControlError`. */
  virtual(request: VirtualRequest): Promise<VirtualAnswer>;
  /** The scenes of a fake host and the one that plays; absent for a real one. */
  scenes?: { all: SceneName[]; current: string };
}

let opened: Promise<Host> | undefined;

/** The host of this page, opened once. */
export function host(): Promise<Host> {
  opened ??= open();
  return opened;
}

async function open(): Promise<Host> {
  if ('__TAURI_INTERNALS__' in window) return (await import('./tauri')).tauriHost;
  // The condition is a constant of the build: without it the fake host is not even in the files.
  if (__FAKE_HOST__) return (await import('./fake')).fakeHost(window.location, window.sessionStorage);
  return nobody;
}

const OUTSIDE = { code: 'agent_gone', message: 'This page works only inside the Headframe window.' };

/** The page was opened outside of the window. */
const nobody: Host = {
  call: (command) => (command === 'present' ? Promise.resolve({ seq: 1, agent: { kind: 'gone', error: OUTSIDE } }) : Promise.reject(OUTSIDE)),
  listen: () => Promise.resolve(() => undefined),
  virtual: () => Promise.reject(OUTSIDE),
};
