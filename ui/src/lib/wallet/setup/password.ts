// A password that did not exist before: typed twice, used once, then gone.

/** The shortest that the agent takes. */
export const PASSWORD_LETTERS_MIN = 8;

/** As it is typed. */
export interface NewPassword {
  first: string;
  again: string;
  /** Whether the desktop's keyring keeps it. */
  remember: boolean;
}

/** Nothing typed yet. */
export function noPassword(): NewPassword {
  return { first: '', again: '', remember: false };
}

/** Whether the agent would take it. Letters count, not the bytes they are stored in. */
export function isPassword({ first, again }: NewPassword): boolean {
  return [...first].length >= PASSWORD_LETTERS_MIN && first === again;
}
