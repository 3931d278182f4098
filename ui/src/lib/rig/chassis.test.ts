import { expect, test } from 'vitest';
import { chassis, secondsPerTurn, shortModel } from './chassis';

test.each([
  ['NVIDIA GeForce RTX 4090', 3],
  ['NVIDIA GeForce RTX 3090', 3],
  ['NVIDIA GeForce RTX 4070 Ti', 2],
  ['NVIDIA GeForce RTX 3060', 2],
  ['Intel Arc A380', 1],
  ['NVIDIA H100 80GB HBM3', 0],
  ['Tesla T4', 0],
  ['AMD Instinct MI300X', 0],
  ['AMD Radeon RX 7900 XTX', 3],
  ['Something new', 2],
])('%s has %i fans', (model, fans) => {
  expect(chassis({ model }).fans).toBe(fans);
});

test.each([
  ['NVIDIA GeForce RTX 4090', 'GeForce RTX 4090'],
  ['AMD Ryzen 7 5800X 8-Core Processor', 'Ryzen 7 5800X'],
  ['Intel(R) Core(TM) i5-10400 CPU @ 2.90GHz', 'Core i5-10400'],
  ['Intel(R) Xeon(R) Processor', 'Xeon'],
  ['', ''],
])('%s is called %s', (model, name) => {
  expect(shortModel(model)).toBe(name);
});

test('a fan that nobody measured does not turn', () => {
  expect(secondsPerTurn(null)).toBeNull();
  expect(secondsPerTurn(0)).toBeNull();
  expect(secondsPerTurn(100)).toBe(0.9);
  expect(secondsPerTurn(45)).toBe(2);
});
