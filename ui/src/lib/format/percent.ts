// Shares of a whole.

/** Parts per thousand as whole percent without the sign, rounded down: 99.9 % is not done. */
export function percent(permille: number): string {
  return Math.floor(permille / 10).toString();
}
