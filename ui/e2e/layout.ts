// Whether everything on a page can be read: nothing sticks out, nothing is cut off, no text lies on another.

import { expect, type Page } from '@playwright/test';

/** Asserts it for the page as it stands, and goes on to tell all that is wrong. `where` says which page that is. */
export async function expectReadable(page: Page, where: string) {
  expect.soft(await page.evaluate(faults), where).toEqual([]);
}

/** Runs in the page, so it can use nothing from outside. */
function faults(): string[] {
  /** Half a pixel is rounding; a letter may lean out of its box by another. */
  const SLACK = 1.5;
  const found = new Set<string>();
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.add(`the page is ${root.scrollWidth - root.clientWidth} px too wide`);

  interface Line {
    words: string;
    owner: Element;
    box: DOMRect;
  }
  const lines: Line[] = [];
  // A dialog lies over everything else on purpose.
  const walker = document.createTreeWalker(document.querySelector('dialog:modal') ?? document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    const words = node.textContent?.trim() ?? '';
    // What has no place of its own: hidden from the eye, drawn by the system, or laid over the page on purpose.
    if (!owner || words === '' || owner.closest('.visually-hidden, .skip, option, script, style, title, #svelte-announcer, [role=menu], [role=log]')) continue;
    if (!owner.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const cut = clip(owner, words);
    for (const box of range.getClientRects()) {
      const seen = cut ? meet(box, cut) : box;
      if (seen && seen.width > 0) lines.push({ words, owner, box: seen });
    }
  }

  for (const { words, owner, box } of lines) {
    for (let around: Element | null = owner; around && around !== document.body; around = around.parentElement) {
      const style = getComputedStyle(around);
      if (style.display === 'inline' || style.display === 'contents') continue;
      const room = around.getBoundingClientRect();
      if (box.left < room.left - SLACK || box.right > room.right + SLACK) {
        found.add(`“${words}” sticks out of <${around.localName} class="${around.className}">`);
        break;
      }
      if (style.position === 'absolute' || style.position === 'fixed') break;
    }
  }

  // Fonts reserve room above and below their letters that may overlap; the middle of a line may not.
  const middles = lines.map((line) => ({ ...line, box: new DOMRect(line.box.x, line.box.y + line.box.height / 4, line.box.width, line.box.height / 2) }));
  middles.forEach((one, at) => {
    for (const other of middles.slice(at + 1)) {
      if (other.owner === one.owner) continue;
      const shared = meet(one.box, other.box);
      if (shared && shared.width > SLACK && shared.height > SLACK) found.add(`“${one.words}” lies on “${other.words}”`);
    }
  });
  return [...found];

  /** The part of the screen in which a text can be seen; complains where it is cut and nothing says that it goes on. */
  function clip(owner: Element, words: string): DOMRect | null {
    for (let around: Element | null = owner; around && around !== document.body; around = around.parentElement) {
      const { overflowX, overflowY, textOverflow, webkitLineClamp, display } = getComputedStyle(around);
      if (display === 'inline' || (overflowX === 'visible' && overflowY === 'visible')) continue;
      const isElided = (textOverflow === 'ellipsis' || webkitLineClamp !== 'none') && around.closest('[title]') !== null;
      const wide = overflowX === 'hidden' && around.scrollWidth > around.clientWidth + 1;
      const tall = overflowY === 'hidden' && around.scrollHeight > around.clientHeight + SLACK * 2;
      if ((wide || tall) && around.contains(owner) && !isElided && hides(around, owner)) found.add(`“${words}” is cut off by <${around.localName} class="${around.className}">`);
      return around.getBoundingClientRect();
    }
    return null;
  }

  /** Whether it is this text that does not fit, and not a drawing beside it. */
  function hides(around: Element, owner: Element): boolean {
    const [room, text] = [around.getBoundingClientRect(), owner.getBoundingClientRect()];
    return around === owner || text.left < room.left - SLACK || text.right > room.right + SLACK || text.bottom > room.bottom + SLACK || text.top < room.top - SLACK;
  }

  function meet(one: DOMRect, other: DOMRect): DOMRect | null {
    const [left, top] = [Math.max(one.left, other.left), Math.max(one.top, other.top)];
    const [right, bottom] = [Math.min(one.right, other.right), Math.min(one.bottom, other.bottom)];
    return right > left && bottom > top ? new DOMRect(left, top, right - left, bottom - top) : null;
  }
}
