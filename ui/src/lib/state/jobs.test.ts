import { beforeEach, expect, test, vi } from 'vitest';
import type { JobCard } from '$lib/bindings/JobCard';
import type { JobPage } from '$lib/bindings/JobPage';
import type { JobsArgs } from '$lib/bindings/JobsArgs';
import type { Agent } from './agent.svelte';

const page = vi.fn<(args: JobsArgs) => Promise<JobPage>>();
vi.mock('$lib/ipc/commands', () => ({ jobs: page }));

const { Jobs } = await import('./jobs.svelte');
const { attemptId } = await import('$lib/ipc/brand');

const card = (attempt: string, stage = 'succeeded') => ({ attempt, stage }) as JobCard;
const names = (jobs: JobCard[]) => jobs.map(({ attempt }) => attempt).join(' ');

beforeEach(() => void page.mockReset());

test('pages are put one after the other', async () => {
  const jobs = new Jobs({ working: [] } as unknown as Agent);
  page.mockResolvedValueOnce({ jobs: [card('d'), card('c')], next: 'c' });
  await jobs.refresh();
  page.mockResolvedValueOnce({ jobs: [card('b'), card('a')], next: null });
  await jobs.loadOlder();
  expect(names(jobs.list)).toBe('d c b a');
  expect(page).toHaveBeenLastCalledWith({ after: 'c', limit: 50 });
  expect(jobs.hasOlder).toBe(false);
});

test('a refresh keeps what was loaded before, unless that would leave a gap', async () => {
  const jobs = new Jobs({ working: [] } as unknown as Agent);
  page.mockResolvedValueOnce({ jobs: [card('b'), card('a')], next: null });
  await jobs.refresh();
  page.mockResolvedValueOnce({ jobs: [card('c'), card('b')], next: 'b' });
  await jobs.refresh();
  expect(names(jobs.list)).toBe('c b a');
  page.mockResolvedValueOnce({ jobs: [card('z'), card('y')], next: 'y' });
  await jobs.refresh();
  expect(names(jobs.list)).toBe('z y');
  expect(jobs.hasOlder).toBe(true);
});

test('the present is laid over the past', async () => {
  const jobs = new Jobs({ working: [card('new', 'preparing'), card('a', 'running')] } as unknown as Agent);
  page.mockResolvedValueOnce({ jobs: [card('a', 'preparing')], next: null });
  await jobs.refresh();
  expect(names(jobs.list)).toBe('new a');
  expect(jobs.get(attemptId('a'))?.stage).toBe('running');
});

test('a failed load keeps the list and says why', async () => {
  const jobs = new Jobs({ working: [] } as unknown as Agent);
  page.mockResolvedValueOnce({ jobs: [card('a')], next: null });
  await jobs.refresh();
  page.mockRejectedValueOnce({ code: 'agent_gone', message: '' });
  await jobs.refresh();
  expect(names(jobs.list)).toBe('a');
  expect(jobs.error?.code).toBe('agent_gone');
});

test('a search looks back until it finds', async () => {
  const jobs = new Jobs({ working: [] } as unknown as Agent);
  page
    .mockResolvedValueOnce({ jobs: [card('c')], next: 'c' })
    .mockResolvedValueOnce({ jobs: [card('b')], next: 'b' })
    .mockResolvedValueOnce({ jobs: [card('a')], next: 'x' });
  await jobs.find(attemptId('a'));
  expect(page).toHaveBeenCalledTimes(3);
  expect(jobs.get(attemptId('a'))).toBeDefined();
});
