// Electrical power.

/** Whole watts without the unit, which is drawn smaller beside the figure. */
export function watts(milliwatts: number): string {
  return Math.round(milliwatts / 1_000).toString();
}
