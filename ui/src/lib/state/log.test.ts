import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LogArgs } from '$lib/bindings/LogArgs';
import type { LogChunk } from '$lib/bindings/LogChunk';

const log = vi.fn<(args: LogArgs) => Promise<LogChunk>>();
vi.mock('$lib/ipc/commands', () => ({ log }));

const { Log } = await import('./log.svelte');
const { attemptId } = await import('$lib/ipc/brand');

beforeEach(() => {
  vi.useFakeTimers();
  log.mockReset();
});
afterEach(() => void vi.useRealTimers());

const piece = (offset: number, text: string, complete = false): LogChunk => ({ offset, end: offset + text.length, text, complete });

function following() {
  const it = new Log(attemptId('a'));
  return { it, stop: it.follow() };
}

test('a log is read from where the last piece ended, until it is complete', async () => {
  log.mockResolvedValueOnce(piece(0, 'one\ntw')).mockResolvedValueOnce(piece(6, 'o\n')).mockResolvedValueOnce(piece(8, '', true));
  const { it } = following();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(log.mock.calls.map(([args]) => args.offset)).toEqual([-262_144, 6, 8]);
  expect(it.text).toBe('one\ntwo');
  expect(it.state).toBe('complete');
});

test('a quiet log is asked twice a second, and no more after it was left', async () => {
  log.mockResolvedValue(piece(4, ''));
  const { stop } = following();
  await vi.advanceTimersByTimeAsync(2_000);
  const asked = log.mock.calls.length;
  expect(asked).toBe(5);
  stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(log.mock.calls.length).toBe(asked);
});

test('a long log begins with a whole line', async () => {
  log.mockResolvedValueOnce(piece(1_000, 'lf a line\nwhole\n', true));
  const { it } = following();
  await vi.advanceTimersByTimeAsync(0);
  expect(it.text).toBe('whole');
  expect(it.cutBytes, 'the half line is not shown either').toBe(1_010);
});

test('many lines are kept in blocks, and none is lost', async () => {
  const lines = Array.from({ length: 450 }, (_, line) => `line ${line}`);
  log.mockResolvedValueOnce(piece(0, `${lines.join('\n')}\n`, true));
  const { it } = following();
  await vi.advanceTimersByTimeAsync(0);
  expect(it.blocks).toHaveLength(2);
  expect(it.text).toBe(lines.join('\n'));
});

test('a failure is shown and tried again; what is not there is not', async () => {
  log.mockRejectedValueOnce({ code: 'agent_gone', message: '' }).mockResolvedValueOnce(piece(0, 'back\n', true));
  const { it } = following();
  await vi.advanceTimersByTimeAsync(0);
  expect(it.error?.code).toBe('agent_gone');
  expect(it.state).toBe('interrupted');
  await vi.advanceTimersByTimeAsync(3_000);
  expect(it.error).toBeNull();
  expect(it.text).toBe('back');

  log.mockReset().mockRejectedValue({ code: 'not_found', message: '' });
  following();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(log).toHaveBeenCalledTimes(1);
});

/** A log of `whole`, in pieces as the agent cuts them. */
function serve(whole: string) {
  log.mockImplementation(({ offset }) => {
    const from = offset < 0 ? 0 : offset;
    const text = whole.slice(from, from + 65_536);
    return Promise.resolve({ offset: from, end: from + text.length, text, complete: from + text.length === whole.length });
  });
}

test('five megabytes without a line end leave the newest megabyte, and say how much is missing', async () => {
  serve('x'.repeat(5_000_000));
  const { it } = following();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(it.state).toBe('complete');
  const shown = it.text.replaceAll('\n', '').length;
  expect(shown).toBeGreaterThan(900_000);
  expect(shown).toBeLessThan(1_200_000);
  expect(it.cutBytes + shown).toBe(5_000_000);
});

test('five megabytes of one progress line are one line', async () => {
  serve('frame\r'.repeat(833_334));
  const { it } = following();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(it.text).toBe('frame');
  expect(it.cutBytes).toBe(0);
});

test('a job that never stops printing is asked twice a second like any other', async () => {
  let end = 0;
  log.mockImplementation(() => Promise.resolve(piece((end += 40) - 40, 'frame=1 fps=24.0 and some more to tell\n\n')));
  const { stop } = following();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log.mock.calls.length).toBe(21);
  stop();
});
