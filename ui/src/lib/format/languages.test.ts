// Figures in every language. Spaces that do not break are written as plain ones here, and marks of direction are left out.

import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { isolated } from './bidi';
import { bytes, share } from './bytes';
import { coarse, countdown, duration, tenths } from './duration';
import { list } from './list';
import { setLocale } from './locale.svelte';
import { money, moneyExact } from './money';
import { counted, number } from './number';
import { watts } from './power';
import { moment } from './time';
import { measure, percent, quantity } from './unit';

const GIB = 1024 ** 3;
const NOW = Date.UTC(2026, 10, 23, 12, 0);
const YESTERDAY = Date.UTC(2026, 10, 22, 8, 5);

const FIGURES = {
  amount: () => money('2310000'),
  large: () => money('1234567890000'),
  small: () => money('-4217'),
  exact: () => moneyExact('9223372036854775807'),
  memory: () => share(19.2 * GIB, 24 * GIB),
  file: () => bytes(1536),
  short: () => duration(80_000),
  long: () => duration(187_200_000),
  left: () => countdown(59_001),
  coarse: () => coarse(5_430_000),
  quick: () => tenths(430),
  done: () => percent(999),
  heat: () => quantity(61, 'celsius'),
  power: () => Object.values(watts(318_400)).join(' '),
  count: () => number(1004),
  yesterday: () => moment(YESTERDAY, NOW),
  older: () => moment(Date.UTC(2026, 10, 12, 8, 5), NOW),
  list: () => list(['A', 'B', 'C']),
};

const WRITTEN: Record<string, Record<keyof typeof FIGURES, string>> = {
  'en-GB': {
    amount: '$2.31', large: '$1,234,567.89', small: '−$0.0042', exact: '$9,223,372,036,854.775807',
    memory: '19.2 / 24 GiB', file: '1.5 KiB', short: '1 min 20 s', long: '2 d 4 h', left: '1 min', coarse: '1 h 30 min', quick: '0.4 s',
    done: '99 %', heat: '61 °C', power: '318 W', count: '1,004', yesterday: 'Yesterday 10:05', older: '12 Nov 10:05', list: 'A, B and C',
  },
  es: {
    amount: '2,31 $', large: '1.234.567,89 $', small: '−0,0042 $', exact: '9.223.372.036.854,775807 $',
    memory: '19,2 / 24 GiB', file: '1,5 KiB', short: '1 min 20 s', long: '2 d 4 h', left: '1 min', coarse: '1 h 30 min', quick: '0,4 s',
    done: '99 %', heat: '61 °C', power: '318 W', count: '1004', yesterday: 'Ayer 10:05', older: '12 nov 10:05', list: 'A, B y C',
  },
  'zh-Hans': {
    amount: '$2.31', large: '$1,234,567.89', small: '−$0.0042', exact: '$9,223,372,036,854.775807',
    memory: '19.2 / 24 GiB', file: '1.5 KiB', short: '1分钟20秒', long: '2天4小时', left: '1分钟', coarse: '1小时30分钟', quick: '0.4秒',
    done: '99%', heat: '61°C', power: '318 W', count: '1,004', yesterday: '昨天 10:05', older: '11月12日 10:05', list: 'A、B和C',
  },
  'ar-u-nu-latn': {
    amount: '2.31 US$', large: '1,234,567.89 US$', small: '−0.0042 US$', exact: '9,223,372,036,854.775807 US$',
    memory: '19.2 / 24 GiB', file: '1.5 KiB', short: '1 د و20 ث', long: 'يومان و4 س', left: '1 د', coarse: '1 س و30 د', quick: '0.4 ث',
    done: '99%', heat: '61°م', power: '318 واط', count: '1,004', yesterday: 'أمس 10:05 ص', older: '12 نوفمبر 10:05 ص', list: 'A وB وC',
  },
  'ar-u-nu-arab': {
    amount: '٢٫٣١ US$', large: '١٬٢٣٤٬٥٦٧٫٨٩ US$', small: '−٠٫٠٠٤٢ US$', exact: '٩٬٢٢٣٬٣٧٢٬٠٣٦٬٨٥٤٫٧٧٥٨٠٧ US$',
    memory: '١٩٫٢ / ٢٤ GiB', file: '١٫٥ KiB', short: '١ د و٢٠ ث', long: 'يومان و٤ س', left: '١ د', coarse: '١ س و٣٠ د', quick: '٠٫٤ ث',
    done: '٩٩٪', heat: '٦١°م', power: '٣١٨ واط', count: '١٬٠٠٤', yesterday: 'أمس ١٠:٠٥ ص', older: '١٢ نوفمبر ١٠:٠٥ ص', list: 'A وB وC',
  },
};

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ').replace(/[\u061c\u200e\u200f\u2066\u2069]/g, '');

afterAll(() => setLocale('en-GB'));

describe.each(Object.entries(WRITTEN))('%s', (tag, written) => {
  beforeEach(() => setLocale(tag));

  test.each(Object.keys(FIGURES) as (keyof typeof FIGURES)[])('%s', (name) => {
    expect(plain(FIGURES[name]())).toBe(written[name]);
  });

  test('a figure and its unit are the whole', () => {
    const { value, unit } = measure(61, 'celsius');
    expect(plain(quantity(61, 'celsius')).replace(' ', '')).toBe(plain(`${value}${unit}`));
  });

  test('what a message counts by is a number and reads like one', () => {
    expect(new Intl.PluralRules(tag).select(Number(counted(2)))).toBe(new Intl.PluralRules(tag).select(2));
    expect(`${counted(1004).toString()}`).toBe(number(1004));
  });
});

test('what runs the other way is isolated, and nothing else', () => {
  expect(isolated('sha256:4f2c', 'ltr')).toBe('sha256:4f2c');
  expect(isolated('sha256:4f2c', 'rtl')).toBe('\u2068sha256:4f2c\u2069');
  expect(isolated('مهمة', 'ltr')).toBe('\u2068مهمة\u2069');
});
