import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { EarnedArgs } from '$lib/bindings/EarnedArgs';
import type { EarningsArgs } from '$lib/bindings/EarningsArgs';
import type { ReceiptCard } from '$lib/bindings/ReceiptCard';
import { earned, earnings } from '$lib/ipc/fake/earnings';
import { SCENES } from '$lib/ipc/fake/scenes';
import { World } from '$lib/ipc/fake/world';
import { EarningsBook } from './earnings.svelte';

const NOW = Date.UTC(2026, 10, 23, 12);
const rig = { world: new World(NOW), receipts: null as ReceiptCard[] | null, trouble: null as unknown, wait: Promise.resolve() };

function answer<T>(of: () => T): Promise<T> {
  const { trouble } = rig;
  return rig.wait.then(() => {
    if (trouble) throw trouble;
    return of();
  });
}

vi.mock('$lib/ipc/commands', () => ({
  earnings: (args: EarningsArgs) => answer(() => earnings(rig.world, args)),
  earned: (args: EarnedArgs) => answer(() => earned(rig.world, args)),
  wallet: async () => (rig.receipts ? { kind: 'receipts', page: { receipts: rig.receipts, next: null } } : { kind: 'refused', refusal: { code: 'offline' } }),
  exportEarnings: () => answer(() => ({ path: '/tmp/x.csv' })),
}));

describe('earnings in the window', () => {
  beforeEach(() => {
    rig.world = new World(NOW);
    rig.trouble = null;
    rig.receipts = null;
    rig.wait = Promise.resolve();
    SCENES.find(({ id }) => id === 'many-jobs')?.set(rig.world);
  });

  it('list the attempts of the last bucket that brought something, until another is chosen', async () => {
    const book = new EarningsBook();
    await book.refresh();
    expect(book.chosen).toBe(book.known?.buckets.at(-1));
    expect(book.attempts.length).toBe(20);
    const yesterday = book.known?.buckets.at(-2);
    await book.choose(yesterday?.fromMs ?? 0);
    expect(book.chosen).toBe(yesterday);
    while (book.hasMore) await book.more();
    expect(book.attempts.length).toBe(yesterday?.sum.attempts);
    expect(new Set(book.attempts.map(({ attempt }) => attempt)).size).toBe(yesterday?.sum.attempts);
    const within = book.attempts.every(({ settledMs }) => settledMs >= (yesterday?.fromMs ?? 0) && settledMs < (yesterday?.untilMs ?? 0));
    expect(within).toBe(true);
  });

  it('of a slower question do not take the place of those of a later one', async () => {
    const book = new EarningsBook();
    let release = () => {};
    rig.wait = new Promise((done) => (release = done));
    const slow = book.refresh();
    rig.wait = Promise.resolve();
    await book.show('hour');
    release();
    await slow;
    expect(book.known?.by).toBe('hour');
    expect(book.known?.buckets.length).toBe(24);
    expect(book.loading).toBe('ready');
  });

  it('stay in sight when they cannot be loaded again, and those of another length do not', async () => {
    const book = new EarningsBook();
    await book.refresh();
    rig.trouble = { code: 'agent_silent', message: 'no word' };
    await book.refresh();
    expect(book.loading).toBe('failed');
    expect(book.known?.by).toBe('day');
    await book.show('month');
    expect(book.known).toBeNull();
    expect(book.error?.code).toBe('agent_silent');
  });

  it('are written into a file that is told of, or why not', async () => {
    const book = new EarningsBook();
    const writing = book.write({ kind: 'year', year: 2026 });
    expect(book.file({ kind: 'year', year: 2026 })).toEqual({ kind: 'writing' });
    expect(book.file({ kind: 'attempts' })).toBeUndefined();
    await writing;
    expect(book.file({ kind: 'year', year: 2026 })).toEqual({ kind: 'written', path: '/tmp/x.csv' });
    rig.trouble = { code: 'unexpected', message: 'The disk is full.' };
    await book.write({ kind: 'attempts' });
    expect(book.file({ kind: 'attempts' })).toMatchObject({ kind: 'failed', error: { help: 'The disk is full.' } });
  });

  it('say what waits and what was paid out once the coordinator has, and that it is not known otherwise', async () => {
    const book = new EarningsBook();
    await book.refresh();
    await vi.waitFor(() => expect(book.payouts).toBe('failed'));
    expect(book.attempts.length, 'the agent’s own figures need no coordinator').toBe(20);
    const attempt = book.attempts[0]?.attempt ?? '';
    rig.receipts = [{ attempt, title: '', settledMs: 0, paid: '10', fee: '1', share: '9', practice: false, lapses: false, maturesMs: NOW + 1 }];
    await book.refresh();
    await vi.waitFor(() => expect(book.payouts).toBe('ready'));
    expect(book.receipt(attempt)?.maturesMs).toBe(NOW + 1);
    expect(book.receipt('another')).toBeUndefined();
  });

  it('are empty where nothing was ever settled', async () => {
    rig.world = new World(NOW);
    const book = new EarningsBook();
    await book.refresh();
    expect(book.isEmpty).toBe(true);
    expect(book.attempts).toEqual([]);
  });
});
