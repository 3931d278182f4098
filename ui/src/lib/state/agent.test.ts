import { beforeEach, expect, test, vi } from 'vitest';
import type { ControlError } from '$lib/bindings/ControlError';
import type { JobCard } from '$lib/bindings/JobCard';
import type { Present } from '$lib/bindings/Present';
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
const { money, moneyExact } = await import('$lib/format/money');
const { Toasts } = await import('./toasts.svelte');

const GONE: ControlError = { code: 'agent_gone', message: 'no answer' };
const snapshot = (revision: number, ...working: Partial<JobCard>[]) => ({ revision, phase: { kind: 'ready' }, working }) as unknown as Snapshot;
const here = (seq: number, told: Snapshot): Present => ({ seq, agent: { kind: 'here', snapshot: told } });
const gone = (seq: number, error: ControlError = GONE): Present => ({ seq, agent: { kind: 'gone', error } });
const tell = (present: Present) => told.get('present')?.(present);

beforeEach(() => {
  told.clear();
  call.mockReset();
});

/** What is known when a page asks; every other command answers as the test says. */
async function connected(first: Present) {
  call.mockResolvedValueOnce(first);
  const toasts = new Toasts();
  const agent = new Agent(toasts);
  const disconnect = await agent.connect();
  return { agent, toasts, disconnect };
}

test('what arrives late changes nothing', async () => {
  const { agent } = await connected(here(7, snapshot(70)));
  tell(here(6, snapshot(60)));
  tell(gone(5));
  expect(agent.snapshot?.revision).toBe(70);
  expect(agent.gone).toBeNull();
  tell(here(8, snapshot(80)));
  expect(agent.snapshot?.revision).toBe(80);
});

test('an answer that comes after newer news does not bring the old ones back', async () => {
  const { agent } = await connected(here(1, snapshot(1)));
  let answer: (present: Present) => void = () => undefined;
  call.mockImplementation((command) =>
    command === 'present' ? new Promise((resolve) => (answer = resolve as (present: Present) => void)) : Promise.reject(GONE),
  );
  const asked = agent.start();
  await vi.waitFor(() => expect(call).toHaveBeenCalledTimes(3));
  tell(gone(2));
  tell(here(3, snapshot(1)));
  answer(gone(2));
  await asked;
  expect(agent.gone).toBeNull();
});

test('a new agent counts its revisions from the beginning', async () => {
  const { agent } = await connected(here(1, snapshot(700)));
  tell(gone(2));
  expect(agent.gone?.action).toBe('start-agent');
  tell(here(3, snapshot(1)));
  expect(agent.gone).toBeNull();
  expect(agent.snapshot?.revision).toBe(1);
});

test('without an agent nothing earns', async () => {
  const { agent } = await connected(here(1, snapshot(1, { stage: 'running' })));
  expect(agent.earning).toBe(true);
  tell(gone(2));
  expect(agent.earning).toBe(false);
  expect(agent.working).toEqual([]);
  expect(agent.snapshot, 'the rig can still be drawn').not.toBeNull();
});

test('only a running container earns', async () => {
  const { agent } = await connected(here(1, snapshot(1, { stage: 'preparing' })));
  expect(agent.earning).toBe(false);
});

test('a card is lit by the job that runs on it', async () => {
  const { agent } = await connected(
    here(1, snapshot(1, { stage: 'running' }, { stage: 'running', gpus: ['b'] }, { stage: 'preparing', gpus: ['c'] })),
  );
  expect(agent.litGpus).toEqual(['b']);
});

test('a command that fails is told once, and the button works again', async () => {
  const { agent, toasts } = await connected(here(1, snapshot(1)));
  call.mockRejectedValue({ code: 'unexpected', message: 'disk error' });
  await agent.pause();
  await agent.pause();
  expect(toasts.shown.map(({ help }) => help)).toEqual(['disk error']);
  expect(toasts.shown[0]?.report).toContain('code: unexpected');
  expect(agent.asking).toBeNull();
});

test('a command that finds nobody is no toast but a state', async () => {
  const { agent, toasts } = await connected(here(1, snapshot(1)));
  call.mockImplementation((command) => (command === 'present' ? Promise.resolve(gone(2)) : Promise.reject(GONE)));
  await agent.start();
  expect(agent.gone?.code).toBe('agent_gone');
  expect(toasts.shown).toEqual([]);
});

test('a command that was turned away by an agent that lives is a toast', async () => {
  const { agent, toasts } = await connected(here(1, snapshot(1)));
  call.mockImplementation((command) => (command === 'present' ? Promise.resolve(here(1, snapshot(1))) : Promise.reject(GONE)));
  await agent.start();
  expect(agent.gone).toBeNull();
  expect(toasts.shown).toHaveLength(1);
});

test('starting the agent again brings the rig back', async () => {
  const { agent } = await connected(gone(1));
  expect(agent.gone).not.toBeNull();
  call.mockImplementation((command) => Promise.resolve(command === 'present' ? here(2, snapshot(1)) : null));
  await agent.startAgent();
  expect(agent.gone).toBeNull();
});

test('an agent that could not be started says why, and can be tried again', async () => {
  const { agent, toasts } = await connected(gone(1));
  const failed: ControlError = { code: 'agent_not_started', message: 'What went wrong: no such file.' };
  call.mockImplementation((command) => (command === 'present' ? Promise.resolve(gone(2, failed)) : Promise.reject(failed)));
  await agent.startAgent();
  expect(agent.gone).toMatchObject({ help: 'What went wrong: no such file.', action: 'start-agent' });
  expect(toasts.shown).toEqual([]);
});

test('a snooze is an hour', async () => {
  const { agent } = await connected(here(1, snapshot(1)));
  call.mockResolvedValue(null);
  await agent.snooze();
  expect(call).toHaveBeenLastCalledWith('pause', { minutes: 60 });
});

test('after the end nobody listens', async () => {
  const { disconnect } = await connected(here(1, snapshot(1)));
  disconnect();
  expect(told.size).toBe(0);
});

test('an agent that was asked to begin again is not gone meanwhile, but not for ever', async () => {
  vi.useFakeTimers();
  try {
    const { agent } = await connected(here(1, snapshot(1)));
    agent.beginsAgain();
    tell(gone(2));
    expect([agent.gone, agent.isBeginningAgain]).toEqual([null, true]);
    tell(here(3, snapshot(1)));
    expect(agent.isBeginningAgain).toBe(false);
    agent.beginsAgain();
    tell(gone(4));
    vi.advanceTimersByTime(30_000);
    expect(agent.gone?.code).toBe('agent_gone');
  } finally {
    vi.useRealTimers();
  }
});

test('practice lights no lamp, and its amounts are no money', async () => {
  const running: Partial<JobCard> = { attempt: 'att_1', stage: 'running', gpus: ['GPU-1'] };
  const { agent } = await connected(here(1, { ...snapshot(1, running), practice: true }));
  expect([agent.earning, agent.litGpus, agent.working.length]).toEqual([false, [], 1]);
  expect(money('2310000')).toBe('2.31 practice');
  expect(moneyExact('-4217')).toBe('−0.004217 practice');
  tell(here(2, snapshot(2, running)));
  expect([agent.earning, agent.litGpus]).toEqual([true, ['GPU-1']]);
  expect(money('2310000')).toBe('$2.31');
});
