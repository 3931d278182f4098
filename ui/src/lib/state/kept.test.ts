import { describe, expect, it } from 'vitest';
import { isKept, keep, offer } from './kept';

const first = { uuid: 'GPU-1', model: 'NVIDIA GeForce RTX 4090' };
const second = { uuid: 'GPU-2', model: 'NVIDIA GeForce RTX 4090' };

describe('cards an owner keeps', () => {
  it('are named by uuid, model or the beginning of either', () => {
    expect(isKept(['gpu-1'], first)).toBe(true);
    expect(isKept(['NVIDIA*'], first)).toBe(true);
    expect(isKept(['NVIDIA'], first)).toBe(false);
    expect(keep(['NVIDIA*'], first)).toEqual(['NVIDIA*']);
    expect(keep([], first)).toEqual(['GPU-1']);
  });

  it('do not include the one that is offered, and still the others of its name', () => {
    expect(offer(['NVIDIA GeForce RTX 4090', 'Intel*'], first, [first, second])).toEqual(['Intel*', 'GPU-2']);
    expect(offer(['GPU-1'], first, [first, second])).toEqual([]);
  });
});
