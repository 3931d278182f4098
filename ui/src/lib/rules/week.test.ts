import { describe, expect, it } from 'vitest';
import { PRESETS, filled, hoursOpen, isSame, paint, parse, write } from './week';

const quiet = 'iiiiii|iiiiii|iiiiii|iiiiii';
const shipped = { mon: quiet, tue: quiet, wed: quiet, thu: quiet, fri: quiet, sat: quiet, sun: quiet };

describe('the week', () => {
  it('is read as the file has it', () => {
    const week = parse({ ...shipped, tue: '------|iiiiii|aaaaaa|iiiiii' });
    expect(week).toHaveLength(7);
    expect(week[1]?.join('')).toBe('------iiiiiiaaaaaaiiiiii');
    expect(hoursOpen(week)).toBe(7 * 24 - 6);
  });

  it('keeps the form of days that did not change', () => {
    const odd = { ...shipped, wed: 'iiiiiiiiiiii iiiiiiiiiiii' };
    const painted = paint(parse(odd), { day: 0, hour: 22 }, { day: 0, hour: 23 }, '-');
    expect(write(painted, odd)).toEqual({ ...odd, mon: 'iiiiii|iiiiii|iiiiii|iiii--' });
  });

  it('is painted as a rectangle, from whichever corner one begins', () => {
    const one = paint(PRESETS.away, { day: 1, hour: 5 }, { day: 3, hour: 2 }, '-');
    const other = paint(PRESETS.away, { day: 3, hour: 2 }, { day: 1, hour: 5 }, '-');
    expect(isSame(one, other)).toBe(true);
    expect(one.flat().filter((hour) => hour === '-')).toHaveLength(3 * 4);
    expect(one[0]?.includes('-')).toBe(false);
  });

  it('has presets that are weeks', () => {
    for (const week of Object.values(PRESETS)) expect(week.map((day) => day.length)).toEqual(Array(7).fill(24));
    expect(hoursOpen(PRESETS.nights)).toBe(7 * 9);
    expect(hoursOpen(PRESETS.nightsAndWeekends)).toBe(5 * 9 + 48);
    expect(isSame(filled(() => 'i'), PRESETS.away)).toBe(true);
  });
});
