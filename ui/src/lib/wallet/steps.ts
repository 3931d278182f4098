// How far a withdrawal is, as a row of steps.

import type { WithdrawalState } from '$lib/bindings/WithdrawalState';

/** What happens one after the other. */
export const STEPS = ['signed', 'sent', 'final'] as const;

/** Which step is being taken; null where nothing happens any more. */
export function stepOf({ kind }: WithdrawalState): number | null {
  switch (kind) {
    case 'prepared':
      return 0;
    case 'signed':
      return 1;
    case 'sent':
      return 2;
    case 'final':
    case 'refused':
      return null;
  }
}
