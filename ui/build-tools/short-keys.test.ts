import { expect, test } from 'vitest';
import { asList, numbered, putTogether } from './short-keys.js';

const COMPILED = `import * as registry from "../registry.js"
export const shell_skip = /** @type {() => string} */ () => {
	return \`Skip\`
};

export const stage_done = (i) => \`\${i?.count} done\`;
`;

test('a language is a list of its texts', async () => {
  const list = asList(COMPILED.replace(/^import.*\n/, ''), ['shell_skip', 'stage_done']);
  const { default: texts } = (await import(`data:text/javascript,${encodeURIComponent(list)}`)) as { default: ((places?: { count: string }) => string)[] };
  expect(texts[0]?.()).toBe('Skip');
  expect(texts[1]?.({ count: '3' })).toBe('3 done');
});

test('what the module imports stays', () => {
  expect(asList(COMPILED, ['shell_skip', 'stage_done'])).toMatch(/^import \* as registry/);
});

test('a language with another order is refused, for its texts would be mixed up', () => {
  expect(() => asList(COMPILED, ['stage_done', 'shell_skip'])).toThrow('in the same order');
  expect(() => asList(COMPILED, ['shell_skip'])).toThrow('in the same order');
});

test('texts are read by their numbers, and nothing else is changed', () => {
  const places = new Map([['shell_skip', 0], ['stage_done', 1]]);
  expect(numbered('{m.shell_skip()} {m.stage_done({ count })} {them.shell_skip} {m.size}', places)).toBe('{m[0]()} {m[1]({ count })} {them.shell_skip} {m.size}');
});

test('names that are put together can still be asked for', () => {
  expect(putTogether(['shell_skip', 'stage_done', 'stage_run_title'], 'm[`stage_${stage}`]() + m[`stage_${stage}_title`]()')).toEqual(['stage_done', 'stage_run_title']);
});
