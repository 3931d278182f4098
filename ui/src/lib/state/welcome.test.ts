import { expect, test } from 'vitest';
import { Welcome } from './welcome.svelte';

function storage(text: string | null = null): Storage {
  const kept = new Map(text === null ? [] : [['headframe.welcome', text]]);
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) } as unknown as Storage;
}

test('who closes the window goes on where he was, and who left is not led there again', () => {
  const kept = storage();
  const first = new Welcome(kept);
  expect([first.isNew, first.step]).toEqual([true, 'network']);
  first.go('benchmark');
  const second = new Welcome(kept);
  expect([second.isNew, second.isUnderWay, second.step]).toEqual([false, true, 'benchmark']);
  second.leave();
  const third = new Welcome(kept);
  expect([third.isNew, third.isUnderWay, third.step]).toEqual([false, false, 'network']);
});

test('the window leads once each time it is opened', () => {
  const kept = storage();
  const first = new Welcome(kept);
  expect(first.hasLed).toBe(false);
  first.led();
  expect([first.hasLed, new Welcome(kept).hasLed]).toEqual([true, false]);
});

test('what he went through stays gone through', () => {
  const kept = storage();
  const first = new Welcome(kept);
  expect(first.hasPassed('check')).toBe(false);
  first.pass('check');
  first.pass('check');
  first.go('benchmark');
  first.leave();
  const second = new Welcome(kept);
  expect([second.hasPassed('check'), second.hasPassed('when')]).toEqual([true, false]);
});

test.each([
  ['{"version":1,"at":"when"}', false],
  ['{"version":1,"at":"when","passed":"check"}', false],
  ['{"version":1,"at":"when","passed":["moon",5,"check"]}', true],
])('%s is read as far as it is understood', (text, passed) => {
  const welcome = new Welcome(storage(text));
  expect([welcome.step, welcome.hasPassed('check')]).toEqual(['when', passed]);
});

test.each(['{"version":1,', '5', 'null', '{"version":2,"at":"when"}', '{"version":1,"at":"moon"}'])('%s counts as never led', (text) => {
  expect(new Welcome(storage(text)).isNew).toBe(true);
});

test('a storage that takes nothing is no obstacle', () => {
  const full = { getItem: () => null, setItem: () => { throw new DOMException('full'); } } as unknown as Storage;
  const welcome = new Welcome(full);
  welcome.go('check');
  expect(welcome.step).toBe('check');
});
