// What a terminal would show of the bytes a program printed: progress lines that rewrite themselves take one line,
// colours and cursor tricks take none.

/** Colours, cursor moves and window titles. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\^_])/g;
/** What else is invisible, except tab, line feed and carriage return. */
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Takes a piece of a log and the unfinished line before it; gives the finished lines and the new unfinished one. */
export function lines(unfinished: string, piece: string): { finished: string[]; unfinished: string } {
  const text = (unfinished + piece).replaceAll('\r\n', '\n').split('\n');
  const last = text.pop() ?? '';
  return { finished: text.map(visible), unfinished: last };
}

/** The last state of a line that may have been rewritten several times. */
export function visible(line: string): string {
  const plain = line.replace(ESCAPES, '').replace(INVISIBLE, '');
  const states = plain.split('\r').filter((state) => state !== '');
  return states.at(-1) ?? '';
}
