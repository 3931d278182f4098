// Texts with backticks around what is to be typed or looked for as it stands, such as a command.

export interface Piece {
  text: string;
  isCode: boolean;
}

/** The pieces of a text, in their order. A backtick that nothing closes, and two with nothing between them, stand for themselves. */
export function pieces(text: string): Piece[] {
  return text
    .split(/`([^`]+)`/)
    .map((text, at) => ({ text, isCode: at % 2 === 1 }))
    .filter(({ text }) => text !== '');
}
