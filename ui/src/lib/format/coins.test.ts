import { afterEach, expect, test } from 'vitest';
import { coins, glanced, isNone, named, typedCoins } from './coins';
import { setLocale } from './locale.svelte';

afterEach(() => setLocale('en-GB'));

test.each([
  ['en-GB', '12.50', '12.50'],
  ['en-GB', '1234567.000001', '1,234,567.000001'],
  ['es', '12.50', '12,50'],
  ['ar-u-nu-arab', '12.50', '١٢٫٥٠'],
  ['en-GB', '123456789012345678.123456789012345678', '123,456,789,012,345,678.123456789012345678'],
  ['en-GB', 'all of it', 'all of it'],
])('in %s %s reads %s, with every digit it came with', (tag, text, read) => {
  setLocale(tag);
  expect(coins(text)).toBe(read);
});

test('a coin without a name is a number', () => {
  expect(named({ text: '0.00002', symbol: '' })).toBe('0.00002');
  expect(named({ text: '0.02', symbol: 'USDC' })).toBe('0.02\u00a0USDC');
});

test.each([
  ['56.775311', '56.77'],
  ['312.40', '312.40'],
  ['0.000047', '0.000047'],
  ['0.0000004759', '0.00000047'],
  ['0.00', '0.00'],
  ['12', '12'],
])('a glance at %s shows %s, and never more than there is', (text, read) => {
  expect(glanced({ text, symbol: '' })).toBe(read);
});

test('nothing is nothing in any number of digits', () => {
  expect([isNone({ units: '0' }), isNone({ units: '1' })]).toEqual([true, false]);
});

test.each([
  ['12.5', '12.5'], ['12,5', '12.5'], ['١٢٫٥', '12.5'], [' 3 ', '3'], ['1e3', null], ['-1', null], ['1.2.3', null], ['', null], ['1,000,000', null],
])('“%s” is typed for %s', (text, amount) => {
  expect(typedCoins(text)).toBe(amount);
});
