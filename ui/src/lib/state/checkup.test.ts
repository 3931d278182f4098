import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import type { DoctorArgs } from '$lib/bindings/DoctorArgs';
import { checkup } from '$lib/ipc/fake/checkup';
import { speak } from '$lib/messages';
import { CheckupLook } from './checkup.svelte';

vi.mock('$lib/ipc/commands', () => ({ doctor: (args: DoctorArgs) => Promise.resolve(checkup(null, args)) }));

beforeEach(() => speak('en', 'latn'));
afterAll(() => speak('en', 'latn'));

test('the agent is asked to tell it in the language of the window', async () => {
  await speak('es', 'latn');
  const look = new CheckupLook();
  await look.load();
  expect(look.found?.checks[0]?.what).toBe('Motor de contenedores');
  expect(look.found?.support, 'whoever helps is told in English').toContain('Container engine');
  expect(look.lacksEngine).toBe(true);
});

test('what was told in another language is foreign until it is told anew', async () => {
  const look = new CheckupLook();
  await speak('ar', 'latn');
  expect(look.isForeign, 'nothing was told').toBe(false);
  await look.load();
  expect(look.isForeign).toBe(false);
  await speak('zh-Hans', 'latn');
  expect(look.isForeign).toBe(true);
  await look.load();
  expect([look.isForeign, look.found?.checks[0]?.what]).toEqual([false, '容器引擎']);
});
