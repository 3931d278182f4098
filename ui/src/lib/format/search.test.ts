import { expect, test } from 'vitest';
import { match, search } from './search';

test.each([
  ['rul', 'Rules'],
  ['the look', 'Look at the rules'],
  ['pse', 'Pause'],
  ['pagina', 'Página de trabajos'],
  ['ajustes', 'Ájustes'],
  ['任务', '显示任务'],
  // Vowel signs, the forms of alef, and digits of the other kind.
  ['اعدادات', 'الإعدادات'],
  ['مهمة', 'مُهِمَّة'],
  ['مهمه', 'مهمة'],
  ['حتى 6', 'حتي ٦:٠٠'],
])('“%s” finds “%s”', (query, text) => {
  expect(match(query, text)).not.toBeNull();
});

test.each([
  ['xyz', 'Rules'],
  ['rules now', 'Rules'],
  // Letters that lie about in several words are no word.
  ['rlj', 'Rig log jobs'],
  ['p', 'Stop'.slice(0, 3)],
])('“%s” does not find “%s”', (query, text) => {
  expect(match(query, text)).toBeNull();
});

test('what begins so comes before what has it within, and what is as sure stays in its order', () => {
  // Some letters of a word, in their order, are the least sure.
  const all = ['Copy the log', 'Log of a job', 'Catalogue', 'Logs', 'Lounge'];
  expect(search('log', all, (name) => ({ name }))).toEqual(['Log of a job', 'Logs', 'Copy the log', 'Catalogue', 'Lounge']);
  expect(search('', all, (name) => ({ name }))).toEqual(all);
});

test('a name counts more than what else is said, and words may be found in either', () => {
  const jobs = [{ name: 'render 4', more: 'Done 12:00' }, { name: 'render 12', more: 'Done 11:30' }];
  expect(search('render 12', jobs, (job) => job)).toEqual([jobs[1], jobs[0]]);
  expect(search('done 11', jobs, (job) => job)).toEqual([jobs[1]]);
});
