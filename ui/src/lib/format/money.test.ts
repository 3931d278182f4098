import { expect, test } from 'vitest';
import { isZero, money, moneyExact } from './money';

test('amounts show cents', () => {
  expect(money('2310000')).toBe('$2.31');
  expect(money('0')).toBe('$0.00');
  expect(money('1234567890000')).toBe('$1,234,567.89');
});

test('a small amount shows the digits that matter', () => {
  expect(money('42')).toBe('$0.000042');
  expect(money('4217')).toBe('$0.0042');
  expect(money('90909')).toBe('$0.090');
  expect(money('1')).toBe('$0.000001');
});

test('nothing is rounded up', () => {
  expect(money('1999999')).toBe('$1.99');
  expect(money('-1999999')).toBe('−$1.99');
});

test('amounts beyond what a float can hold are exact', () => {
  expect(moneyExact('9223372036854775807')).toBe('$9,223,372,036,854.775807');
});

test('the exact amount keeps every decimal that is not zero', () => {
  expect(moneyExact('4217')).toBe('$0.004217');
  expect(moneyExact('2500000')).toBe('$2.50');
});

test('nothing is nothing', () => {
  expect(isZero('0')).toBe(true);
  expect(isZero('1')).toBe(false);
});

test('what is not an amount is refused', () => {
  expect(() => money('1.5')).toThrow(RangeError);
  expect(() => money('')).toThrow(RangeError);
});
