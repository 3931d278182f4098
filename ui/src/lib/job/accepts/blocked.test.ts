import { describe, expect, it } from 'vitest';
import { nameOf, sinceMs } from './blocked';

const customer = 'psn_0123456789abcdef0123456789abcdef';

describe('a blocked customer', () => {
  it('is known by the job, or by the beginning of a pseudonym', () => {
    expect(nameOf({ customer, job: 'Shot 12' })).toBe('Shot 12');
    expect(nameOf({ customer, job: '  ' })).toBe('Customer 01234567');
  });

  it('has a time only where one was written down', () => {
    expect(sinceMs({ since: '2026-11-26T18:00:00Z' })).toBe(Date.UTC(2026, 10, 26, 18));
    expect(sinceMs({ since: '' })).toBe(null);
  });
});
