import { afterEach, describe, expect, it } from 'vitest';
import { parseAmount, writeAmount } from './amount';
import { setLocale } from './locale.svelte';

describe('an amount that is typed', () => {
  afterEach(() => setLocale('en-GB'));

  it.each([
    ['0.30', '300000'],
    ['0,3', '300000'],
    ['٠٫٣٠', '300000'],
    ['۱۲', '12000000'],
    [' 7. ', '7000000'],
    ['0.000001', '1'],
    ['0', '0'],
  ])('%s is read', (text, micros) => {
    expect(parseAmount(text)).toBe(micros);
  });

  it.each(['', '-1', '1.2.3', '1,000.5', '0.0000001', '1e3', 'x', '.5'])('%s is none', (text) => {
    expect(parseAmount(text)).toBe(null);
  });

  it.each(['0', '1', '300000', '12000000', '123456789', '1234000'])('%s comes back as it was', (micros) => {
    for (const tag of ['en-GB', 'es', 'ar-u-nu-arab', 'zh-Hans']) {
      setLocale(tag);
      expect(parseAmount(writeAmount(micros)), tag).toBe(micros);
    }
  });

  it.each([
    ['en-GB', '1,000', null],
    ['en-GB', '1.000', '1000000'],
    ['en-GB', '0,125', '125000'],
    ['es', '1.000', null],
    ['es', '1,000', '1000000'],
    ['es', '12,5', '12500000'],
  ])('in %s %s is no thousand that is taken for one', (tag, text, micros) => {
    setLocale(tag);
    expect(parseAmount(text)).toBe(micros);
  });
});
