// Which cards an owner keeps: by UUID or model, as `rules.toml` names them; `*` stands for any ending.

/** What names a card. */
export interface Named {
  uuid: string;
  model: string;
}

/** Whether one of the names is the card's. */
export function isKept(kept: string[], gpu: Named): boolean {
  return kept.some((pattern) => covers(pattern, gpu));
}

/** The names once the card is kept. */
export function keep(kept: string[], gpu: Named): string[] {
  return isKept(kept, gpu) ? kept : [...kept, gpu.uuid];
}

/** The names once the card is offered. A name that covers other cards of the PC too is written out for those. */
export function offer(kept: string[], gpu: Named, all: Named[]): string[] {
  const others = all.filter((other) => other.uuid !== gpu.uuid && isKept(kept, other));
  const left = kept.filter((pattern) => !covers(pattern, gpu));
  return [...left, ...others.filter((other) => !isKept(left, other)).map(({ uuid }) => uuid)];
}

function covers(pattern: string, { uuid, model }: Named): boolean {
  const [wanted, ...names] = [pattern, uuid, model].map((text) => text.toLowerCase()) as [string, string, string];
  return names.some((name) => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted));
}
