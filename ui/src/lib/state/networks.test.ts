import { beforeEach, expect, test, vi } from 'vitest';
import type { NetworkAnswer } from '$lib/bindings/NetworkAnswer';
import type { NetworkView } from '$lib/bindings/NetworkView';
import type { ProfileView } from '$lib/bindings/ProfileView';

const call = vi.fn<(command: string, args?: unknown) => Promise<NetworkAnswer>>();
vi.mock('$lib/ipc/host', () => ({ host: () => Promise.resolve({ call }) }));

const { Networks } = await import('./networks.svelte');

const agent = { beginsAgain: vi.fn() };
const open = () => new Networks(agent as never);
const profile = { link: 'headframe://join?profile=canonical', name: 'attic' } as ProfileView;
const here: NetworkView = { coordinator: 'https://attic.example/', chosen: true, profile, practice: false };

beforeEach(() => {
  call.mockReset();
  agent.beginsAgain.mockReset();
});

test('what is joined is what was looked at, and never what was typed', async () => {
  const networks = open();
  call.mockResolvedValueOnce({ kind: 'offered', profile }).mockResolvedValueOnce({ kind: 'here', network: here });
  await networks.look('  https://attic.example\n');
  expect(networks.offered?.name).toBe('attic');
  expect(await networks.join()).toBe(true);
  expect(call.mock.calls.map(([, args]) => args)).toEqual([
    { kind: 'look', text: 'https://attic.example' }, { kind: 'join', text: 'headframe://join?profile=canonical' },
  ]);
  expect([networks.here, networks.offered]).toEqual([here, null]);
  expect(agent.beginsAgain).toHaveBeenCalledOnce();
});

test('nothing is joined before it was looked at, and a refusal takes what was offered away', async () => {
  const networks = open();
  expect(await networks.join()).toBe(false);
  call.mockResolvedValueOnce({ kind: 'offered', profile }).mockResolvedValueOnce({ kind: 'refused', fault: 'forged', message: 'changed' });
  await networks.look('one');
  await networks.look('other');
  expect([networks.offered, networks.refusal]).toEqual([null, { fault: 'forged', message: 'changed' }]);
  expect(await networks.join()).toBe(false);
  expect(agent.beginsAgain).not.toHaveBeenCalled();
});

test('a refused join leaves all as it was, and an agent that cannot be asked is told', async () => {
  const networks = open();
  call.mockResolvedValueOnce({ kind: 'refused', fault: 'at_work', message: 'a job' });
  expect(await networks.practise()).toBe(false);
  expect([networks.refusal?.fault, networks.asking]).toEqual(['at_work', null]);
  call.mockRejectedValueOnce({ code: 'agent_gone', message: '' });
  expect(await networks.practise()).toBe(false);
  expect([networks.error?.code, networks.refusal, networks.asking]).toEqual(['agent_gone', null, null]);
  expect(agent.beginsAgain).not.toHaveBeenCalled();
});
