import { describe, expect, it } from 'vitest';
import type { BandRules } from '$lib/bindings/BandRules';
import { counting, evening, fitted, moved, night, priceHours, reaches, shades, withDay } from './bands';

const band = (from: number, to: number, price: string, days: string[] = []): BandRules => ({ days, from, to, price_per_kwh: price });

describe('prices by the hour', () => {
  it('count as the agent counts them: the first that holds the hour', () => {
    const bands = [band(17, 21, '450000', ['mon', 'fri']), band(20, 24, '200000')];
    const week = counting(bands);
    expect([week[0]?.[16], week[0]?.[17], week[0]?.[20], week[0]?.[21]]).toEqual([-1, 0, 0, 1]);
    expect([week[1]?.[17], week[1]?.[20], week[1]?.[23]]).toEqual([-1, 1, 1]);
    expect(reaches(bands)).toEqual([{ hours: 8, counts: 8 }, { hours: 28, counts: 26 }]);
  });

  it('say which of them never counts', () => {
    expect(reaches([band(0, 24, '1'), band(8, 9, '2')])[1]).toEqual({ hours: 7, counts: 0 });
  });

  it('come to a price for every hour of the week', () => {
    expect(priceHours([])).toEqual([{ price: null, hours: 168 }]);
    const sums = priceHours([band(17, 21, '1000000'), band(0, 6, '90000'), band(22, 24, '90000')]);
    expect(sums).toEqual([{ price: '1000000', hours: 28 }, { price: '90000', hours: 56 }, { price: null, hours: 84 }]);
    expect(priceHours([band(0, 24, '5')])).toEqual([{ price: '5', hours: 168 }]);
  });

  it('are drawn between the cheapest and the dearest', () => {
    expect([...shades([band(0, 1, '20'), band(1, 2, '100'), band(2, 3, '3')])]).toEqual([['3', 0], ['20', 0.5], ['100', 1]]);
    expect(shades([band(0, 1, '20')]).get('20')).toBe(1);
  });

  it('begin before they end, whichever end was moved', () => {
    expect(fitted(22, 6, 'from')).toEqual({ from: 22, to: 23 });
    expect(fitted(23, 23, 'from')).toEqual({ from: 23, to: 24 });
    expect(fitted(8, 8, 'to')).toEqual({ from: 7, to: 8 });
    expect(fitted(8, 9, 'to')).toEqual({ from: 8, to: 9 });
  });

  it('have days in the order of the week, and no day is not every day', () => {
    expect(withDay([], 'sun', false)).toEqual(['mon', 'tue', 'wed', 'thu', 'fri', 'sat']);
    expect(withDay(['fri'], 'mon', true)).toEqual(['mon', 'fri']);
    expect(withDay(['mon', 'tue', 'wed', 'thu', 'fri', 'sat'], 'sun', true)).toEqual([]);
    expect(withDay(['mon'], 'mon', false)).toEqual(['mon']);
  });

  it('a night is two, and both are bands that the agent takes', () => {
    for (const { from, to } of [...night('1'), ...evening('1')]) expect(from < to && to <= 24).toBe(true);
    expect(priceHours(night('1'))[0]).toEqual({ price: '1', hours: 56 });
  });

  it('change places, which changes which one counts', () => {
    const bands = [band(0, 24, '1'), band(8, 9, '2')];
    expect(reaches(moved(bands, 1, -1)).map(({ counts }) => counts)).toEqual([7, 161]);
    expect(moved(bands, 0, -1)).toEqual(bands);
  });
});
