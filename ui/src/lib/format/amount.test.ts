import { describe, expect, it } from 'vitest';
import { parseAmount, writeAmount } from './amount';

describe('an amount that is typed', () => {
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

  it.each(['0', '1', '300000', '12000000', '123456789'])('%s comes back as it was', (micros) => {
    expect(parseAmount(writeAmount(micros))).toBe(micros);
  });
});
