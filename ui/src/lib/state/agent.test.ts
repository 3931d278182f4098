import { beforeEach, expect, test, vi } from 'vitest';
import type { Snapshot } from '$lib/bindings/Snapshot';

const told = new Map<string, (payload: unknown) => void>();
const call = vi.fn<(command: string, args?: unknown) => Promise<unknown>>();

vi.mock('$lib/ipc/host', () => ({
  host: () =>
    Promise.resolve({
      call,
      listen: (event: string, hear: (payload: unknown) => void) => {
        told.set(event, hear);
        return Promise.resolve(() => told.delete(event));
      },
    }),
}));

const { Agent } = await import('./agent.svelte');
const { Toasts } = await import('./toasts.svelte');

const GONE = { code: 'agent_gone', message: 'no answer' };
const snapshot = (revision: number, stage?: string) =>
  ({ revision, phase: { kind: 'ready' }, working: stage ? [{ attempt: 'a', stage }] : [] }) as unknown as Snapshot;

beforeEach(() => {
  told.clear();
  call.mockReset();
});

async function connected(first: Snapshot | typeof GONE) {
  if ('code' in first) call.mockRejectedValueOnce(first);
  else call.mockResolvedValueOnce(first);
  const toasts = new Toasts();
  const agent = new Agent(toasts);
  const disconnect = await agent.connect();
  return { agent, toasts, disconnect };
}

test('an older snapshot changes nothing', async () => {
  const { agent } = await connected(snapshot(7));
  told.get('snapshot')?.(snapshot(6));
  expect(agent.snapshot?.revision).toBe(7);
  told.get('snapshot')?.(snapshot(8));
  expect(agent.snapshot?.revision).toBe(8);
});

test('a new agent counts from the beginning', async () => {
  const { agent } = await connected(snapshot(700));
  told.get('agent-gone')?.(GONE);
  expect(agent.gone?.action).toBe('start-agent');
  told.get('snapshot')?.(snapshot(1));
  expect(agent.gone).toBeNull();
  expect(agent.snapshot?.revision).toBe(1);
});

test('without an agent nothing earns', async () => {
  const { agent } = await connected(snapshot(1, 'running'));
  expect(agent.earning).toBe(true);
  told.get('agent-gone')?.(GONE);
  expect(agent.earning).toBe(false);
  expect(agent.working).toEqual([]);
  expect(agent.snapshot, 'the rig can still be drawn').not.toBeNull();
});

test('only a running container earns', async () => {
  const { agent } = await connected(snapshot(1, 'preparing'));
  expect(agent.earning).toBe(false);
});

test('a command that fails is told once, and the button works again', async () => {
  const { agent, toasts } = await connected(snapshot(1));
  call.mockRejectedValue({ code: 'unexpected', message: 'disk error' });
  await agent.pause();
  await agent.pause();
  expect(toasts.shown.map(({ help }) => help)).toEqual(['disk error']);
  expect(toasts.shown[0]?.report).toContain('code: unexpected');
  expect(agent.asking).toBeNull();
});

test('a command that finds nobody is no toast but a state', async () => {
  const { agent, toasts } = await connected(snapshot(1));
  call.mockRejectedValue(GONE);
  await agent.start();
  expect(agent.gone?.code).toBe('agent_gone');
  expect(toasts.shown).toEqual([]);
});

test('starting the agent again brings the rig back', async () => {
  const { agent } = await connected(GONE);
  expect(agent.gone).not.toBeNull();
  call.mockImplementation((command) => Promise.resolve(command === 'snapshot' ? snapshot(1) : null));
  await agent.startAgent();
  expect(agent.gone).toBeNull();
});

test('a snooze is an hour', async () => {
  const { agent } = await connected(snapshot(1));
  call.mockResolvedValue(null);
  await agent.snooze();
  expect(call).toHaveBeenLastCalledWith('pause', { minutes: 60 });
});

test('after the end nobody listens', async () => {
  const { disconnect } = await connected(snapshot(1));
  disconnect();
  expect(told.size).toBe(0);
});
