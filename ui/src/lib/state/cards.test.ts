import { expect, test, vi } from 'vitest';
import type { CardPage } from '$lib/bindings/CardPage';
import { Cards } from './cards.svelte';

const waiting = vi.hoisted(() => [] as ((page: CardPage) => void)[]);
vi.mock('$lib/ipc/commands', () => ({ cards: () => new Promise<CardPage>((answer) => waiting.push(answer)) }));

test('the answer to the last question counts, in whatever order answers come', async () => {
  const cards = new Cards();
  const [first, second] = [cards.load(), cards.load()];
  const processor = { subject: 'the last' } as unknown as NonNullable<CardPage['processor']>;
  waiting[1]?.({ cards: [], processor });
  waiting[0]?.({ cards: [] });
  await Promise.all([first, second]);
  expect(cards.processor).toBe(processor);
  expect(cards.loading).toBe('ready');
});
