// How a graphics card looks, judged by its model's name: the owner should recognise his own.

import type { GpuView } from '$lib/bindings/GpuView';

/** The outside of a card. Sizes are in the units of the drawing. */
export interface Chassis {
  width: number;
  height: number;
  /** Cards for data centres have none: the air comes from the case. */
  fans: number;
}

const LARGE: Chassis = { width: 252, height: 112, fans: 3 };
const MIDDLE: Chassis = { width: 222, height: 106, fans: 2 };
const SMALL: Chassis = { width: 172, height: 92, fans: 2 };
const TINY: Chassis = { width: 128, height: 86, fans: 1 };
const PASSIVE: Chassis = { width: 244, height: 88, fans: 0 };

/** First match wins. An unknown card is drawn in the middle: two fans offend nobody. */
const CHASSIS: [RegExp, Chassis][] = [
  [/\b(A100|A30|A40|A10|H100|H200|B200|GH200|L4|L40S?|T4|V100|P100|P40|MI\d{2,3}X?)\b|\bTesla\b/i, PASSIVE],
  [/\bRTX (PRO )?6000\b|\bA6000\b/i, MIDDLE],
  [/\b[2-5]090\b|\b[3-5]080\b|\bRX ?(79|69|90)\d0\b/i, LARGE],
  [/\b(1030|1630|A310|A380|6400)\b/i, TINY],
  [/\b[2-5]0[56]0\b|\b1[06][56]0\b|\bRX ?[5-9][56]\d0\b/i, SMALL],
];

/** The outside of a card of this model. */
export function chassis({ model }: Pick<GpuView, 'model'>): Chassis {
  return CHASSIS.find(([pattern]) => pattern.test(model))?.[1] ?? MIDDLE;
}

/** The model without the maker, which everybody knows from it. */
export function shortModel(model: string): string {
  return model
    .replace(/\((R|TM|C)\)/gi, '')
    .replace(/^(NVIDIA|AMD|Intel)\s+(?=\S+ )/i, '')
    .replace(/\s+(\d+-Core\s+)?Processor$/i, '')
    .replace(/\s+CPU(\s*@.*)?$/i, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Seconds per turn at a measured speed; absent if the fans stand still or nobody measured. */
export function secondsPerTurn(fanPercent: number | null): number | null {
  if (fanPercent === null || fanPercent <= 0) return null;
  // A fan at full speed turns some 50 times a second, which a screen cannot draw; one turn in 0.9 s reads as fast.
  return Math.round((90 / fanPercent) * 100) / 100;
}
