// What a terminal would show of the bytes a program printed: progress lines that rewrite themselves take one line,
// colours and cursor tricks take none. A program that never ends a line gets line breaks from us.

/** Colours, cursor moves and window titles. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;
/** What else is invisible, except tab, line feed and carriage return. */
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
/** The longest line. A browser lays out a line as a whole, and stalls at a few hundred thousand characters. */
export const LINE_MAX = 8 * 1024;

/** A line, and how many bytes of the log it stands for, however little of them is seen. */
export interface Line {
  text: string;
  bytes: number;
}

/** Before the first piece. */
export const NOTHING: Line = { text: '', bytes: 0 };

/** Takes a piece of a log and the unfinished line before it; gives the finished lines and the new unfinished one. */
export function lines(unfinished: Line, piece: string): { finished: Line[]; unfinished: Line } {
  const finished: Line[] = [];
  let { text: before, bytes } = unfinished;
  let from = 0;
  for (let to = piece.indexOf('\n'); to !== -1; to = piece.indexOf('\n', from)) {
    const raw = piece.slice(from, to);
    finished.push(...broken(visible(before + raw), bytes + utf8Length(raw) + 1));
    [before, bytes, from] = ['', 0, to + 1];
  }
  const raw = piece.slice(from);
  const open = { text: lastState(before + raw), bytes: bytes + utf8Length(raw) };
  if (open.text.length <= LINE_MAX) return { finished, unfinished: open };
  const parts = broken(visible(open.text), open.bytes);
  const rest = parts.pop() ?? NOTHING;
  // A state that may still be rewritten stays one: the carriage return after it is not lost.
  return { finished: [...finished, ...parts], unfinished: { ...rest, text: open.text.endsWith('\r') ? `${rest.text}\r` : rest.text } };
}

/** The last state of a line that may have been rewritten several times. */
export function visible(line: string): string {
  const plain = line.replace(ESCAPES, '').replace(INVISIBLE, '');
  const end = plain.endsWith('\r') ? trimReturns(plain) : plain;
  return end.slice(end.lastIndexOf('\r') + 1);
}

/** How many bytes a text takes in a log. */
export function utf8Length(text: string): number {
  return new Blob([text]).size;
}

/** What of an unfinished line may still be seen: its last state that shows anything, with what follows. */
function lastState(line: string): string {
  let to = line.length;
  for (;;) {
    const from = line.lastIndexOf('\r', to - 1) + 1;
    if (from === 0 || visible(line.slice(from, to)) !== '') return line.slice(from);
    to = from - 1;
    if (to === 0) return line;
  }
}

function trimReturns(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\r') end -= 1;
  return text.slice(0, end);
}

/** A line in parts that can be drawn. The bytes are shared out by length. */
function broken(text: string, bytes: number): Line[] {
  if (text.length <= LINE_MAX) return [{ text, bytes }];
  const parts: Line[] = [];
  let left = bytes;
  for (let from = 0; from < text.length; ) {
    let to = Math.min(text.length, from + LINE_MAX);
    // A character of two halves stays whole.
    if (to < text.length && isFirstHalf(text.charCodeAt(to - 1))) to -= 1;
    const share = to === text.length ? left : Math.min(left, utf8Length(text.slice(from, to)));
    parts.push({ text: text.slice(from, to), bytes: share });
    left -= share;
    from = to;
  }
  return parts;
}

function isFirstHalf(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
