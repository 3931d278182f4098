import { expect, test } from 'vitest';
import { Asked } from './asked.svelte';

const CHANGED = { code: 'changed', message: '' };

test('an answer that comes too late does not replace the later one', async () => {
  let late: (value: string) => void = () => undefined;
  const asked = new Asked(() => new Promise<string>((resolve) => (late = resolve)));
  const first = asked.load();
  await asked.change(() => Promise.resolve('later'));
  late('sooner');
  await first;
  expect([asked.value, asked.loading]).toEqual(['later', 'ready']);
});

test('what was known stays in sight when it cannot be asked again', async () => {
  const asked = new Asked(() => Promise.resolve('known'));
  await asked.load();
  expect(await asked.change(() => Promise.reject(CHANGED))).toBe(false);
  expect([asked.value, asked.loading, asked.error?.code]).toEqual(['known', 'failed', 'changed']);
  expect(await asked.load()).toBe(true);
  expect(asked.error).toBeNull();
});
